"""An overview of a large batch: seconds and memory, by how many studies there are."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from tests.batch.overview.made import Made, fill, judged, limited, measured

SIZES: Final = (1_000, 10_000, 100_000)
_READING: Final = "A sentence of the length that the readings of evidence mostly have. " * 2
_ALONE: Final = """
import resource, sys, time
from pathlib import Path
from cxr_agent.batch.overview.overview import overview_of
from cxr_agent.viewing.overview import overview_page

def most() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before, began, folder = most(), time.perf_counter(), Path(sys.argv[1])
page = overview_page(overview_of([folder], by=["order", "device"]), [folder], folder)
print(f"{time.perf_counter() - began:.1f} s, {(most() - before) / 1024:.0f} MiB more, "
      f"{len(page) // 1024} KiB of page")
"""


def rows(sizes: tuple[int, ...] = SIZES) -> list[tuple[str, str]]:
    """What was measured: each in a process of its own, for its memory."""
    measured_rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            made = fill(Path(folder) / "batch", _studies(size))
            command = [sys.executable, "-c", _ALONE, str(made)]
            said = subprocess.run(command, capture_output=True, text=True, check=True)
        measured_rows.append((f"overview of {size:,} studies, 12 rows each", said.stdout.strip()))
    return measured_rows


def _studies(size: int) -> Iterator[Made]:
    rng = np.random.default_rng(0)
    more = {"reading": _READING, "tool_version": "1.0", "weights_sha256": "0" * 64}
    for number in range(size):
        values = rng.normal(0.5, 0.05, 4)
        likely = rng.random(4)
        yield Made(
            f"f{number}",
            [
                *(measured(float(v), f"m{i}", **more) for i, v in enumerate(values)),
                *(judged("absent", float(p), code=f"f{i}", **more) for i, p in enumerate(likely)),
                *(limited("devices", f"l{i}") | more for i in range(4)),
            ],
            device="cpu" if number % 3 else "cuda:0",
        )
