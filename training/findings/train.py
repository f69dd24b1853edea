"""The training loop of the findings network.

    python -m training.findings.train --name final --sources nih,jsrt,montgomery,shenzhen \
        --extra DIR --minutes 30

Starts from the pretrained encoder; writes ``training/runs/findings/<name>.pt`` and ``.jsonl``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cxr_agent.models.networks.findings import INPUT_SIZE, FindingsNet
from cxr_agent.models.tile import make_tile
from training.films import pool, sets
from training.films.augment import SUPERVISED, show
from training.films.film import Film
from training.findings import data
from training.findings.scores import auc
from training.runs import RUNS, Average, Budget, Log, descend, device, schedule

FOLDER = RUNS / "findings"
_SMOOTH = 0.02
_COARSE_SHARE = 0.15
"""Films shown at half their resolution: sharpness must not tell one source from another."""


def tiles_of(films: list[Film], size: int = INPUT_SIZE) -> NDArray[np.float32]:
    """(N, S, S), prepared as the reading path prepares them."""
    return np.stack([make_tile(film.pixels(), size)[0] for film in films])


@torch.no_grad()
def logits_of(
    network: FindingsNet, tiles: NDArray[np.float32], batch: int = 64
) -> NDArray[np.float32]:
    """(N, labels)"""
    network.eval()
    where = next(network.parameters()).device
    parts = [
        network(torch.from_numpy(tiles[i : i + batch, None]).to(where))[0].float().cpu().numpy()
        for i in range(0, len(tiles), batch)
    ]
    return np.concatenate(parts)


def sampling(truth: NDArray[np.float32]) -> NDArray[np.float64]:
    """How often each film is drawn: rare findings more often than they are, never all the time."""
    positives = np.nansum(truth, axis=0)
    worth = np.sqrt(len(truth) / np.maximum(positives, 20))
    weights = 1 + np.nanmax(np.where(truth == 1, worth, 0), axis=1)
    share: NDArray[np.float64] = weights / weights.sum()
    return share


def coarsen(tiles: Tensor, rng: np.random.Generator) -> Tensor:
    """Take the detail from some films."""
    some = torch.from_numpy(rng.random(len(tiles)) < _COARSE_SHARE).view(-1, 1, 1, 1)
    small = functional.avg_pool2d(tiles, 2)
    return torch.where(some, functional.interpolate(small, scale_factor=2, mode="bilinear"), tiles)


def loss_of(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy over the labels that are known."""
    known = ~truth.isnan()
    soft = truth.nan_to_num() * (1 - 2 * _SMOOTH) + _SMOOTH
    entropy = functional.binary_cross_entropy_with_logits(logits, soft, reduction="none")
    return (entropy * known).sum() / known.sum().clamp(min=1)


def step(
    network: FindingsNet,
    optimiser: torch.optim.Optimizer,
    train: pool.Pool,
    truth: NDArray[np.float32],
    picked: NDArray[np.int64],
    rng: np.random.Generator,
) -> float:
    """One step down on the films that were picked; the loss before it."""
    where = next(network.parameters()).device
    shown = show(train.squares[picked], train.reach[picked], INPUT_SIZE, rng, SUPERVISED)
    network.train()
    with torch.autocast(where.type, dtype=torch.bfloat16):
        tiles = coarsen(shown.tiles, rng).to(where, memory_format=torch.channels_last)
        logits, _ = network(tiles)
    loss = loss_of(logits.float(), torch.from_numpy(truth[picked]).to(where))
    descend(network, optimiser, loss)
    return loss.item()


def aucs(truth: NDArray[np.float32], logits: NDArray[np.float32]) -> dict[str, float]:
    """By code, for the labels of which both films with and films without are known."""
    found = {code: auc(truth[:, i], logits[:, i]) for i, code in enumerate(data.CODES)}
    return {code: round(value, 4) for code, value in found.items() if not np.isnan(value)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--sources", default=",".join(data.LEARNT))
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--peak", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", help="a run to go on from; else the pretrained encoder")
    chosen = parser.parse_args()
    torch.manual_seed(chosen.seed)
    torch.set_num_threads(2)
    rng = np.random.default_rng(chosen.seed)
    where = device()
    sources = chosen.sources.split(",")
    films = data.frontal(chosen.shared, chosen.extra)
    train = pool.load(data.part(films, "train", sources))
    truth = data.targets(train.films)
    drawn = sampling(truth)
    check = data.part(films, "validation", sources)
    check_tiles, check_truth = tiles_of(check), data.targets(check)
    network = FindingsNet(len(data.CODES)).to(where, memory_format=torch.channels_last)
    if chosen.start is not None:
        weights = torch.load(FOLDER / f"{chosen.start}.pt", weights_only=True)
        network.load_state_dict(weights)
    else:
        weights = torch.load(RUNS / "pretrain" / "encoder.pt", weights_only=True)
        network.encoder.load_state_dict(weights)
    average = Average(FindingsNet(len(data.CODES)).to(where), network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=chosen.peak, weight_decay=5e-2)
    log = Log.start(FOLDER, chosen.name)
    log.write(
        run=chosen.name,
        sources=sets.count_by_source(train.films),
        positives=dict(zip(data.CODES, np.nansum(truth, axis=0).astype(int).tolist(), strict=True)),
        validation=len(check),
    )
    budget = Budget(chosen.minutes)
    last, running = time.monotonic(), 0.0

    def report(share: float) -> None:
        logits = logits_of(average.network, check_tiles)
        found = aucs(check_truth, logits)
        log.write(
            run=chosen.name,
            step=budget.step,
            share=round(share, 3),
            loss=round(running, 4),
            mean_auc=round(float(np.mean(list(found.values()))), 4),
            auc=found,
        )
        torch.save(average.network.state_dict(), FOLDER / f"{chosen.name}.pt")

    for share in budget:
        schedule(optimiser, share, chosen.peak, budget.step)
        picked = rng.choice(len(train), chosen.batch, p=drawn)
        loss = step(network, optimiser, train, truth, picked, rng)
        average.update(network, budget.step)
        running = 0.98 * running + 0.02 * loss if running else loss
        if time.monotonic() - last > 150:
            last = time.monotonic()
            report(share)
    report(1.0)


if __name__ == "__main__":
    main()
