"""The training loop of the view network.

python -m training.view.train --extra DIR --minutes 10
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cxr_agent.models.networks.view import INPUT_SIZE, ViewNet
from cxr_agent.models.view import FLAGS, KINDS
from cxr_agent.testing.phantom import draw, random_spec
from training.anatomy.negatives import draw_negative
from training.films import pool, sets
from training.films.augment import Strength, show
from training.films.pool import STORED_SIZE, Pool
from training.runs import RUNS, Average, Budget, Log, descend, device, schedule
from training.view import data
from training.view.turn import changed

FOLDER = RUNS / "view"
STRENGTH = Strength(zoom=(0.7, 1.25), shift=0.15, turn_deg=14, aspect=0.1, gamma=0.4, contrast=0.3)
_SHARES = {"frontal": 0.58, "lateral": 0.10, "other": 0.20, "drawn": 0.06, "phantom": 0.06}


@dataclass(frozen=True, slots=True)
class Batch:
    """Tiles and what is to be said of them."""

    tiles: Tensor
    kind: Tensor
    turn: Tensor
    """-1 where it means nothing."""
    flags: Tensor
    """NaN where not known."""


class Sampler:
    """Draws pictures, turns some of them, and says so."""

    def __init__(self, pools: dict[str, Pool], seed: int) -> None:
        self._pools = pools
        self._rng = np.random.default_rng(seed)
        frontal = pools["frontal"].films
        sources = sets.count_by_source(frontal)
        # Every set counts by the root of its size, or the largest would be all that is learnt.
        weights = np.array([sources[film.source] ** -0.5 for film in frontal])
        weights *= np.array(
            [3.0 if film.child and film.source == "nih" else 1.0 for film in frontal]
        )
        self._frontal = weights / weights.sum()

    def batch(self, count: int) -> Batch:
        rng = self._rng
        names = rng.choice(list(_SHARES), count, p=list(_SHARES.values()))
        squares, reaches, kinds, turns, flags = [], [], [], [], []
        for name in names:
            square, reach, kind, flag = self._picture(str(name))
            turn = -1
            if kind != KINDS.index("other"):
                turn = int(rng.choice(4, p=(0.55, 0.15, 0.15, 0.15)))
                mirrored, inverted = bool(rng.random() < 0.3), bool(rng.random() < 0.25)
                square, reach = changed(
                    square, reach, quarters=turn, mirrored=mirrored, inverted=inverted
                )
                flag[FLAGS.index("mirrored")] = mirrored
                flag[FLAGS.index("inverted")] = inverted
                if kind == KINDS.index("lateral"):  # a side view faces either way
                    flag[FLAGS.index("mirrored")] = np.nan
            squares.append(square)
            reaches.append(reach)
            kinds.append(kind)
            turns.append(turn)
            flags.append(flag)
        shown = show(np.stack(squares), np.stack(reaches), INPUT_SIZE, rng, STRENGTH)
        return Batch(
            shown.tiles,
            torch.tensor(kinds),
            torch.tensor(turns),
            torch.from_numpy(np.stack(flags)),
        )

    def _picture(
        self, name: str
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], int, NDArray[np.float32]]:
        rng = self._rng
        if name == "drawn":
            square = (draw_negative(STORED_SIZE, rng) * 255).astype(np.uint8)
            unknown = np.full(len(FLAGS), np.nan, dtype=np.float32)
            return square, np.ones(2, np.float32), KINDS.index("other"), unknown
        if name == "phantom":
            chest = draw(random_spec(rng), STORED_SIZE)
            flag = np.array([np.nan, 0, 0, np.nan], dtype=np.float32)
            square = (chest.pixels * 255).astype(np.uint8)
            return square, np.ones(2, np.float32), KINDS.index("frontal"), flag
        held = self._pools[name]
        item = (
            int(rng.choice(len(held), p=self._frontal))
            if name == "frontal"
            else int(rng.integers(len(held)))
        )
        film = held.films[item]
        return held.squares[item], held.reach[item], data.kind_of(film), data.flags_of(film)


def loss_of(network: ViewNet, batch: Batch, where: torch.device) -> Tensor:
    """Cross-entropy of all heads, where the answer is known."""
    with torch.autocast(where.type, dtype=torch.bfloat16):
        kind, turn, flags = network(batch.tiles.to(where, memory_format=torch.channels_last))
    truth = batch.flags.to(where)
    known = ~truth.isnan()
    entropy = functional.binary_cross_entropy_with_logits(
        flags.float(), truth.nan_to_num(), reduction="none"
    )
    return (
        functional.cross_entropy(kind.float(), batch.kind.to(where))
        + functional.cross_entropy(turn.float(), batch.turn.to(where), ignore_index=-1)
        + (entropy * known).sum() / known.sum().clamp(min=1) * 2
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--peak", type=float, default=2e-3)
    parser.add_argument("--name", default="view")
    chosen = parser.parse_args()
    torch.manual_seed(3)
    torch.set_num_threads(2)
    where = device()
    films = data.films(chosen.shared, chosen.extra, "train")
    pools = {name: pool.load(getattr(films, name)) for name in ("frontal", "lateral", "other")}
    sampler = Sampler(pools, seed=3)
    network = ViewNet().to(where, memory_format=torch.channels_last)
    average = Average(ViewNet().to(where), network, decay=0.995)
    optimiser = torch.optim.AdamW(network.parameters(), lr=chosen.peak, weight_decay=5e-2)
    log = Log.start(FOLDER, chosen.name)
    log.write(
        run=chosen.name,
        **{name: sets.count_by_source(held.films) for name, held in pools.items()},
    )
    budget, last, running = Budget(chosen.minutes), time.monotonic(), 0.0
    for share in budget:
        schedule(optimiser, share, chosen.peak, budget.step)
        network.train()
        loss = loss_of(network, sampler.batch(chosen.batch), where)
        descend(network, optimiser, loss)
        average.update(network, budget.step)
        running = 0.98 * running + 0.02 * loss.item() if running else loss.item()
        if time.monotonic() - last > 60:
            last = time.monotonic()
            log.write(
                run=chosen.name, step=budget.step, share=round(share, 3), loss=round(running, 4)
            )
            torch.save(average.network.state_dict(), FOLDER / f"{chosen.name}.pt")
    torch.save(average.network.state_dict(), FOLDER / f"{chosen.name}.pt")
    log.write(run=chosen.name, step=budget.step, share=1.0, loss=running)


if __name__ == "__main__":
    main()
