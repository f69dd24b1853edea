"""Pretrain the encoder without a label.

    python -m training.pretrain --extra DIR --minutes 14

Two parts of each film are shown, cut and exposed differently, and three things are asked for:

* which two parts belong together (SimCLR: Chen et al., ICML 2020),
* how one part lies to the other, in place and scale: the *layout* of the chest, and
* how much brighter and more contrasted one is shown than the other: *appearance*,

the last two in the spirit of CheXWorld (Yue et al., 2025), which learns local structure, global
layout and domain variation. Test films of every set are left out.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cxr_agent.models.networks.encoder import Encoder
from training.films import pool, sets
from training.films.augment import SELF_SUPERVISED, show
from training.films.duplicates import without_duplicates
from training.runs import RUNS, Average, Budget, Log, descend, device, keep_log, schedule

FOLDER = RUNS / "pretrain"
SIZE = 96
TEMPERATURE = 0.15


class Tasks(nn.Module):
    """The encoder and one head per task."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        width = self.encoder.width
        self.together = nn.Sequential(
            nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 128)
        )
        self.layout = nn.Sequential(nn.Linear(2 * width, 256), nn.ReLU(), nn.Linear(256, 3))
        self.appearance = nn.Sequential(nn.Linear(2 * width, 256), nn.ReLU(), nn.Linear(256, 2))

    def forward(self, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Projections (2N, 128), relative layout (N, 3) and relative appearance (N, 2)."""
        pooled = self.encoder(torch.cat([one, other])).mean((2, 3))
        first, second = pooled.chunk(2)
        pair = torch.cat([first, second], dim=1)
        return self.together(pooled), self.layout(pair), self.appearance(pair)


def contrast(projections: Tensor) -> tuple[Tensor, Tensor]:
    """NT-Xent over a batch of pairs, and the share of parts that found their partner."""
    unit = functional.normalize(projections.float(), dim=1)
    likeness = unit @ unit.T / TEMPERATURE
    likeness.fill_diagonal_(-1e4)
    half = len(unit) // 2
    partner = torch.arange(len(unit), device=unit.device).roll(half)
    found = (likeness.argmax(1) == partner).float().mean()
    return functional.cross_entropy(likeness, partner), found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=14)
    parser.add_argument("--steps", type=int, help="instead of minutes, where runs are compared")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--peak", type=float, default=2e-3)
    parser.add_argument("--name", default="encoder")
    chosen = parser.parse_args()
    torch.manual_seed(5)
    torch.set_num_threads(chosen.threads)
    rng = np.random.default_rng(5)
    films = [
        film
        for film in without_duplicates(sets.chest_films(chosen.shared, chosen.extra))[0]
        if film.split != "test" and film.view != "lateral" and film.source not in sets.TESTS_ONLY
    ]
    held = pool.load(films, size=pool.STORED_SIZE)
    where = device()
    tasks = Tasks().to(where, memory_format=torch.channels_last)
    average = Average(Tasks().to(where), tasks)
    optimiser = torch.optim.AdamW(tasks.parameters(), lr=chosen.peak, weight_decay=2e-2)
    log = Log.start(FOLDER, chosen.name)
    log.write(run=chosen.name, films=len(films), sources=sets.count_by_source(films))
    budget = Budget(chosen.minutes, chosen.steps)
    last = time.monotonic()
    for share in budget:
        schedule(optimiser, share, chosen.peak, budget.step)
        chosen_films = rng.choice(len(held), chosen.batch, replace=False)
        squares, reach = held.squares[chosen_films], held.reach[chosen_films]
        one = show(squares, reach, chosen.size, rng, SELF_SUPERVISED)
        other = show(squares, reach, chosen.size, rng, SELF_SUPERVISED)
        with torch.autocast(where.type, dtype=torch.bfloat16):
            projections, layout, appearance = tasks(
                one.tiles.to(where, memory_format=torch.channels_last),
                other.tiles.to(where, memory_format=torch.channels_last),
            )
        together, found = contrast(projections)
        moved = functional.smooth_l1_loss(
            layout.float(), (other.layout - one.layout).to(where), beta=0.1
        )
        shade = functional.smooth_l1_loss(
            appearance.float(), (other.appearance - one.appearance).to(where), beta=0.1
        )
        descend(tasks, optimiser, together + 2 * moved + 0.5 * shade)
        average.update(tasks, budget.step)
        if time.monotonic() - last > 60 or budget.step == 10:
            last = time.monotonic()
            log.write(
                run=chosen.name,
                step=budget.step,
                share=round(share, 3),
                contrast=round(together.item(), 4),
                partner_found=round(found.item(), 3),
                layout=round(moved.item(), 4),
                appearance=round(shade.item(), 4),
            )
            torch.save(average.network.encoder.state_dict(), FOLDER / f"{chosen.name}.pt")
    torch.save(average.network.encoder.state_dict(), FOLDER / f"{chosen.name}.pt")
    log.write(run=chosen.name, step=budget.step, share=1.0, cpu_s=round(time.process_time()))
    keep_log(FOLDER, chosen.name, Path("training/pretrain/logs"))


if __name__ == "__main__":
    main()
