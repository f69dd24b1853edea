"""Warm readings in one process, 2,000 in full: memory, handles, threads and files stay flat."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.reading import Agent
from cxr_agent.testing.phantom import draw, random_spec
from tests.long_runs import long_or

READINGS = long_or(30, 2000)
WARM_UP = long_or(10, 200)
"""Readings after which caches and allocators have what they keep."""
FILMS = long_or(4, 40)
SEED = 31
EVERY = long_or(2, 20)
"""Readings between two looks."""
GROWTH_MIB = 24.0
"""Over all readings after the warm-up, by the fitted line: in full 13 KiB a reading, less than any
mask or picture of a film has."""


@dataclass(frozen=True)
class Held:
    """What a process, and those that it started, hold."""

    mib: float
    handles: int
    threads: int
    processes: int
    temporary: int


def held(temporary: Path) -> Held:
    """Resident memory of this process and its children, and what this one has open."""
    processes = _with_children(os.getpid())
    return Held(
        mib=sum(_resident_mib(pid) for pid in processes),
        handles=len(list(Path("/proc/self/fd").iterdir())),
        threads=len(list(Path("/proc/self/task").iterdir())),
        processes=len(processes),
        temporary=sum(1 for _ in temporary.rglob("*")),
    )


def _with_children(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _with_children(int(child))
    return found


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def films_in(folder: Path) -> list[Path]:
    """Different phantoms in different shapes."""
    folder.mkdir()
    rng = np.random.default_rng(SEED)
    made = []
    for number in range(FILMS):
        pixels = draw(random_spec(rng), 512).pixels
        cut = pixels[: 512 - int(rng.integers(0, 24)), : 512 - int(rng.integers(0, 24))]
        made.append(folder / f"{number}.png")
        Image.fromarray(np.rint(cut * 65535).astype(np.uint16)).save(made[-1])
    return made


@pytest.mark.slow
@pytest.mark.long
def test_warm_readings_hold_no_more_and_no_more(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    films, looks = films_in(tmp_path / "films"), list[tuple[int, Held]]()
    first: dict[Path, list[str]] = {}
    with Agent(device="cpu", model="none", traces=tmp_path / "traces") as agent:
        for number in range(READINGS):
            film = films[number % FILMS]
            report = agent.read(film)
            said = [sentence.text for sentence in (*report.findings, *report.impression)]
            assert first.setdefault(film, said) == said  # the last as the first
            shutil.rmtree(tmp_path / "traces" / report.run_id)
            if number >= WARM_UP and number % EVERY == 0:
                looks.append((number, held(temporary)))
        active = threading.active_count()
    at = np.array([number for number, _ in looks])
    mib, *counts = np.array([astuple(look) for _, look in looks]).T
    slope = float(np.polyfit(at, mib, 1)[0])
    grown = slope * (at[-1] - at[0])
    record_property("readings", READINGS)
    record_property("films", FILMS)
    record_property("seed", SEED)
    record_property("resident_mib_from", f"{mib[0]:.0f}")
    record_property("resident_mib_to", f"{mib[-1]:.0f}")
    record_property("kib_a_reading", f"{slope * 1024:.2f}")
    for name, values in zip(("handles", "threads", "processes", "temporary"), counts, strict=True):
        record_property(name, f"{values[0]:.0f}..{values[-1]:.0f}")
        assert values.max() == values.min(), f"{name} did not stay the same: {values}"
    assert grown < GROWTH_MIB, f"{slope * 1024:.1f} KiB a reading"
    assert threading.active_count() <= active
