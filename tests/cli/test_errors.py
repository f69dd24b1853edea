"""What is refused: one clear line, a documented status, nothing half-written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_agent.trace import read_trace, verify

from .program import MODULE, Films, environment, run_program

REFUSED = {
    "missing.png": (3, "file_not_found"),
    "letter.txt": (3, "not_an_image"),
    "cut.dcm": (3, "truncated"),
    ".": (3, "not_a_regular_file"),
    "lateral.dcm": (4, "lateral_view"),
    "ct.dcm": (4, "unsupported_modality"),
}
SEEN = {"hand.png": (4, "not_chest")}
"""Refused from its pixels, by the anatomy model: a reading had begun."""


@pytest.mark.parametrize("name", [*REFUSED, *SEEN])
def test_refused_film(name: str, films: Films, tmp_path: Path) -> None:
    status, code = {**REFUSED, **SEEN}[name]
    page, traces = tmp_path / "pages" / "report.html", tmp_path / "traces"
    ran = run_program("read", films[name], "--json", "--html", page, traces=traces)
    assert ran.status == status
    assert ran.errors == [("", code)]
    first, second = ran.err.splitlines()
    assert first.startswith(f"cxr-agent: [{code}] ")
    assert second.startswith("  next: ")
    assert "Traceback" not in ran.out + ran.err
    assert ran.json["error"]["code"] == code
    assert ran.json["exit_status"] == ran.status
    assert not page.parent.exists()
    if name in SEEN:
        (folder,) = traces.iterdir()
        trace = read_trace(folder)
        assert verify(trace).intact
        assert trace.finished is not None
        assert (trace.finished.status, trace.finished.code) == ("refused", code)
        assert trace.finished.report_sha256 is None
    else:
        assert not traces.exists()


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "Usage: "),
        (["read"], "cxr-agent: [usage] Missing argument 'FILE...'."),
        (["read", "--nope", "x.png"], "cxr-agent: [usage] No such option: --nope"),
        (["segment", "x.png"], "cxr-agent: [usage] Missing option '--out'."),
        (["reed"], "cxr-agent: [usage] No such command 'reed'."),
    ],
)
def test_usage(arguments: list[str], hint: str, tmp_path: Path) -> None:
    ran = run_program(*arguments, traces=tmp_path / "traces")
    assert ran.status == 2
    assert (ran.out + ran.err).startswith(hint)
    assert "Traceback" not in ran.err
    if arguments:
        assert len(ran.err.splitlines()) == 2
        assert not ran.out
    assert not any(tmp_path.iterdir())


def test_debug_shows_where_it_came_from(films: Films, tmp_path: Path) -> None:
    ran = run_program("--debug", "read", films["letter.txt"], traces=tmp_path / "traces")
    assert ran.status == 3
    assert ran.err.count("Traceback (most recent call last)") >= 1
    assert ran.errors == [("", "not_an_image")]
    assert not ran.out


def test_page_that_cannot_be_written(films: Films, tmp_path: Path) -> None:
    # Under a regular file no folder can be made, not even by root.
    (tmp_path / "file").write_bytes(b"")
    page = tmp_path / "file" / "report.html"
    ran = run_program("read", films["grey8.png"], "--html", page, traces=tmp_path / "traces")
    assert ran.status == 7
    assert ran.errors == [("", "output_not_writable")]
    assert "Traceback" not in ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "traces"]


def test_traces_that_cannot_be_written(films: Films, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    ran = run_program("read", films["grey8.png"], traces=tmp_path / "file" / "traces")
    assert ran.status == 7
    assert [code for _, code in ran.errors] == ["trace_not_writable"]
    assert not ran.out


BROKEN = """
import sys
from cxr_agent.imaging import decoder

decode = decoder.Decoder.decode

def broken(self, path):
    if str(path).endswith("grey8.png"):
        raise KeyError("SECRET^NAME")
    return decode(self, path)

decoder.Decoder.decode = broken
from cxr_agent.cli.main import run
run()
"""
"""The program with a fault of its own in it."""


@pytest.mark.parametrize("debug", [False, True])
def test_fault_of_the_program(debug: bool, films: Films, tmp_path: Path) -> None:
    options = ["--debug"] if debug else []
    film = films["grey8.png"]
    ran = run_program(*options, "read", film, traces=tmp_path / "t", start=("-c", BROKEN))
    assert ran.status == 70
    assert ran.errors == [("", "internal_error")]
    assert ("Traceback" in ran.err) is debug
    assert ("SECRET" in ran.err) is debug


def test_fault_on_one_film_does_not_cost_the_others(films: Films, tmp_path: Path) -> None:
    names = [films["grey8.png"], films["photo.jpg"]]
    start = ("-c", BROKEN)
    ran = run_program("read", *names, "--json", traces=tmp_path / "t", start=start)
    assert ran.status == 70
    assert ran.json[0]["error"]["code"] == "internal_error"
    assert ran.json[1]["status"] == "complete"
    assert "SECRET" not in ran.out + ran.err
    out = tmp_path / "masks"
    ran = run_program("segment", *names, "--out", out, "--json", traces=out, start=start)
    assert ran.status == 70
    assert ran.json[0]["error"]["code"] == "internal_error"
    assert [path.name for path in out.iterdir()] == ["photo"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_full_disk_behind_standard_output(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, *MODULE, "tools", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(tmp_path),
            timeout=60,
            check=False,
        )
    assert done.returncode == 7
    assert done.stderr.startswith(b"cxr-agent: [output_not_writable] ")
    assert b"Exception ignored" not in done.stderr


def test_reader_of_the_output_that_went_away(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        done = subprocess.run(
            [sys.executable, *MODULE, "tools", "list"],
            stdout=theirs,
            stderr=subprocess.PIPE,
            env=environment(tmp_path),
            timeout=60,
            check=False,
        )
    finally:
        os.close(theirs)
    assert (done.returncode, done.stderr) == (0, b"")


def test_name_that_is_no_text(films: Films, tmp_path: Path) -> None:
    film = os.fsencode(tmp_path) + b"/\xff\x1b[2J.png"
    Path(os.fsdecode(film)).write_bytes(films["letter.txt"].read_bytes())
    ran = run_program("read", os.fsdecode(film), films["missing.png"], traces=tmp_path / "t")
    assert ran.status == 3
    assert [code for _, code in ran.errors] == ["not_an_image", "file_not_found"]
    assert "\x1b" not in ran.err
