"""Who looks for canaries is not blind."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from tests.privacy.canaries import Planted, leaks_in, written_forms


@pytest.mark.parametrize("number", range(16))
def test_every_form_of_a_word_is_found(number: int) -> None:
    planted = Planted()
    word = planted.word("somewhere")
    form = list(written_forms(word))[number]
    assert planted.found_in(form if number == 15 else b"before " + form + b" after")


def test_uids_days_and_numbers_are_found() -> None:
    planted = Planted()
    uid, day, number = planted.uid("u"), planted.day("d"), planted.number("n")
    for form in (
        uid,
        day,
        number,
        f"{day[:4]}-{day[4:6]}-{day[6:]}",
        f"{day[6:]}.{day[4:6]}.{day[:4]}",
    ):
        assert planted.found_in(f'"x": {form},'.encode()), form
    assert planted.found_in(uid.encode("utf-16-le"))


def test_hashes_without_a_key_are_found() -> None:
    import hashlib

    planted = Planted()
    word = planted.word("somewhere")
    assert planted.found_in(hashlib.sha256(word.encode()).hexdigest().encode())


def test_what_was_not_planted_is_no_leak() -> None:
    planted = Planted()
    planted.word("w"), planted.day("d"), planted.number("n")
    assert planted.found_in(b"18600101 1777099999 " + b"0123456789abcdef" * 4) == []


def test_what_is_packed_is_found(tmp_path: Path) -> None:
    planted = Planted()
    words = PngImagePlugin.PngInfo()
    words.add_text("a", planted.word("chunk") * 40, zip=True)
    buffer = io.BytesIO()
    Image.new("L", (80, 80)).save(buffer, "PNG", pnginfo=words)
    assert planted.found_in(buffer.getvalue())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.txt", planted.word("member") * 40)
    (tmp_path / planted.word("name")).write_bytes(archive.getvalue())
    assert len(leaks_in(tmp_path, planted)) == 2
