"""Writing in the pixels of a copy is black; all other levels are as they were."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image

from cxr_agent.deidentifying import Deidentifier, Options, Pseudonyms, films_of
from cxr_agent.testing.drawn_text import Drawn, Writing, draw_writing
from cxr_agent.testing.phantom import PhantomSpec, draw
from tests.cli.program import levels
from tests.imaging.films import dicom, jpeg, png, with_chunk


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    how = Writing(text="DOE^JANE 19430729", height=26)
    return draw_writing(draw(PhantomSpec(), 512).pixels, how, np.random.default_rng(2))


def copied(data: bytes, folder: Path, options: Options | None = None) -> Any:
    film = folder / "film"
    film.write_bytes(data)
    with Deidentifier(folder / "out", Pseudonyms(b"k" * 32), options) as deidentifier:
        return deidentifier.copy(film)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("bits", [8, 12])
def test_writing_in_dicom(bits: int, photometric: str, drawn: Drawn, tmp_path: Path) -> None:
    pixels = levels(drawn.pixels, bits)
    if photometric == "MONOCHROME1":
        pixels = (2**bits - 1 - pixels).astype(pixels.dtype)
    one = copied(dicom(pixels, bits=bits, PhotometricInterpretation=photometric), tmp_path)
    made = pydicom.dcmread(one.path)
    values = made.pixel_array
    black = pixels.max() if photometric == "MONOCHROME1" else pixels.min()
    assert (values[drawn.ink] == black).all()
    assert one.text_regions >= 1
    changed = values != pixels
    assert changed.mean() <= one.masked_share < 0.1
    assert made.BurnedInAnnotation == "NO"


def test_writing_stays_on_request(drawn: Drawn, tmp_path: Path) -> None:
    pixels = levels(drawn.pixels, 12)
    one = copied(dicom(pixels), tmp_path, Options(mask_text=False))
    made = pydicom.dcmread(one.path)
    assert (made.pixel_array == pixels).all()
    assert "113101" not in [i.CodeValue for i in made.DeidentificationMethodCodeSequence]


@pytest.mark.parametrize("bits", [8, 16])
def test_pictures_become_bare_png_files(bits: int, drawn: Drawn, tmp_path: Path) -> None:
    pixels = levels(drawn.pixels, bits)
    one = copied(with_chunk(png(pixels), b"tEXt", b"Patient\0Doe"), tmp_path)
    data = one.path.read_bytes()
    assert {data[at + 4 : at + 8] for at in _chunks(data)} == {b"IHDR", b"IDAT", b"IEND"}
    values = np.asarray(Image.open(io.BytesIO(data)))
    assert values.dtype == pixels.dtype
    assert (values[drawn.ink] == pixels.min()).all()
    assert ((values == pixels) | (values == pixels.min())).all()


def test_a_jpeg_is_turned_as_it_asks(drawn: Drawn, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn to the right shows it upright
    exif[0x010E] = "Jane Doe"
    one = copied(jpeg(levels(drawn.pixels[:400], 8), exif=exif, quality=95), tmp_path)
    with Image.open(one.path) as picture:
        assert picture.size == (400, 512)
        assert picture.info == {}


def test_files_of_folders_are_found_in_order(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/1.png", "a.dcm", ".hidden/x.png", "b/.x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "link.dcm").symlink_to(tmp_path / "a.dcm")
    found = [str(path.relative_to(tmp_path)) for path in films_of([tmp_path])]
    assert found == ["a.dcm", "b/1.png", "b/2.png"]


def _chunks(data: bytes) -> list[int]:
    places, at = [], 8
    while at < len(data):
        places.append(at)
        at += 12 + int.from_bytes(data[at : at + 4])
    return places
