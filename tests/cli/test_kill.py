"""A reading that is cut off leaves a trace that tells how far it came."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cxr_agent.trace import RunFinished, read_trace, verify

from .program import MODULE, Films, environment, levels, run_program, save

PATIENCE_S = 60


@pytest.fixture(scope="module")
def large_film(films: Films, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough that every step takes its time."""
    pixels = np.kron(levels(films.phantom.pixels, 8), np.ones((2, 2), dtype=np.uint8))
    return save(tmp_path_factory.mktemp("large") / "large.png", pixels)


def stop_when(
    reached: Callable[[], bool], film: Path, traces: Path, how: signal.Signals
) -> tuple[int, bytes, list[int]]:
    """Start a reading, signal it when it has come so far; status, stderr, its children then."""
    process = subprocess.Popen(
        [sys.executable, *MODULE, "read", str(film)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(traces),
    )
    deadline = time.monotonic() + PATIENCE_S
    while not reached() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.0005)
    children = _children(process.pid)
    process.send_signal(how)
    _, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, err, children


def _children(pid: int) -> list[int]:
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _lines(traces: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in traces.glob("*/trace.jsonl"))


@pytest.mark.parametrize("count", [1, 8, 16])
def test_killed_reading_leaves_a_readable_trace(
    count: int, large_film: Path, tmp_path: Path
) -> None:
    status, _, children = stop_when(
        lambda: _lines(tmp_path) >= count, large_film, tmp_path, signal.SIGKILL
    )
    assert status == -signal.SIGKILL
    (folder,) = tmp_path.iterdir()
    trace = read_trace(folder)
    found = verify(trace)
    assert found.intact, found.problems
    assert not found.finished
    assert len(trace.lines) >= count
    assert not any(isinstance(event, RunFinished) for event in trace.events)
    deadline = time.monotonic() + 10
    while any(_alive(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(_alive(child) for child in children)

    with (folder / "trace.jsonl").open("ab") as file:
        file.write(b'{"seq": 99, "torn')
    checked = run_program("trace", "verify", traces=tmp_path)
    assert checked.status == 0
    assert "intact, not finished, last line torn" in checked.out
    assert "not finished" in run_program("trace", "list", traces=tmp_path).out


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_interrupted_reading_ends_its_trace(large_film: Path, tmp_path: Path) -> None:
    status, err, _ = stop_when(lambda: _lines(tmp_path) >= 4, large_film, tmp_path, signal.SIGINT)
    assert status == 130
    assert b"Traceback" not in err
    assert err.startswith(b"cxr-agent: interrupted")
    (folder,) = tmp_path.iterdir()
    trace = read_trace(folder)
    assert verify(trace).intact
    assert trace.finished is not None
    assert (trace.finished.status, trace.finished.code) == ("failed", "interrupted")


def test_interrupted_list_is_still_json(large_film: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, *MODULE, "read", *[str(large_film)] * 3, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
    )
    deadline = time.monotonic() + PATIENCE_S
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert [entry["status"] for entry in json.loads(out)] == ["complete"]


def test_kill_before_anything_was_read(large_film: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    stop_when(lambda: time.monotonic() > began + 0.1, large_film, tmp_path / "t", signal.SIGKILL)
    assert not (tmp_path / "t").exists()
    assert os.listdir(tmp_path) == []  # noqa: PTH208
