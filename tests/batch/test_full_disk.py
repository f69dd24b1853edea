"""A disk that is really full: what was settled stays, and with room again the batch goes on."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_agent.batch.ledger import Ledger
from cxr_agent.errors import OutputError
from cxr_agent.reading.batches import BatchOptions

from .faulty import faulty_agent, write_films

_STUDIES = 40


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small file system can be mounted by root alone")
    command = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine mounts nothing")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_full_disk(small_disk: Path, tmp_path: Path, workers: int) -> None:
    films, out = tmp_path / "films", small_disk / "out"
    write_films(films, _STUDIES)
    options = BatchOptions(workers=workers, keep_results=False)
    with (
        faulty_agent() as agent,
        pytest.raises(OutputError) as caught,
        agent.batch(films, out, options) as batch,
    ):
        batch.run()
    assert caught.value.code in ("disk_full", "output_not_writable")
    with Ledger(out, write=False) as ledger:
        before = {settled.study.name: settled.run for settled in ledger.settled()}
    assert 0 < len(before) < _STUDIES
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    with faulty_agent() as agent, agent.batch(films, out, options) as batch:
        assert batch.run().here == _STUDIES - len(before)
    with (out / "studies.csv").open() as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert len(rows) == _STUDIES
    assert {row["outcome"] for row in rows.values()} == {"read"}
    assert {name: rows[name]["run"] for name in before} == before
