"""Two processes on one folder, for each command that writes to one.

Either waits for the other, or the second is refused with a code; what they leave is that of one.
"""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest

from cxr_agent.deidentifying import kept_key
from cxr_agent.interop.dimse import Listening, receiving
from cxr_agent.testing.phantom import draw
from cxr_agent.trace import RunFinished, RunStarted, TraceWriter, read_trace, verify
from cxr_agent.watching.layout import LEDGER
from tests.batch.fake import fake_batch, write_texts
from tests.cli.program import MODULE, Ran, environment, levels, run_program, save
from tests.enduring.disks import whole
from tests.interop.dcmtk import store
from tests.interop.films import film as received
from tests.retrieval.made import films as pictures


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("film") / "film.png", levels(draw(size=512).pixels, 8))


def both(*arguments: str | Path, traces: Path) -> list[Ran]:
    """What comes of the same command twice at the same time."""
    with ThreadPoolExecutor(2) as pool:
        begun = [pool.submit(run_program, *arguments, traces=traces) for _ in range(2)]
        return [one.result() for one in begun]


def test_two_readings_into_one_folder_of_traces(film: Path, tmp_path: Path) -> None:
    ran = both("read", film, "--json", traces=tmp_path / "traces")
    assert [one.status for one in ran] == [0, 0]
    runs = {one.json["run_id"] for one in ran}
    assert {path.name for path in (tmp_path / "traces").iterdir()} == runs
    assert len(runs) == 2
    one, other = (read_trace(tmp_path / "traces" / run) for run in runs)
    assert verify(one).intact
    assert verify(other).intact
    assert len(one.events) == len(other.events)


def test_two_builds_of_one_store(tmp_path: Path) -> None:
    films, store = pictures(tmp_path / "films", 20), tmp_path / "store"
    ran = both("kb", "build", films, "--store", store, "--json", traces=tmp_path)
    for one in ran:
        assert one.status == 0 or one.errors == [("", "store_in_use")], one.err
    assert any(one.status == 0 for one in ran)
    told = run_program("kb", "stats", "--store", store, "--json", traces=tmp_path).json
    assert told["films"] == 20
    assert run_program("kb", "verify", "--store", store, traces=tmp_path).status == 0
    whole(store)


def test_two_that_write_one_file(film: Path, tmp_path: Path) -> None:
    """Either's is there whole: what they found is the same."""
    traces = tmp_path / "traces"
    assert run_program("read", film, traces=traces).status == 0
    for command in (("preferences", "--out"), ("measure", film, "--csv")):
        ran = both(*command, tmp_path / "file", traces=traces)
        assert [one.status for one in ran] == [0, 0]
        once = run_program(*command, tmp_path / "once", traces=traces)
        assert once.status == 0
        assert (tmp_path / "file").read_bytes() == (tmp_path / "once").read_bytes()
    whole(tmp_path)


def test_many_that_make_the_key_of_pseudonyms(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            made = pool.map(kept_key, [tmp_path / f"{number}" / "key"] * 8)
            assert len(set(made)) == 1


@contextmanager
def going_on(*command: str | Path, folder: Path, begun: Callable[[], bool]) -> Iterator[None]:
    """A command that has begun its work, and ends with this block."""
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.DEVNULL,
        env=environment(folder),
        cwd=Path(__file__).parents[2],
    )
    try:
        deadline = time.monotonic() + 60
        while not begun():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_a_batch_that_another_process_works_on(film: Path, tmp_path: Path) -> None:
    texts, out = tmp_path / "texts", tmp_path / "out"
    studies = write_texts(texts, 60)
    work = ("-m", "tests.batch.killed", out, texts, "0.05")
    with going_on(*work, folder=tmp_path, begun=(out / "reports").is_dir):
        second = run_program("batch", film, "--out", out, traces=tmp_path)
        assert second.errors == [("", "batch_in_use")], second.err
        assert second.status == 7
    with fake_batch(out, studies, workers=2) as batch:
        for _ in batch.fresh():
            pass
    with (out / "studies.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [study.name for study in studies]
    assert {row["outcome"] for row in rows} == {"read"}
    kept = sorted(path.read_text() for path in out.glob("reports/*/*.json"))
    assert kept == sorted(f"study {int(study.name)}" for study in studies)


def test_a_watch_with_the_folder_of_another(tmp_path: Path) -> None:
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    watch = ("watch", inbox, "--out", out, "--every", "0.1")
    with going_on(*MODULE, *watch, folder=tmp_path, begun=(out / LEDGER).is_file):
        second = run_program(*watch, "--once", traces=tmp_path)
        assert second.errors == [("", "watch_in_use")], second.err
        assert second.status == 7
    assert run_program(*watch, "--once", "--settled", "0", traces=tmp_path).status == 0


def test_two_receivers_into_one_folder(tmp_path: Path) -> None:
    """They share it: files are named by what they hold, and come under that name when whole."""
    sent, got = tmp_path / "sent.dcm", tmp_path / "got"
    sent.write_bytes(received("MARTHA-77", 1))
    with (
        receiving(got, Listening()) as (_, one),
        receiving(got, Listening()) as (_, other),
        ThreadPoolExecutor(2) as pool,
    ):
        assert all(pool.map(store, (one, other), (sent, sent)))
    (kept,) = (path for path in got.rglob("*") if path.is_file())
    assert pydicom.dcmread(kept).PixelData == pydicom.dcmread(sent).PixelData


def test_a_run_that_another_process_goes_on_with(film: Path, tmp_path: Path) -> None:
    traces = tmp_path / "traces"
    with TraceWriter.create(traces, "run") as writer:
        writer.append(RunStarted(run_id="run", program_version="1", planner="protocol"))
        before = read_trace(traces / "run").lines
        ran = run_program("resume", "run", film, traces=traces)
        assert ran.status in (7, 8), ran.err
        assert ran.errors == [("", "trace_in_use")], ran.err
        assert read_trace(traces / "run").lines == before
        writer.append(RunFinished(status="complete", seconds=0.0))
    assert verify(read_trace(traces / "run")).intact
