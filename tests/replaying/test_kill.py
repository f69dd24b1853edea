"""kill -9 at any moment of a reading, or of going on with one, again and again.

Nothing that was acknowledged is lost, nothing is done twice, and the report is that of a reading
that was left alone.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from cxr_agent.reading.places import STATE_VARIABLE
from cxr_agent.trace import (
    EvidenceAdded,
    RunFinished,
    RunResumed,
    ToolCalled,
    ToolReturned,
    Trace,
    read_trace,
    verify,
)
from tests.long_runs import long_or

from .test_resume import told
from .warm import RUN

KILLS = long_or(50, 200)
SEED = 14
OF_ONE = 12
"""After so many kills a run is left to end."""
LATEST = 1.25
"""A child is killed before this share of the time that a reading takes: some end before."""


class Warm:
    """The process that forks readers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.replaying.warm", str(folder / "whole")],
            cwd=Path(__file__).parents[2],
            env=os.environ | {STATE_VARIABLE: str(folder / "state"), "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        what, seconds = self._line().split()
        assert what == "ready"
        self.seconds = float(seconds)
        """That a reading takes."""

    def child(self, what: str, traces: Path, seconds: float) -> tuple[int, dict[int, str]]:
        """Its status, and the hash of each line that it was told is on the disk, by number."""
        _open(self._process.stdin).write(f"{what} {traces} {seconds}\n")
        _open(self._process.stdin).flush()
        kept = {}
        while (line := self._line().split())[0] == "kept":
            kept[int(line[1])] = line[2]
        assert line[0] == "ended", line
        return int(line[1]), kept

    def close(self) -> None:
        _open(self._process.stdin).close()
        self._process.wait(30)
        _open(self._process.stdout).close()

    def _line(self) -> str:
        line = _open(self._process.stdout).readline()
        assert line.endswith("\n"), "the process ended"
        return line


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[Warm]:
    made = Warm(tmp_path)
    yield made
    made.close()


def done_once(trace: Trace) -> bool:
    """Whether no step, and no piece of evidence, is there twice."""
    kinds = {
        "called": [e.step for e in trace.events if isinstance(e, ToolCalled)],
        "returned": [e.step for e in trace.events if isinstance(e, ToolReturned)],
        "evidence": [e.evidence["id"] for e in trace.events if isinstance(e, EvidenceAdded)],
        "ends": ["run" for e in trace.events if isinstance(e, RunFinished)],
    }
    return all(len(set(found)) == len(found) for found in kinds.values())


def kept_by(trace: Trace, kept: dict[int, str]) -> bool:
    """Whether every line that was acknowledged is there as it was."""
    return all(trace.digests[seq - 1 : seq] == (digest,) for seq, digest in kept.items())


@pytest.mark.slow
@pytest.mark.long
def test_kills_of_readings_and_of_resumes(
    warm: Warm, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    draw = random.Random(SEED)
    whole = read_trace(tmp_path / "whole" / RUN)
    assert whole.finished is not None
    assert whole.finished.report_sha256 is not None
    assert done_once(whole)
    story, report = told(whole), whole.artifact(whole.finished.report_sha256)
    kills = ended = resumed = 0
    while kills < KILLS:
        traces = tmp_path / f"traces-{ended}"
        run, kept = traces / RUN, dict[int, str]()
        what, before = "read", kills
        while True:
            killed = kills < KILLS and kills < before + OF_ONE
            seconds = draw.uniform(0, LATEST * warm.seconds) if killed else 60.0
            status, more = warm.child(what, traces, seconds)
            assert status in (0, -signal.SIGKILL)
            kills += status != 0
            kept |= more
            if not (run / "trace.jsonl").exists() or not (trace := read_trace(run)).lines:
                assert not kept  # killed before there was a line: read anew
                shutil.rmtree(traces, ignore_errors=True)
                continue
            found = verify(trace)
            assert found.intact, found.problems
            assert kept_by(trace, kept)
            assert done_once(trace)
            if trace.finished is not None:
                break
            assert status != 0
            what = "resume"
        ended += 1
        resumed += any(isinstance(event, RunResumed) for event in trace.events)
        assert told(trace) == story
        assert trace.artifact(str(trace.finished.report_sha256)) == report
        assert found.sealed or status != 0
        shutil.rmtree(traces)
    assert ended > KILLS / OF_ONE
    # On a busy machine there are more runs, and many of them end before their kill comes.
    assert resumed > KILLS / OF_ONE / 2
    for name, value in {"kills": kills, "seed": SEED, "runs": ended, "resumed": resumed}.items():
        record_property(name, value)
