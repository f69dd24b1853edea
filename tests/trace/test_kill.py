"""kill -9 at any moment: what was acknowledged is there, whole and in its chain.

That holds for a run that another process goes on with, too, as often as it is killed.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxr_agent.trace import RunFinished, RunResumed, RunStarted, TraceWriter, read_trace, verify

ROUNDS = 8
RESUMED = 12
"""Kills of the run that is resumed."""

CHILD = """
import sys
from pathlib import Path
from cxr_agent.trace import RunStarted, ToolReturned, TraceWriter

writer = TraceWriter.create(Path(sys.argv[1]), sys.argv[2])
line = writer.append(RunStarted(run_id=writer.run_id, program_version="1", planner="scripted"))
while True:
    print(line.seq, flush=True)
    text = chr(ord("a") + line.seq % 26) * (line.seq * 997 % 20_000)
    line = writer.append(
        ToolReturned(
            step=line.seq,
            tool="t",
            outcome="ok",
            result={"text": text},
            seconds=0.0,
            artifacts={"mask": writer.put(text.encode())},
        )
    )
"""


RESUMING = """
import sys
from pathlib import Path
from cxr_agent.trace import RunFinished, RunResumed, TraceWriter, Withdrawn

writer, trace = TraceWriter.resume(Path(sys.argv[1]))
line = writer.append(RunResumed(program_version="1", planner="scripted"))
while True:
    print(line.seq, flush=True)
    if line.seq % 5:
        text = chr(ord("a") + line.seq % 26)
        event = Withdrawn(evidence=(text * 200,) * (line.seq * 31 % 60), reason="why")
        line = writer.append(event)
    else:
        writer.append(RunFinished(status="complete", seconds=0.0))
        line = writer.append(RunResumed(program_version="1", planner="scripted"))
"""


def killed(program: str, *arguments: str, within: float) -> list[int]:
    """Run ``program`` until it has printed a number, and kill it up to ``within`` s later.

    Returns
    -------
    list of int
        The numbers that it printed.
    """
    child = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        bufsize=0,  # communicate() would not see what readline() had read ahead
    )
    try:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(random.uniform(0, within))
    finally:
        child.kill()
        rest, _ = child.communicate(timeout=30)
    return [int(line) for line in (first + rest).split(b"\n")[:-1]]


@pytest.mark.parametrize("number", range(ROUNDS))
def test_killed_run_keeps_every_acknowledged_line(root: Path, number: int) -> None:
    acknowledged = killed(CHILD, str(root), f"run-{number}", within=0.3)
    assert acknowledged == list(range(1, len(acknowledged) + 1))
    assert acknowledged

    trace = read_trace(root / f"run-{number}")
    found = verify(trace)
    assert found.problems == ()
    assert not found.finished
    # The line being written when the kill came may be there too, but no more than that.
    assert found.lines - len(acknowledged) in (0, 1)


def test_killed_run_can_be_resumed_as_often_as_it_is_killed(root: Path) -> None:
    with TraceWriter.create(root, "run") as writer:
        writer.append(RunStarted(run_id="run", program_version="1", planner="scripted"))
    before = read_trace(root / "run").lines
    for _ in range(RESUMED):
        acknowledged = killed(RESUMING, str(root / "run"), within=0.05)
        assert acknowledged[0] == len(before) + 1
        trace = read_trace(root / "run")
        assert verify(trace).problems == ()
        assert trace.lines[: len(before)] == before
        # Of a run_finished and the run_resumed after it, only the second is acknowledged.
        assert len(trace.lines) - acknowledged[-1] in (0, 1, 2)
        before = trace.lines
    writer, trace = TraceWriter.resume(root / "run")
    with writer:
        writer.append(RunResumed(program_version="1", planner="scripted"))
        writer.append(RunFinished(status="complete", seconds=0))
    found = verify(read_trace(root / "run"))
    assert found.problems == ()
    assert (found.lines, found.finished, found.torn) == (len(before) + 2, True, False)
