"""The frozen runs of ``traces/golden``, one folder per schema version.

    .venv/bin/python -m tests.trace.golden

wrote ``traces/golden/v2`` once, as it did ``v1`` when that was the version. It refuses to do so
again: a golden trace is frozen, and what it stands for is that traces of that day stay readable.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cxr_agent.trace import Line, RunResumed, read_trace
from cxr_agent.trace.layout import ARTIFACTS, LINES
from cxr_agent.trace.line import FIRST, GENESIS, digest, encode, stamp
from cxr_agent.trace.render import to_text

from .example import RUN_ID, example_events

ROOT: Final = Path(__file__).resolve().parents[2]
GOLDEN: Final = ROOT / "traces" / "golden"
VERSION_1: Final = GOLDEN / "v1"
"""A run of ten events, one of each kind that there was."""
VERSION_2: Final = GOLDEN / "v2"
"""The run of :mod:`tests.trace.example`."""
SHOWN: Final = "show.txt"

_START: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
_TICK: Final = timedelta(milliseconds=125)
_BOOT: Final = 1000.0
"""Monotonic seconds at the start of the run."""
_REBOOT: Final = 10.0
"""And where it is resumed: another machine's clock, which is far behind."""


def write_run(folder: Path) -> None:
    """Write the example as a run in ``folder``, at its fixed times."""
    artifacts = folder / ARTIFACTS
    artifacts.mkdir(parents=True)

    def put(data: bytes) -> str:
        (artifacts / digest(data)).write_bytes(data)
        return digest(data)

    previous, clock = GENESIS, _BOOT
    with (folder / LINES).open("xb") as file:
        for seq, event in enumerate(example_events(put), FIRST):
            if isinstance(event, RunResumed):
                clock = _REBOOT
            line = Line(
                seq=seq,
                time=stamp(_START + (seq - FIRST) * _TICK),
                monotonic=clock,
                previous=previous,
                event=event,
            )
            data = encode(line)
            file.write(data + b"\n")
            previous = digest(data)
            clock += _TICK.total_seconds()


if __name__ == "__main__":
    write_run(VERSION_2 / RUN_ID)
    (VERSION_2 / SHOWN).write_text(to_text(read_trace(VERSION_2 / RUN_ID), full=True), "utf-8")
