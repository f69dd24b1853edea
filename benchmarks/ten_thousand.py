"""A batch over 10,000 small phantom films; its log is ``benchmarks/ten_thousand.log``.

Every 500 studies: how many are settled, the rate since the last line, the resident memory of the
process that keeps the ledger and of the workers. What should be flat is flat from the second line.

    python -m benchmarks.ten_thousand [COUNT]

Takes most of an hour on two cores and some 4 GB of disk, which are given back.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from benchmarks.batch import write_phantoms
from cxr_agent.batch.batch import Batch
from cxr_agent.batch.pool import LocalPool
from cxr_agent.reading import Agent
from cxr_agent.reading.batches import BatchOptions

_LOG = Path(__file__).with_name("ten_thousand.log")
_SIZE = 256
_EVERY = 500


def main() -> None:
    """Write the films, read them, look at what came of it."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with (
        _LOG.open("w", encoding="utf-8") as log,
        tempfile.TemporaryDirectory(dir=Path.cwd()) as name,
    ):
        folder = Path(name)
        _say(log, f"{count:,} phantoms of {_SIZE} px, {os.cpu_count()} cores, {_machine()}")
        began = time.monotonic()
        write_phantoms(folder / "films", count, _SIZE)
        _say(log, f"films drawn in {time.monotonic() - began:.0f} s")
        with _batch(folder) as batch:
            _read(batch, log)
            outcomes = {" ".join(key).strip(): count for key, count in batch.reasons().items()}
            frame = batch.to_frame("studies")
            assert len(frame) == frame["name"].nunique() == count
            assert set(batch.to_frame("limitations")["study"]) <= set(frame["study"])
        _say(log, f"each of {count:,} studies once in the table: {outcomes}")
        for part in ("reports", "traces", "batch.sqlite"):
            _say(log, f"{part}: {_mib(folder / 'out' / part)} MiB")
        began = time.monotonic()
        with _batch(folder) as again:
            again.run()
            _say(log, f"run again: {again.progress.here} read, {time.monotonic() - began:.0f} s")
        shutil.rmtree(folder / "out")


@contextmanager
def _batch(folder: Path) -> Iterator[Batch]:
    with (
        Agent(model="none", device="cpu") as agent,
        agent.batch(folder / "films", folder / "out", BatchOptions(keep_results=False)) as batch,
    ):
        yield batch


def _read(batch: Batch, log: TextIO) -> None:
    last, began = 0, time.monotonic()
    for _ in batch.fresh():
        done = batch.progress.here
        if done - last < _EVERY:
            continue
        now = time.monotonic()
        assert isinstance(batch.runner, LocalPool)
        workers = [_resident(pid) for pid in batch.runner.pids]
        _say(
            log,
            f"{done:>6,} settled, {(done - last) / (now - began):.2f} a second; resident: "
            f"ledger {_resident(os.getpid())} MiB, workers {workers} MiB",
        )
        last, began = done, now
    progress = batch.progress
    _say(
        log,
        f"{progress.here:,} in {progress.seconds:.0f} s, {progress.here / progress.seconds:.2f} a "
        f"second; {progress.failed} failed, {progress.lost} attempts lost",
    )


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def _mib(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else iter([path])
    return sum(file.stat().st_size for file in files if file.is_file()) // 2**20


def _machine() -> str:
    return f"{platform.machine()}, Python {platform.python_version()}"


def _say(log: TextIO, line: str) -> None:
    print(line, flush=True)
    print(line, file=log, flush=True)


if __name__ == "__main__":
    main()
