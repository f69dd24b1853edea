"""A batch beside a bare loop over the same networks.

The bare loop runs the ONNX models on the very tiles that reading the films gives them, ready in
memory, as often as reading runs them, and does nothing else: no decoding, no measuring, no trace.
It runs once with ONNX Runtime's own threads and once in one process per core. Beside it stands the
shortest script that starts from the same files: open a film, make a tile for each network, run the
networks as often. Loops and batch are timed in turn over the same films, the batch once its workers
have loaded the models.

A batch makes some 25 files a film. On ext4 without a journal, that takes ten times as long for five
minutes after many files were deleted (``recently_deleted`` in fs/ext4/ialloc.c of Linux), as a test
suite does: the batch then is a tenth slower, the loops are not.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from cxr_agent.models.card import ModelCard
from cxr_agent.models.runtime.onnx import OnnxNetwork
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.store import load_card
from cxr_agent.models.tile import make_tile
from cxr_agent.reading import Agent
from cxr_agent.reading.batches import BatchOptions
from cxr_agent.testing.phantom import draw, random_spec

_FILMS = 48
_SIZE = 512
_ROUNDS = 3
_WARM = 4
"""Films of each core that are not timed: until then a batch loads what films need now and then."""
_CHESTS = 200
_Tiles = list[list[tuple[str, Any]]]


def rows() -> list[tuple[str, str]]:
    """What the table shows."""
    cores = multiprocessing.cpu_count()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        films = write_phantoms(folder / "films", _FILMS, _SIZE)
        warm = _WARM * cores
        tiles = _tiles(films, folder / "traces")[warm:]
        np.save(folder / "tiles.npy", np.array([None, *tiles], dtype=object), allow_pickle=True)
        loops: list[tuple[float, float, float]] = []
        batches: list[float] = []
        first, peak = 0.0, 0
        for number in range(_ROUNDS):
            loops.append(
                (
                    _loop_rate(tiles, None),
                    _loops_rate(folder / "tiles.npy", cores),
                    _loop_rate(tiles, None, films[warm:]),
                )
            )
            rate, first, peak = _batch_rate(folder / "films", folder / f"out{number}", warm, cores)
            batches.append(rate)
    one, several, script = (statistics.median(rates) for rates in zip(*loops, strict=True))
    ours = statistics.median(batches)
    shares = [
        statistics.median(b / rates[place] for b, rates in zip(batches, loops, strict=True))
        for place in range(3)
    ]
    runs = statistics.fmean(len(film) for film in tiles)
    return [
        (
            f"bare loop over the networks, {runs:.1f} runs a film, ONNX Runtime's own threads",
            f"{one:.2f} films a second",
        ),
        (f"the same in {cores} processes of one thread", f"{several:.2f} films a second"),
        (
            "the same from files: open, one tile for each network; its own threads",
            f"{script:.2f} films a second",
        ),
        (
            f"batch of {_SIZE} px films, {cores} workers: decoding, reading, traces, reports",
            f"{ours:.2f} films a second",
        ),
        ("batch over the bare loop (limit 0.85)", f"{shares[0]:.2f}"),
        ("batch over the script from files", f"{shares[2]:.2f}"),
        ("batch over the loop in several processes", f"{shares[1]:.2f}"),
        ("from the call to the first result", f"{first:.1f} s"),
        ("resident memory of a worker at most", f"{peak} MiB"),
    ]


def write_phantoms(folder: Path, count: int, size: int) -> list[Path]:
    """Films of up to 200 different chests, each film with a noise of its own."""
    folder.mkdir(parents=True)
    made = [folder / f"{number:06d}.png" for number in range(count)]
    specs = [random_spec(np.random.default_rng(number)) for number in range(min(count, _CHESTS))]
    chests = [draw(spec, size=size).pixels for spec in specs]
    for number, path in enumerate(made):
        rng = np.random.default_rng(number)
        pixels = chests[number % _CHESTS] + rng.normal(0, 0.01, (size, size))
        grey = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
        Image.fromarray(grey).save(path, compress_level=1)
    return made


def _tiles(films: Sequence[Path], traces: Path) -> _Tiles:
    """What each network gets for each film, in the order of the runs."""
    found: _Tiles = []
    with noted() as runs, Agent(traces=traces, model="none") as agent:
        for film in films:
            runs.clear()
            agent.read(film)
            found.append(list(runs))
    return found


@contextmanager
def noted() -> Iterator[list[tuple[str, Any]]]:
    """Model and tiles of each run of a network inside the block, in their order."""
    runs: list[tuple[str, Any]] = []
    run = Runtime.run

    def note(self: Runtime, card: ModelCard, tiles: Any) -> Any:
        runs.append((card.id, tiles))
        return run(self, card, tiles)

    with patch.object(Runtime, "run", note):
        yield runs


def _loop_rate(tiles: _Tiles, threads: int | None, films: Sequence[Path] = ()) -> float:
    """Films a second; with ``films``, each is opened and made a tile of for each network."""
    names = {model for film in tiles for model, _ in film}
    networks = {name: OnnxNetwork(load_card(name), threads=threads) for name in names}
    for model, one in tiles[0]:
        networks[model].run(one)
    sizes = [network.card.input_size for network in networks.values()]
    began = time.perf_counter()
    for film, path in zip(tiles, films or [None] * len(tiles), strict=True):
        if path is not None:
            pixels = np.asarray(Image.open(path), dtype=np.float32) / 255
            for size in sizes:
                make_tile(pixels, size)
        for model, one in film:
            for tile in one:  # a batch of several gains nothing on a CPU: benchmarks/runtimes.py
                networks[model].run(tile[None])
    return len(tiles) / (time.perf_counter() - began)


def _loops_rate(tiles: Path, processes: int) -> float:
    """All films by each process at the same time."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        return sum(pool.map(_loop_of_a_process, [tiles] * processes))


def _loop_of_a_process(tiles: Path) -> float:
    return _loop_rate(list(np.load(tiles, allow_pickle=True)[1:]), 1)


def _batch_rate(films: Path, out: Path, warm: int, cores: int) -> tuple[float, float, int]:
    """Studies a second after the first ``warm``, seconds to the first one, MiB of a worker.

    Up to the study after which the first worker finds nothing more to do: of thousands, those at
    the end do not count, and a loop in one process has no such end.
    """
    began = time.perf_counter()
    ended: list[float] = []
    with (
        Agent(model="none", device="cpu") as agent,
        agent.batch(films, out, BatchOptions()) as batch,
    ):
        ended += (time.perf_counter() for _ in batch.fresh())
        peak = int(batch.runner.record()["peak_worker_mib"])
    steady = ended[warm - 1 : len(ended) - cores + 1]
    return (len(steady) - 1) / (steady[-1] - steady[0]), ended[0] - began, peak
