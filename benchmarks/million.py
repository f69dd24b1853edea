"""What a study of a batch takes in time, memory and disk, and what a million of them would.

``python -m benchmarks.million`` prints the tables of docs/million_studies.md. What is measured is
per study; the rest is multiplication.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image

from cxr_agent.batch.batch import Batch
from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.ledger import Ledger
from cxr_agent.batch.ray import RayRunner
from cxr_agent.batch.tables import write_tables
from cxr_agent.batch.work import FileFacts, Outcome, StudyResult, Task
from cxr_agent.reading import Agent
from cxr_agent.reading.batches import BatchOptions
from cxr_agent.testing.phantom import draw, random_spec

SIDE = 2048
FEW, MANY = 2, 10
"""Films of two batches: their difference is without the start of the worker."""
DRAWN = 4
"""Chests; the others are these with one other pixel."""
LEDGER_STUDIES = 10_000
INSTANT = 1_000
MILLION = 1_000_000
HOUR_S = 3600.0


@dataclass(frozen=True)
class Folder:
    """What lies under a folder."""

    files: int
    folders: int
    size: int
    """Bytes."""
    blocks: int
    """Bytes that the file system gives them."""

    @classmethod
    def of(cls, root: Path) -> Folder:
        files = [path for path in root.rglob("*") if path.is_file()]
        folders = [path for path in root.rglob("*") if path.is_dir()]
        stats = [path.stat() for path in (*files, *folders)]
        return cls(
            len(files),
            len(folders),
            sum(path.stat().st_size for path in files),
            sum(one.st_blocks * 512 for one in stats),
        )


@dataclass(frozen=True)
class Reading:
    """What reading one study takes."""

    cpu_s: float
    peak_mib: int
    traces: Folder
    cache: Folder
    """Results of tools that are kept."""
    report: float
    """Bytes, as JSON."""
    page: float
    """Bytes, as HTML, when asked for."""


def read(root: Path) -> Reading:
    """Read two batches of different size and divide their difference."""
    films = root / "films"
    films.mkdir()
    drawn = [draw(random_spec(np.random.default_rng(n)), SIDE).pixels for n in range(DRAWN)]
    for number in range(MANY):
        film = np.rint(drawn[number % DRAWN] * 65535).astype(np.uint16)
        film[0, 0] = number
        Image.fromarray(film).save(films / f"{number:02d}.png")
    every = sorted(films.iterdir())
    few, many = (_read(root / f"of {count}", every[:count]) for count in (FEW, MANY))
    _read(root / "pages", every[:DRAWN], html=True)
    return Reading(
        cpu_s=(many.cpu_s - few.cpu_s) / (MANY - FEW),
        peak_mib=many.peak_mib,
        traces=Folder.of(root / f"of {MANY}" / "traces"),
        cache=Folder.of(root / f"of {MANY}" / "cache"),
        report=_mean_size(root / f"of {MANY}", ".json"),
        page=_mean_size(root / "pages", ".html"),
    )


@dataclass(frozen=True)
class Run:
    """What one batch took."""

    cpu_s: float
    """Of its workers."""
    peak_mib: int
    """Of one worker."""


def _mean_size(folder: Path, suffix: str) -> float:
    sizes = [path.stat().st_size for path in folder.glob(f"reports/*/*{suffix}")]
    return sum(sizes) / len(sizes)


def _read(out: Path, films: list[Path], *, html: bool = False) -> Run:
    before = _children_s()
    with Agent(device="cpu") as agent:
        options = BatchOptions(workers=1, html=html)
        with agent.batch(films, out, options) as batch:
            batch.run()
    (session,) = json.loads((out / "manifest.json").read_text())["sessions"]
    return Run(_children_s() - before, session["runner"]["peak_worker_mib"])


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True)
class Kept:
    """What the ledger takes for one study."""

    size: float
    """Bytes."""
    settled_s: float
    tables_s: float
    csv: float
    """Bytes of all tables."""


def keep(root: Path, real: Path) -> Kept:
    """Fill a ledger with results like a real one."""
    with Ledger(real, write=False) as ledger:
        like = [one for one in ledger.settled() if one.state == Outcome.READ]
    folder = root / "ledger"
    with Ledger(folder, create=True) as ledger:
        listing = ledger.begin_listing()
        places = [f"/data/films/p{n // 3:07d}/s{n:08d}/film.dcm" for n in range(LEDGER_STUDIES)]
        ledger.list_studies(listing, [BatchStudy(place, (place,)) for place in places])
        ledger.end_listing(listing)
        began = time.perf_counter()
        for number, place in enumerate(places, 1):
            one = like[number % len(like)]
            facts = FileFacts(place, 8 << 20, time.time_ns(), f"{number:064d}")
            result = StudyResult(
                Outcome.READ, one.code, one.message, one.seconds, f"{number:064d}", (facts,),
                one.rows, (".json",), one.device,
            )  # fmt: skip
            ledger.hand_out(number)
            ledger.settle(number, f"s{number:07d}-01234567", result, "0" * 64)
        settled = time.perf_counter()
        write_tables(ledger)
        tables = time.perf_counter()
    kept = sum(path.stat().st_size for path in folder.glob("batch.sqlite*"))
    written = sum(p.stat().st_size for p in folder.iterdir() if p.suffix in (".csv", ".parquet"))
    return Kept(
        kept / LEDGER_STUDIES,
        (settled - began) / LEDGER_STUDIES,
        (tables - settled) / LEDGER_STUDIES,
        written / LEDGER_STUDIES,
    )


@dataclass(frozen=True)
class Instant:
    """Makes a reader that takes no time over a film of full size."""

    folder: Path
    device: str = "cpu"

    def __call__(self) -> InstantReader:
        return InstantReader()

    def loader(self) -> InstantReader:
        return InstantReader()


class InstantReader(AbstractContextManager["InstantReader"]):
    def load(self, task: Task) -> Any:
        return np.zeros((SIDE, SIDE), dtype=np.float32)

    def read(self, task: Task, loaded: Any) -> StudyResult:
        return StudyResult(Outcome.READ)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


def passed_through_ray(root: Path) -> float:
    """Seconds per study of a batch on Ray that takes no time to read."""
    folder = root / "ray"
    ledger = Ledger(folder, create=True)
    listing = ledger.begin_listing()
    ledger.list_studies(listing, [BatchStudy(str(n), (str(n),)) for n in range(INSTANT)])
    ledger.end_listing(listing)
    with Batch(ledger, RayRunner(Instant(folder)), "") as batch:
        studies = batch.fresh()
        for _ in range(INSTANT // 10):
            next(studies)
        began = time.perf_counter()
        rest = sum(1 for _ in studies)
        return (time.perf_counter() - began) / rest


def measured(reading: Reading, kept: Kept, ray_s: float) -> Iterator[tuple[str, str]]:
    """Per study."""
    traces = reading.traces
    yield "c: CPU time of a reading, one thread", f"{reading.cpu_s:.2f} s"
    yield "m: resident memory of a worker at most", f"{reading.peak_mib} MiB"
    yield "t: trace", f"{traces.size / MANY / 1e3:.0f} kB"
    yield "t on a file system with blocks of 4 KiB", f"{traces.blocks / MANY / 1e3:.0f} kB"
    yield "n: files and folders of a trace", f"{_entries(traces):.1f}"
    cache = reading.cache
    yield "k: results of tools that are kept", f"{cache.blocks / MANY / 1e3:.0f} kB"
    yield "files of them", f"{cache.files / MANY:.1f}"
    yield "r: report as JSON", f"{reading.report / 1e3:.0f} kB"
    yield "h: report as HTML, with --html", f"{reading.page / 1e3:.0f} kB"
    yield "l: ledger", f"{kept.size / 1e3:.2f} kB"
    yield "ledger: handed out and settled, with fsync", f"{kept.settled_s * 1e3:.2f} ms"
    yield "b: tables, CSV and Parquet", f"{kept.csv / 1e3:.2f} kB"
    yield "tables: written", f"{kept.tables_s * 1e3:.2f} ms"
    yield "d: through Ray and the ledger, reading nothing", f"{ray_s * 1e3:.1f} ms"


def extrapolated(reading: Reading, kept: Kept, ray_s: float) -> Iterator[tuple[str, str]]:
    """Of a million."""
    hours = MILLION * reading.cpu_s / HOUR_S
    yield "core hours", f"{hours:.0f}"
    for cores in (16, 64, 256):
        yield f"hours on {cores} cores", f"{hours / cores:.1f}"
    yield "cores that one leader keeps busy", f"{reading.cpu_s / ray_s:.0f}"
    yield "traces", f"{reading.traces.blocks / MANY * MILLION / 1e9:.0f} GB"
    yield (
        "results of tools, if the cache may grow",
        f"{reading.cache.blocks / MANY * MILLION / 1e9:.0f} GB",
    )
    yield "reports as JSON", f"{reading.report * MILLION / 1e9:.0f} GB"
    yield "reports as HTML", f"{reading.page * MILLION / 1e9:.0f} GB"
    yield "ledger", f"{kept.size * MILLION / 1e9:.1f} GB"
    yield "tables", f"{kept.csv * MILLION / 1e9:.1f} GB"
    yield "writing the tables once", f"{kept.tables_s * MILLION / 60:.0f} min"
    entries = _entries(reading.traces) + 1
    yield "files and folders of traces and reports", f"{entries * MILLION / 1e6:.0f} million"


def _entries(traces: Folder) -> float:
    """Of one study; the folder of its thousand is left out."""
    return (traces.files + traces.folders - 1) / MANY


def main() -> None:
    # Not /tmp, which may be memory: there an fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        root = Path(name)
        reading = read(root)
        print(reading, flush=True)
        kept = keep(root, root / f"of {MANY}")
        print(kept, flush=True)
        ray_s = passed_through_ray(root)
    print(f"On {os.cpu_count()} cores, Python {platform.python_version()}.")
    for title, rows in (
        ("Measured, per study", measured(reading, kept, ray_s)),
        ("Extrapolated, a million studies", extrapolated(reading, kept, ray_s)),
    ):
        print(f"\n| {title} | |\n|---|---|")
        for what, value in rows:
            print(f"| {what} | {value} |")


if __name__ == "__main__":
    main()
