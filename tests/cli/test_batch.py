"""``cxr-agent batch`` as its users run it."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.batch.faulty import write_films

from .program import MODULE, Ran, environment, run_program

STUDIES = 6


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("batch") / "films"
    first = write_films(folder, STUDIES - 1, size=128)[0]
    (folder / "letter.png").write_text("Dear colleague")
    (folder / "torn.png").write_bytes(first.read_bytes()[:-3000])
    return folder


def batch(films: Path, out: Path, *more: str, timeout: float = 120) -> Ran:
    command = ("batch", films, "--out", out, *more)
    return run_program(*command, traces=out.parent / "unused", timeout=timeout)


def table(out: Path, name: str) -> list[dict[str, str]]:
    with (out / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def done(films: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Path]:
    out = tmp_path_factory.mktemp("done") / "out"
    return batch(films, out, "--html", "--device", "cpu"), out


def test_a_folder_becomes_tables_reports_and_traces(done: tuple[Ran, Path]) -> None:
    ran, out = done
    assert ran.status == 0, ran.err
    told = [line.split() for line in ran.out.splitlines()]
    assert ["read", str(STUDIES - 1)] in told
    assert ["not_an_image", "1"] in told
    assert ["truncated", "1"] in told
    assert f"Tables, reports and traces: {out}." in ran.out
    assert "torn.png refused: truncated" in ran.err
    read = [row for row in table(out, "studies") if row["outcome"] == "read"]
    assert len(read) == STUDIES - 1
    for row in read:
        assert (out / "reports" / "0000" / f"{row['study']}.json").is_file()
        assert (out / "reports" / "0000" / f"{row['study']}.html").is_file()
        assert (out / "traces" / "0000" / row["run"] / "trace.jsonl").is_file()
    for name in ("findings", "measurements", "comparisons", "limitations", "studies"):
        assert (out / f"{name}.parquet").is_file()
    assert {row["study"] for row in table(out, "limitations")} == {row["study"] for row in read}


def test_tables_of_results_name_no_file(done: tuple[Ran, Path]) -> None:
    for name in ("findings", "measurements", "limitations"):
        assert "0000" not in (done[1] / f"{name}.csv").read_text().replace("s0000", "")


def test_the_same_command_again_reads_nothing(films: Path, done: tuple[Ran, Path]) -> None:
    ran = batch(films, done[1], "--html", "--device", "cpu")
    assert ran.status == 0
    assert "0 studies now" in ran.out


def test_other_options_are_refused(films: Path, done: tuple[Ran, Path]) -> None:
    ran = batch(films, done[1], "--html", "--priors", "0")
    assert (ran.status, ran.errors) == (2, [("", "batch_differs")])
    assert "another priors" in ran.err


def test_a_shard_is_a_part_of_the_studies(films: Path, tmp_path: Path) -> None:
    ran = batch(films, tmp_path / "out", "--shard", "2/3", "--limit", "1", "--workers", "0")
    assert ran.status == 0, ran.err
    assert 1 <= len(table(tmp_path / "out", "studies")) < STUDIES
    assert batch(films, tmp_path / "x", "--shard", "4/3").errors == [("", "bad_shard")]


def begun(films: Path, out: Path) -> subprocess.Popen[bytes]:
    """The program, once it has read two studies."""
    options = ("--out", out, "--json", "--workers", "1")
    process = subprocess.Popen(
        [sys.executable, *MODULE, "batch", films, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(out.parent / "unused"),
    )
    assert process.stdout is not None
    for _ in range(2):
        assert process.stdout.readline()
    return process


@pytest.mark.slow
def test_killed_and_begun_again_it_goes_on(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = begun(films, out)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    ran = batch(films, out, "--json")
    assert ran.status == 0, ran.err
    *now, facts = map(json.loads, ran.out.splitlines())
    assert facts["read"] == STUDIES - 1
    assert len(now) <= STUDIES + 1 - 2
    assert len({row["name"] for row in table(out, "studies")}) == STUDIES + 1


@pytest.mark.slow
def test_an_interrupt_lets_what_is_read_come_to_its_end(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = begun(films, out)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=60)
    *_, facts = map(json.loads, told.splitlines())
    assert process.returncode == 130
    assert facts["stopped"] == "interrupted"
    assert 2 <= facts["now"] < STUDIES + 1
    # One more: the letter was refused when it was listed.
    assert len(table(out, "studies")) == facts["now"] + 1
    deadline = time.monotonic() + 10
    while _workers_of(out) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _workers_of(out)


def _workers_of(out: Path) -> list[int]:
    """Processes that still have a file of the batch open."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            links = [str(link.readlink()) for link in (process / "fd").iterdir()]
        except OSError:
            continue
        if any(str(out) in link for link in links):
            found.append(int(process.name))
    return found


def test_what_cannot_be_listed_or_written(films: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    assert batch(films, tmp_path / "full").errors == [("", "not_a_batch")]
    (tmp_path / "empty").mkdir()
    assert batch(tmp_path / "empty", tmp_path / "out").errors == [("", "no_studies")]
