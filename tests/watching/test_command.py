"""``cxr-agent watch`` as it is run in a hospital: real readings, a real archive, real senders."""

from __future__ import annotations

import datetime
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.testing.phantom import draw
from tests.cli.program import MODULE, environment, levels, run_program
from tests.imaging.films import dicom
from tests.interop.archive import LOGIN, TITLE, Archive, free_port, orthanc
from tests.interop.dcmtk import store

KEY = {"CXR_AGENT_DICOMWEB_LOGIN": ":".join(LOGIN)}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with orthanc(tmp_path_factory.mktemp("orthanc"), dicom=True) as one:
        yield one


def phantom(number: int, **values: Any) -> bytes:
    """A film that can be read, taken today."""
    today = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d")
    facts = {
        "PatientID": "MARTHA-77",
        "StudyDate": today,
        "StudyInstanceUID": f"1.2.77.{number}",
        "SeriesInstanceUID": f"1.2.77.{number}.1",
        "SOPInstanceUID": f"1.2.77.{number}.1.1",
        "ImagerPixelSpacing": [0.7, 0.7],
    }
    pixels = levels((1 - number / 100) * draw().pixels, 12)
    return dicom(pixels, **{**facts, **values})


def kinds(archive: Archive) -> Counter[str]:
    """Objects in the archive by modality."""
    series = (
        archive.request("GET", f"/series/{one['ParentSeries']}") for one in archive.instances()
    )
    return Counter(text.decode().partition('"Modality" : "')[2][:2] for text in series)


@pytest.mark.slow
def test_an_archive_gets_one_report_of_each_study(archive: Archive, tmp_path: Path) -> None:
    archive.put(phantom(1, StudyDate="20190214"))
    archive.put(phantom(2))
    archive.put(phantom(3, ViewPosition="LL"))
    command = ("watch", archive.url, "--out", tmp_path / "out", "--store", archive.url)
    for _ in range(2):
        ran = run_program(*command, "--once", "--settled", "0", traces=tmp_path, env=KEY)
        assert ran.status == 0, ran.err
        assert ran.out.endswith("Studies: 0 seen, 0 read, 1 stored, 1 refused, 0 failed.\n")
        found = kinds(archive)
        assert found["SR"] == 1
        assert found["SE"] == 1
        assert found["DX"] == 3
    (trace,) = (tmp_path / "out" / "traces").iterdir()
    assert '"prior-1"' in (trace / "trace.jsonl").read_text()  # it was found in the archive
    for path in (tmp_path / "out").rglob("*"):
        assert path.stat().st_mode & 0o77 == 0, path
    for text in ("MARTHA", "1.2.77", str(archive.port), *LOGIN):
        assert text not in ran.out + ran.err
        assert text not in (trace / "trace.jsonl").read_text()


@pytest.mark.slow
def test_what_a_modality_sends_comes_back_as_a_report(archive: Archive, tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "film.dcm"
    path.write_bytes(phantom(10))
    before = kinds(archive)["SR"]
    where = ["--listen", f"CXR-AGENT@{port}", "--caller", "CT1", "--store", archive.entity]
    when = ["--every", "0.2", "--settled", "0.5"]
    with subprocess.Popen(
        [sys.executable, *MODULE, "watch", "--out", tmp_path / "out", *where, *when],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(tmp_path),
        text=True,
    ) as process:
        assert process.stdout is not None
        until = time.monotonic() + 60
        while not store(port, path):
            assert time.monotonic() < until
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(30) == 0
    assert lines[0] == "1 new\n"
    assert lines[1].startswith("study 1: read, w000001-")
    assert lines[2].startswith("study 1: stored, ")
    assert rest == "Studies: 0 seen, 0 read, 1 stored, 0 refused, 0 failed.\n"
    assert kinds(archive)["SR"] == before + 1
    assert TITLE not in "".join(lines)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_receiver_that_ends_ends_the_watch(tmp_path: Path) -> None:
    port = free_port()
    command = ["watch", "--listen", f"A@{port}", "--out", tmp_path / "out", "--every", "0.2"]
    with subprocess.Popen(
        [sys.executable, *MODULE, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
        text=True,
    ) as process:
        until = time.monotonic() + 60
        while not (found := _receivers_of(process.pid)):
            assert time.monotonic() < until
            time.sleep(0.1)
        os.kill(found[0], signal.SIGKILL)
        assert process.wait(60) == 7
        assert process.stderr is not None
        # It may have been ended before it listened.
        assert re.search(r"\[(receiver_ended|not_listening)\]", process.stderr.read())


def _receivers_of(parent: int) -> list[int]:
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            status, told = (one / "status").read_text(), (one / "cmdline").read_bytes()
        except OSError:
            continue
        if f"PPid:\t{parent}\n" in status and b"dimse_worker" in told:
            found.append(int(one.name))
    return found
