"""The training loop of the anatomy network.

    python -m training.anatomy.train --name base --sources jsrt --minutes 45
    python -m training.anatomy.train --name fold0 --sources jsrt,wingspan --hold-out 0 \
        --start base --minutes 10

Writes ``training/runs/anatomy/<name>.pt`` (averaged weights) and ``<name>.jsonl`` (the log).
``python -m training.anatomy`` runs all stages in order.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from cxr_agent.models.networks.anatomy import INPUT_SIZE, STRUCTURES, AnatomyNet
from cxr_agent.models.tile import make_tile
from cxr_agent.testing.phantom import draw, random_spec
from training.anatomy import augment, data
from training.anatomy.negatives import draw_negative
from training.films.augment import standardise

RUNS = Path("training/runs/anatomy")
BATCH = 8
NEGATIVE_SHARE = 0.10
PHANTOM_SHARE = 0.05
_WEIGHTS = (1.0, 1.0, 1.3, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Pool:
    """Films in memory at one size."""

    films: NDArray[np.uint8]
    """(N, S, S)"""
    bits: NDArray[np.uint8]
    """(N, S, S) bit planes."""
    annotated: NDArray[np.float32]
    """(N, 5) ones where the readers drew the structure."""

    def __len__(self) -> int:
        return len(self.films)


def load(films: list[data.Film], size: int) -> Pool:
    """Read films and masks; both are square in these sets."""
    pixels, bits, annotated = [], [], []
    for film in films:
        image = Image.open(film.image).convert("L").resize((size, size), Image.Resampling.BILINEAR)
        mask = Image.fromarray(film.bits()).resize((size, size), Image.Resampling.NEAREST)
        pixels.append(np.asarray(image, dtype=np.uint8))
        bits.append(np.asarray(mask, dtype=np.uint8))
        annotated.append([float(name in film.annotated) for name in STRUCTURES])
    return Pool(np.stack(pixels), np.stack(bits), np.array(annotated, dtype=np.float32))


def phantoms(count: int, size: int) -> Pool:
    """Procedural chests with exact masks."""
    rng = np.random.default_rng(7)
    drawn = [draw(random_spec(rng), size) for _ in range(count)]
    bits = [
        sum(
            (p.masks[name].astype(np.uint8) << bit for bit, name in enumerate(STRUCTURES)),
            np.zeros((size, size), np.uint8),
        )
        for p in drawn
    ]
    return Pool(
        np.stack([(p.pixels * 255).astype(np.uint8) for p in drawn]),
        np.stack(bits),
        np.ones((count, len(STRUCTURES)), dtype=np.float32),
    )


class Sampler:
    """Draws augmented batches. Pools are visited with the given weights."""

    def __init__(self, pools: list[tuple[Pool, float]], seed: int) -> None:
        self.pools = [pool for pool, _ in pools]
        weights = np.array([weight for _, weight in pools])
        self.weights = weights / weights.sum()
        self.rng = np.random.default_rng(seed)

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Standardised films, masks, (N, 5) annotation flags, (N,) film targets."""
        rng = self.rng
        films, bits, annotated = [], [], []
        for which in rng.choice(len(self.pools), BATCH, p=self.weights):
            pool = self.pools[which]
            item = int(rng.integers(len(pool)))
            films.append(pool.films[item])
            bits.append(pool.bits[item])
            annotated.append(pool.annotated[item])
        x = torch.from_numpy(np.stack(films)).float().unsqueeze(1) / 255
        y = torch.from_numpy(augment.spread_bits(np.stack(bits)))
        flags = torch.from_numpy(np.stack(annotated))
        is_film = torch.ones(BATCH)
        for item in np.flatnonzero(rng.random(BATCH) < NEGATIVE_SHARE):
            is_film[item], flags[item] = 0, 0
            x[item, 0] = self._negative(x[item, 0])
        x, y, inside = augment.warp(x, y, size, rng)
        x = augment.sicken(x, y, rng)
        x = augment.furnish(x, rng)
        x = augment.expose(x, inside, rng)
        return standardise(x, inside), (y > 0.5).float(), flags, is_film

    def _negative(self, film: Tensor) -> Tensor:
        if self.rng.random() < 0.4:  # a film on its side or head
            return torch.rot90(film, int(self.rng.integers(1, 4)))
        return torch.from_numpy(draw_negative(film.shape[-1], self.rng))


def loss_of(masks: Tensor, film: Tensor, y: Tensor, flags: Tensor, is_film: Tensor) -> Tensor:
    """Cross-entropy and soft Dice where drawn, and cross-entropy of the film head."""
    weights = flags * torch.tensor(_WEIGHTS)
    entropy = functional.binary_cross_entropy_with_logits(masks, y, reduction="none").mean((2, 3))
    probability = masks.sigmoid()
    overlap = (probability * y).sum((2, 3))
    dice = 1 - (2 * overlap + 50) / (probability.sum((2, 3)) + y.sum((2, 3)) + 50)
    segmentation = (weights * (entropy * 2 + dice)).sum() / weights.sum().clamp(min=1)
    return segmentation + 0.3 * functional.binary_cross_entropy_with_logits(film, is_film)


