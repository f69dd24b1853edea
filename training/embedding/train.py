"""The training loop of the embedding network.

    python -m training.embedding.train --extra DIR --minutes 14

Starts from the encoder that was pretrained without labels and then learnt findings. Two views of
each film are partners, and films are partners as far as they share findings or a patient
(supervised contrast: Khosla et al., NeurIPS 2020, with graded partners).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from torch import Tensor
from torch.nn import functional

from cxr_agent.models.networks.embedding import INPUT_SIZE, PROTOTYPES, EmbeddingNet
from training.embedding.likeness import likeness
from training.embedding.retrieval import precision_at, recall_at_one
from training.films import pool, sets
from training.films.augment import Strength, show
from training.films.duplicates import without_duplicates
from training.films.film import Film
from training.findings.data import FINE
from training.findings.train import tiles_of
from training.runs import RUNS, Average, Budget, Log, descend, device, schedule

FOLDER = RUNS / "embedding"
SOURCES = ("nih", "jsrt", "montgomery", "shenzhen", "covid", "wingspan")
STRENGTH = Strength(zoom=(0.7, 1.1), shift=0.15)
TEMPERATURE = 0.1


def films_of(shared: Path, extra: Path, split: str) -> list[Film]:
    """Frontal films of adults; what is measured on needs a copy that is fine enough."""
    return [
        film
        for film in without_duplicates(
            [f for f in sets.chest_films(shared, extra) if f.source in SOURCES and not f.child]
        )[0]
        if film.split == split and (split == "train" or film.grain >= FINE)
    ]


@torch.no_grad()
def embed(network: EmbeddingNet, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, DIMENSIONS)"""
    network.eval()
    where = next(network.parameters()).device
    return np.concatenate(
        [
            network(torch.from_numpy(tiles[i : i + 64, None]).to(where)).float().cpu().numpy()
            for i in range(0, len(tiles), 64)
        ]
    )


def contrast(vectors: Tensor, partners: Tensor) -> Tensor:
    """Cross-entropy between who lies near and who ought to; the film itself is left out."""
    scores = vectors.float() @ vectors.float().T / TEMPERATURE
    scores.fill_diagonal_(-1e4)
    wanted = partners.clone().fill_diagonal_(0)
    wanted = wanted / wanted.sum(1, keepdim=True)
    return -(wanted * functional.log_softmax(scores, dim=1)).sum(1).mean()


class Sampler:
    """Half of a batch are pairs of films of one patient, half are films with rare findings."""

    def __init__(self, films: tuple[Film, ...], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        by_person: dict[str, list[int]] = {}
        for index, film in enumerate(films):
            by_person.setdefault(film.person, []).append(index)
        self._groups = [group for group in by_person.values() if len(group) > 1]
        count = {code: sum(film.labels.get(code, False) for film in films) for code in sets.LABELS}
        weights = np.array(
            [
                1 + max((len(films) / count[c]) ** 0.5 for c, there in f.labels.items() if there)
                if any(f.labels.values())
                else 1.0
                for f in films
            ]
        )
        self._weights = weights / weights.sum()

    def pick(self, count: int) -> NDArray[np.int64]:
        rng = self._rng
        groups = rng.choice(len(self._groups), count // 4, replace=False)
        pairs = [rng.choice(self._groups[g], 2, replace=False) for g in groups]
        rest = rng.choice(len(self._weights), count - 2 * len(pairs), p=self._weights)
        return np.concatenate([*pairs, rest])


def step(
    network: EmbeddingNet,
    optimiser: torch.optim.Optimizer,
    train: pool.Pool,
    picked: NDArray[np.int64],
    rng: np.random.Generator,
) -> float:
    """One step down on two views of each film that was picked; the loss before it."""
    where = next(network.parameters()).device
    network.train()
    squares, reach = train.squares[picked], train.reach[picked]
    tiles = torch.cat([show(squares, reach, INPUT_SIZE, rng, STRENGTH).tiles for _ in range(2)])
    table = torch.from_numpy(likeness([train.films[i] for i in picked])).repeat(2, 2)
    with torch.autocast(where.type, dtype=torch.bfloat16):
        vectors = network(tiles.to(where, memory_format=torch.channels_last))
    loss = contrast(vectors, table.to(where))
    descend(network, optimiser, loss)
    return loss.item()


def take_encoder(network: EmbeddingNet, findings: dict[str, Tensor]) -> None:
    """Start from the encoder of a findings network's weights."""
    prefix = "encoder."
    network.encoder.load_state_dict(
        {key.removeprefix(prefix): v for key, v in findings.items() if key.startswith(prefix)}
    )


def set_prototypes(network: EmbeddingNet, vectors: NDArray[np.float32]) -> None:
    """Centres of the training films, on the sphere."""
    centres, _ = kmeans2(vectors, PROTOTYPES, minit="++", seed=0)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    network.prototypes.copy_(torch.from_numpy(centres))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--peak", type=float, default=8e-4)
    parser.add_argument("--start", type=Path, default=RUNS / "findings" / "final.pt")
    parser.add_argument("--name", default="embedding")
    chosen = parser.parse_args()
    torch.manual_seed(4)
    torch.set_num_threads(2)
    rng = np.random.default_rng(4)
    where = device()
    train = pool.load(films_of(chosen.shared, chosen.extra, "train"))
    check = films_of(chosen.shared, chosen.extra, "validation")
    check_tiles = tiles_of(check, INPUT_SIZE)
    sampler = Sampler(train.films, seed=4)
    network = EmbeddingNet().to(where, memory_format=torch.channels_last)
    take_encoder(network, torch.load(chosen.start, weights_only=True))
    average = Average(EmbeddingNet().to(where), network, decay=0.995)
    optimiser = torch.optim.AdamW(network.parameters(), lr=chosen.peak, weight_decay=5e-2)
    log = Log.start(FOLDER, chosen.name)
    log.write(run=chosen.name, films=sets.count_by_source(train.films), validation=len(check))
    budget, last, running = Budget(chosen.minutes), time.monotonic(), 0.0

    def report(share: float) -> None:
        vectors = embed(average.network, check_tiles)
        log.write(
            run=chosen.name,
            step=budget.step,
            share=round(share, 3),
            loss=round(running, 4),
            precision_at_5=round(float(np.mean(precision_at(vectors, check, 5))), 4),
            recall_at_1=round(float(np.mean(recall_at_one(vectors, check))), 4),
        )

    report(0.0)
    for share in budget:
        schedule(optimiser, share, chosen.peak, budget.step)
        loss = step(network, optimiser, train, sampler.pick(chosen.batch), rng)
        average.update(network, budget.step)
        running = 0.98 * running + 0.02 * loss if running else loss
        if time.monotonic() - last > 120:
            last = time.monotonic()
            report(share)
            torch.save(average.network.state_dict(), FOLDER / f"{chosen.name}.pt")
    fine = [film for film in train.films if film.grain >= FINE]
    set_prototypes(average.network, embed(average.network, tiles_of(fine, INPUT_SIZE)))
    torch.save(average.network.state_dict(), FOLDER / f"{chosen.name}.pt")
    report(1.0)


if __name__ == "__main__":
    main()
