"""Kills at random moments, of workers and of everything: each study is there exactly once."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_agent.batch.ledger import Ledger
from tests.long_runs import long_or

from .fake import write_texts

_KILLS = long_or(24, 200)
_OF_ALL = long_or(8, 60)
_SEED = 11
_STUDIES = long_or(60, 200)
"""That a round adds."""
_ROOT = Path(__file__).resolve().parents[2]


class Running:
    """The batch in its process; what it acknowledged is kept as it comes."""

    def __init__(self, out: Path, texts: Path) -> None:
        self.settled: dict[str, str] = {}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.batch.killed", str(out), str(texts), "0.02"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            start_new_session=True,
        )
        self.ended = False
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            match line.split():
                case ["settled", name, run]:
                    self.settled[name] = run
                case ["end"]:
                    self.ended = True

    def workers(self) -> list[int]:
        try:
            told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        except OSError:
            return []
        return [pid for pid in map(int, told.split()) if b"spawn_main" in _command(pid)]

    def done(self) -> None:
        self.process.wait()
        self.thread.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.long
def test_kills_at_random_moments(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    draw = random.Random(_SEED)
    texts, out = tmp_path / "texts", tmp_path / "out"
    studies = write_texts(texts, _STUDIES)
    acknowledged: dict[str, str] = {}
    kills = Counter[str]()
    added = len(studies)
    while kills.total() < _KILLS:
        running = Running(out, texts)
        everything = kills["all"] < _OF_ALL
        for _ in range(draw.randrange(4) if everything else _KILLS):
            time.sleep(draw.uniform(0.0, 0.3))
            if kills.total() >= _KILLS or running.process.poll() is not None:
                break
            if workers := running.workers():
                kills["worker"] += _kill(draw.choice(workers))
        if everything and kills.total() < _KILLS:
            time.sleep(draw.uniform(0.0, 0.5))
            kills["all"] += _kill(running.process.pid)
        running.done()
        for name, run in running.settled.items():
            assert acknowledged.setdefault(name, run) == run, f"{name} was read again"
        if running.ended:  # all is read: there must be more to do
            studies = write_texts(texts, added := added + _STUDIES)
    last = Running(out, texts)
    last.done()
    assert last.process.returncode == 0
    assert last.ended
    acknowledged |= last.settled
    with (out / "studies.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [study.name for study in studies]
    runs = {row["name"]: row["run"] for row in rows}
    assert all(runs[name] == run for name, run in acknowledged.items())
    for row in rows:
        if (
            row["outcome"] == "failed"
        ):  # three workers, or six times everything, were killed with it
            assert row["code"] in ("worker_killed", "batch_killed")
            continue
        number = int(row["study"][1:])
        name = int(row["name"])
        assert (out / "reports" / "0000" / f"s{number:07d}.json").read_text() == f"study {name}"
        assert (out / "traces" / "0000" / row["run"] / "trace.jsonl").read_text() == f"study {name}"
    with (out / "measurements.csv").open() as file:
        counted = Counter(row["study"] for row in csv.DictReader(file))
    assert set(counted.values()) == {1}
    assert len(counted) == sum(row["outcome"] == "read" for row in rows)
    traces = [path.name for path in (out / "traces" / "0000").iterdir()]
    assert sorted(traces) == sorted(row["run"] for row in rows if row["run"])
    with Ledger(out, write=False) as ledger:
        assert not ledger.waiting(0)
    for what, count in kills.items():
        record_property(f"kills_of_{what}", count)
    record_property("seed", _SEED)
    record_property("studies", len(rows))
    record_property("acknowledged", len(acknowledged))
