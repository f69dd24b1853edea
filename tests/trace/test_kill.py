"""kill -9 at any moment: what was acknowledged is there, whole and in its chain."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxr_agent.trace import read_trace, verify

ROUNDS = 8

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


@pytest.mark.parametrize("number", range(ROUNDS))
def test_killed_run_keeps_every_acknowledged_line(root: Path, number: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(root), f"run-{number}"], stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(random.uniform(0, 0.3))
    finally:
        child.kill()
        rest, _ = child.communicate(timeout=30)
    acknowledged = [int(line) for line in (first + rest).split(b"\n")[:-1]]
    assert acknowledged == list(range(1, len(acknowledged) + 1))
    assert acknowledged

    trace = read_trace(root / f"run-{number}")
    found = verify(trace)
    assert found.problems == ()
    assert not found.finished
    # The line being written when the kill came may be there too, but no more than that.
    assert found.lines - len(acknowledged) in (0, 1)