def dice_table(
    network: AnatomyNet, films: list[data.Film], size: int = INPUT_SIZE
) -> dict[str, float]:
    """Mean Dice per structure at the films' own size, with the reading path's preparation."""
    network.eval()
    scores: dict[str, list[float]] = {name: [] for name in STRUCTURES}
    for film in films:
        tile, placement = make_tile(film.pixels(), size)
        with torch.no_grad():
            logits, _ = network(torch.from_numpy(tile)[None, None])
        probability = logits[0].sigmoid().numpy()
        for index, name in enumerate(STRUCTURES):
            if name in film.annotated:
                truth = film.planes()[name]
                found = placement.restore(probability[index]) > 0.5
                scores[name].append(2 * (truth & found).sum() / max(1, truth.sum() + found.sum()))
    return {name: round(float(np.mean(values)), 4) for name, values in scores.items() if values}


def train(
    pools: list[tuple[Pool, float]],
    validation: dict[str, list[data.Film]],
    *,
    name: str,
    minutes: float,
    peak: float,
    seed: int,
    start: Path | None,
    size: int = INPUT_SIZE,
    steps: int | None = None,
) -> None:
    """Train for a wall-clock budget, or a number of steps, with a cosine schedule over it."""
    torch.manual_seed(seed)
    torch.set_num_threads(2)
    RUNS.mkdir(parents=True, exist_ok=True)
    network = AnatomyNet().to(memory_format=torch.channels_last)
    if start is not None:
        network.load_state_dict(torch.load(start, weights_only=True))
    average = AnatomyNet().to(memory_format=torch.channels_last)
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=peak, weight_decay=2e-2)
    sampler = Sampler(pools, seed)
    log = RUNS / f"{name}.jsonl"
    log.write_text("")
    began, step, running = time.monotonic(), 0, 0.0
    last_report = began
    while True:
        share = step / steps if steps else (time.monotonic() - began) / (60 * minutes)
        if share >= 1:
            break
        warm = min(1.0, (step + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = peak * warm * (0.5 + 0.5 * math.cos(math.pi * share)) + 1e-6
        # Two thirds of the time at a smaller size: three times the steps for the same price.
        x, y, flags, is_film = sampler.batch(
            min(size, 256) if share < 0.55 and start is None else size
        )
        network.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            masks, film = network(x.contiguous(memory_format=torch.channels_last))
        loss = loss_of(masks.float(), film.float(), y, flags, is_film)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        step += 1
        running = 0.98 * running + 0.02 * loss.item() if running else loss.item()
        decay = min(0.998, (step + 1) / (step + 20))
        with torch.no_grad():
            for kept, new in zip(
                average.state_dict().values(), network.state_dict().values(), strict=True
            ):
                if kept.dtype.is_floating_point:
                    kept.lerp_(new, 1 - decay)
                else:
                    kept.copy_(new)
        if time.monotonic() - last_report > 180 or step == 20:
            last_report = time.monotonic()
            _report(log, name, average, validation, step, share, running)
            torch.save(average.state_dict(), RUNS / f"{name}.pt")
    torch.save(average.state_dict(), RUNS / f"{name}.pt")
    _report(log, name, average, validation, step, 1.0, running)


def _report(
    log: Path,
    name: str,
    network: AnatomyNet,
    validation: dict[str, list[data.Film]],
    step: int,
    share: float,
    running: float,
) -> None:
    line = {
        "run": name,
        "step": step,
        "share": round(share, 3),
        "loss": round(running, 4),
        **{source: dice_table(network, films) for source, films in validation.items()},
    }
    print(json.dumps(line), flush=True)
    with log.open("a") as file:
        file.write(json.dumps(line) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path, help="further lung sets, see training/README.md")
    parser.add_argument("--name", required=True)
    parser.add_argument("--sources", default="jsrt")
    parser.add_argument("--hold-out", type=int, help="wingspan fold to leave out")
    parser.add_argument("--start", help="name of the run to start from")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--peak", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    sources = chosen.sources.split(",")
    split = data.jsrt(chosen.shared)
    size = data.STORED_SIZE
    pools = [(load(split.train, size), 1.0), (phantoms(150, size), PHANTOM_SHARE)]
    validation = {"jsrt": split.validation}
    if "wingspan" in sources:
        folds = data.wingspan(chosen.shared)
        kept = [
            film for fold, films in enumerate(folds) if fold != chosen.hold_out for film in films
        ]
        pools.append((load(kept, size), 1.0))
    if chosen.extra is not None:
        lungs = data.extra(chosen.extra)
        if lungs:
            pools.append((load(lungs, size), 0.6))
    train(
        pools,
        validation,
        name=chosen.name,
        minutes=chosen.minutes,
        peak=chosen.peak,
        seed=chosen.seed,
        start=RUNS / f"{chosen.start}.pt" if chosen.start else None,
    )


if __name__ == "__main__":
    main()
