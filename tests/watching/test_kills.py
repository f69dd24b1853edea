"""A watch that is killed again and again: each study is read once and stored once."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.watching.layout import LEDGER
from tests.interop.archive import LOGIN, Archive, orthanc
from tests.interop.films import film
from tests.long_runs import long_or

KILLS = long_or(6, 25)
STUDIES = long_or(4, 12)
SEED = 7


def rows(out: Path, what: str) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(f"file:{out / LEDGER}?mode=ro", uri=True)
    try:
        return db.execute(what).fetchall()
    finally:
        db.close()


def started(out: Path, archive: Archive) -> subprocess.Popen[bytes]:
    key = {"CXR_AGENT_DICOMWEB_LOGIN": ":".join(LOGIN)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.watching.killed", out, archive.url, "0.3"],
        env={**os.environ, **key},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"watching\n"
    return process


def reports_of(archive: Archive) -> Counter[str]:
    """How many reports each study has in the archive."""
    instances = archive.instances()
    found: Counter[str] = Counter()
    for one in instances:
        tags = archive.request("GET", f"/instances/{one['ID']}/simplified-tags").decode()
        if '"Modality" : "SR"' in tags:
            (line,) = [x for x in tags.splitlines() if '"StudyInstanceUID"' in x]
            found[line.split('"')[3]] += 1
    return found


@pytest.mark.slow
@pytest.mark.long
def test_kills_at_any_moment_cost_no_result_and_double_none(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    dice, out = random.Random(SEED), tmp_path / "out"
    with orthanc(tmp_path) as archive:
        for number in range(1, STUDIES // 2 + 1):
            archive.put(film("KILLED", number))
        unfinished = 0
        for kill in range(KILLS):
            if kill == KILLS // 3:  # some come later
                for number in range(STUDIES // 2 + 1, STUDIES + 1):
                    archive.put(film("KILLED", number))
            process = started(out, archive)
            assert process.stdout is not None
            with process.stdout:
                time.sleep(dice.uniform(0.1, 4.0))
                process.send_signal(signal.SIGKILL)
                process.wait()
            unfinished += rows(out, "SELECT count(*) FROM study WHERE state != 'stored'")[0][0]
        process = started(out, archive)
        assert process.stdout is not None
        with process.stdout:
            until = time.monotonic() + 90
            while time.monotonic() < until:
                done = rows(out, "SELECT count(*) FROM study WHERE state = 'stored'")[0][0]
                if done == STUDIES:
                    break
                time.sleep(0.2)
            time.sleep(1)  # what comes from ourselves is nothing new
            process.terminate()
            process.wait(10)
        assert rows(out, "SELECT state, code, count(*) FROM study GROUP BY 1, 2") == [
            ("stored", "", STUDIES)
        ]
        assert reports_of(archive) == Counter(
            {uid: 2 for (uid,) in rows(out, "SELECT key FROM study")}
        )
    runs = {run for (run,) in rows(out, "SELECT run FROM study")}
    assert len(runs) == STUDIES
    assert {one.name for one in (out / "traces").iterdir()} == runs
    assert {one.name for one in (out / "objects").iterdir()} == runs
    assert unfinished  # the kills hit the work
    record_property("kills", KILLS)
    record_property("seed", SEED)
    record_property("studies", STUDIES)
