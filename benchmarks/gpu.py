"""A GPU that several studies share, beside a bare loop over the networks and beside one tool, one
film at a time.

``python -m benchmarks.gpu --write docs/gpu.md`` should take less than four minutes on a GPU and
keeps what it measured, and on what. ``--device cpu --quick`` only shows that it runs.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import nn

from benchmarks import gpu_paths
from benchmarks.gpu_usage import GpuUsage, machine
from cxr_agent.models.runtime.device import Device, choose
from cxr_agent.models.runtime.torch_backend import TorchNetwork
from cxr_agent.testing.phantom import draw, random_spec

_MEASURED: Final = "## Measured"
_BATCH_FILMS: Final = 400
_DRAWN: Final = 24
"""Different chests among them: drawing one takes longer than reading it."""
_FILM_PX: Final = 512
_Rows = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    films: int
    most_px: int
    """Of a tile."""
    sizes: tuple[int, ...]
    """Batches that the bare loop tries."""
    lanes: tuple[tuple[int, int], ...]
    """Lanes, and runs that the device does at a time; first what a batch on a GPU has, see
    ``reading/batches.py`` and ``models/runtime/runtime.py``."""
    loop_s: float
    """Of one model in one size of batch."""
    path_s: float
    batch_s: float
    """Of reading a whole batch; 0 leaves it out."""


FULL: Final = Plan(
    films=32,
    most_px=384,
    sizes=(8, 16, 32, 64, 128),
    lanes=((8, 2), (8, 4), (16, 2), (16, 4), (32, 2), (32, 4)),
    loop_s=0.5,
    path_s=5.0,
    batch_s=60.0,
)
QUICK: Final = Plan(
    films=2, most_px=128, sizes=(1, 2), lanes=((4, 2),), loop_s=0.01, path_s=0.05, batch_s=0.0
)


def rows(device: Device, plan: Plan) -> _Rows:
    """What the table shows."""
    made = gpu_paths.random_networks(device)
    plain = gpu_paths.plain_networks(made, device)
    read = gpu_paths.films(plan.films, plan.most_px)
    found: _Rows = []
    bare, resident = _bare(found, made, device, read, plan)
    ours = _gathered(found, made, device, read, plan)
    each, own = _sequential(found, plain, device, read, plan)
    found += [
        ("gathered over the bare loop (limit 0.90)", f"{ours / bare:.2f}"),
        ("gathered over the bare loop without copies", f"{ours / resident:.2f}"),
        ("gathered over one tool, one film, one tile at a time (limit 5)", f"{ours / each:.1f}"),
        ("gathered over one tool, one film at a time", f"{ours / own:.1f}"),
    ]
    alone, exact = gpu_paths.difference(made, plain, device, read[-1])
    found.append(
        (
            "how far a result in a batch lies from alone, and from float32 (limit 0.02)",
            f"{alone:.1e}, {exact:.1e}",
        )
    )
    del made, plain
    if plan.batch_s:
        found.append(_whole_batch(device, plan.batch_s))
    return found


def _bare(
    found: _Rows,
    made: dict[str, TorchNetwork],
    device: Device,
    read: Sequence[gpu_paths.Film],
    plan: Plan,
) -> tuple[float, float]:
    """Films a second with and without the copies, each model in batches of its best size."""
    rates = []
    tile = {model: tiles[0] for model, tiles in read[0]}
    for name, rate_of in (
        ("bare loop: batches of the best size, from memory to memory", gpu_paths.bare_rate),
        ("the same, tiles and results staying on the device", gpu_paths.resident_rate),
    ):
        seconds, best = 0.0, []
        with GpuUsage(device) as usage:
            for model, network in made.items():
                tried = {
                    size: rate_of(network, tile[model], size, plan.loop_s) for size in plan.sizes
                }
                size = max(tried, key=lambda one: tried[one])
                seconds += gpu_paths.tiles_of_a_film(model) / tried[size]
                best.append(f"{model} {size}")
        rates.append(1 / seconds)
        found.append((name, f"{1 / seconds:.1f} films a second ({', '.join(best)}){usage.told}"))
    return rates[0], rates[1]


def _gathered(
    found: _Rows,
    made: dict[str, TorchNetwork],
    device: Device,
    read: Sequence[gpu_paths.Film],
    plan: Plan,
) -> float:
    rates = {}
    for lanes, at_once in plan.lanes:
        with GpuUsage(device) as usage:
            one = gpu_paths.gathered(
                made, device, read, lanes=lanes, at_once=at_once, seconds=plan.path_s
            )
        rates[lanes, at_once] = one.rate
        found.append(
            (
                f"gathered: {lanes} lanes, {at_once} runs at a time",
                f"{one.rate:.1f} films a second, {one.batch:.1f} anatomy tiles a run{usage.told}",
            )
        )
    return rates[plan.lanes[0]]


def _sequential(
    found: _Rows,
    plain: dict[str, nn.Module],
    device: Device,
    read: Sequence[gpu_paths.Film],
    plan: Plan,
) -> tuple[float, float]:
    rates = []
    for name, each in (
        ("one tool, one film, one tile at a time, float32", True),
        ("one tool, one film at a time, float32", False),
    ):
        with GpuUsage(device) as usage:
            rate = gpu_paths.sequential_rate(plain, device, read, plan.path_s, each=each)
        rates.append(rate)
        found.append((name, f"{rate:.1f} films a second{usage.told}"))
    return rates[0], rates[1]


def _whole_batch(device: Device, seconds: float) -> tuple[str, str]:
    """Everything: decoding, reading, traces, reports."""
    name = f"batch of {_FILM_PX} px films: decoding, reading, traces, reports"
    try:
        from cxr_agent.reading import Agent
        from cxr_agent.reading.batches import BatchOptions
    except ImportError as error:
        return name, f"not measured: {error.name} is not installed"
    ended: list[float] = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as kept:
        folder = Path(kept)
        _write_films(folder / "films")
        options = BatchOptions().on(device)
        with (
            GpuUsage(device) as usage,
            Agent(model="none", device=str(device)) as agent,
            agent.batch(folder / "films", folder / "out", options) as batch,
        ):
            end = time.monotonic() + seconds
            for _ in batch.fresh():
                ended.append(time.monotonic())
                if ended[-1] > end:
                    batch.stop("long enough")
    first = options.processes * (options.lanes or 1)  # these load the models
    if len(ended) < first + 2:
        return name, f"not measured: {len(ended)} films in {seconds:.0f} s"
    rate = (len(ended) - 1 - first) / (ended[-1] - ended[first])
    return name, (
        f"{rate:.1f} films a second, {options.processes} processes of {options.lanes} lanes"
        f"{usage.told}"
    )


def _write_films(folder: Path) -> None:
    """Drawn chests, each several times with other noise: no file is like another."""
    rng = np.random.default_rng(0)
    drawn = [draw(random_spec(rng), size=_FILM_PX).pixels * 255 for _ in range(_DRAWN)]
    folder.mkdir()
    for number in range(_BATCH_FILMS):
        film = drawn[number % _DRAWN] + rng.normal(0, 1, (_FILM_PX, _FILM_PX))
        path = folder / f"{number:06d}.png"
        Image.fromarray(np.clip(np.rint(film), 0, 255).astype(np.uint8)).save(path)


def table(device: Device, plan: Plan) -> str:
    """What was measured, and on what, as Markdown."""
    lines = [f"On {machine(device)}.", ""]
    if device.kind == "cpu":
        lines += ["This is a CPU: the figures say nothing about a GPU.", ""]
    lines += ["| what | measured |", "|---|---|"]
    lines += [f"| {what} | {measured} |" for what, measured in rows(device, plan)]
    return "\n".join(lines) + "\n"


def keep(page: Path, text: str) -> None:
    """Put a table in the place of what was measured before."""
    before, _, _ = page.read_text(encoding="utf-8").partition(f"{_MEASURED}\n")
    page.write_text(f"{before}{_MEASURED}\n\n{text}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--quick", action="store_true", help="only see whether it runs")
    parser.add_argument("--write", type=Path, metavar="FILE", help=f"replaces its {_MEASURED!r}")
    options = parser.parse_args(arguments)
    device = choose(options.device)
    if options.write is not None and (device.kind == "cpu" or options.quick):
        parser.error("--write keeps what a full run on a GPU measured, and nothing else")
    if device.kind == "cpu":
        torch.set_num_threads(1)  # threads that wait for each other make it no shorter
    text = table(device, QUICK if options.quick else FULL)
    print(text)
    if options.write is not None:
        keep(options.write, text)


if __name__ == "__main__":
    main()
