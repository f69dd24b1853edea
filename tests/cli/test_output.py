"""Names and writing of results."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cxr_agent.cli.output import Names, shown_name
from cxr_agent.errors import OutputError
from cxr_agent.output import write_whole


def test_names_follow_the_films() -> None:
    names = Names(".html")
    films = ("a/film.dcm", "b/film.png", "c/FILM.jpg", "film.v2.dcm", "film-2.dcm")
    taken = [names.take(Path(film)) for film in films]
    assert taken == ["film.html", "film-2.html", "FILM-3.html", "film.v2.html", "film-2-2.html"]


@pytest.mark.parametrize("letter", ["a", "é", "胸"])
def test_longest_name_fits_and_is_text(letter: str, tmp_path: Path) -> None:
    stem = (letter * 255).encode()[:251].decode(errors="ignore")
    film = Path(f"{stem}.png")
    assert Names().take(film) == stem
    names = Names(".html")
    for name in (names.take(film), names.take(film)):
        assert name.endswith(".html")
        write_whole(tmp_path / name, b"page")
    assert len(list(tmp_path.iterdir())) == 2


def test_name_that_is_no_text_is_kept_on_disk_and_shown_safely() -> None:
    name = os.fsdecode(b"\xff\x1b[2Jfilm")
    assert Names().take(Path(f"{name}.png")) == name
    assert shown_name(name) == "\N{REPLACEMENT CHARACTER}" * 2 + "[2Jfilm"


def test_written_file_is_whole_and_readable_by_others(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "page.html"
    before = os.umask(0o022)
    try:
        write_whole(path, b"one")
        write_whole(path, b"two")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in path.parent.iterdir()] == ["page.html"]


def test_failed_write_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.html"
    write_whole(path, b"old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError) as caught:
        write_whole(path, b"new")
    assert caught.value.code == "output_not_writable"
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "page.html" / "inside").mkdir(parents=True)
    with pytest.raises(OutputError):
        write_whole(tmp_path / "page.html", b"page")
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        try:
            write_whole(pipe, b"page")
            out, _ = reader.communicate(timeout=30)
        finally:
            reader.kill()
    assert out == b"page"
    assert pipe.is_fifo()
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"]
