"""Outlines that a user gives as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.errors import InputError
from cxr_agent.toolbox.mask_files import read_mask
from cxr_agent.toolbox.png import bit_file
from tests.imaging.films import png


def saved(plane: np.ndarray, path: Path, kind: str = "PNG") -> Path:
    Image.fromarray(plane).save(path, kind)
    return path


@pytest.mark.parametrize("white", [1, 128, 255])
def test_white_is_what_is_outlined(tmp_path: Path, white: int) -> None:
    plane = np.zeros((3, 5), dtype=np.uint8)
    plane[1, 2:4] = white
    found = read_mask(saved(plane, tmp_path / "heart.png"))
    assert found.dtype == np.bool_
    assert np.array_equal(found, plane > 127)
    bits = read_mask(saved(plane.astype(np.bool_), tmp_path / "bits.png"))
    assert np.array_equal(bits, plane > 0)


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "TIFF", "BMP", "PPM", "WEBP"])
def test_no_other_format_is_decoded(tmp_path: Path, kind: str) -> None:
    path = saved(np.full((40, 40), 255, dtype=np.uint8), tmp_path / "heart.png", kind)
    refused(path)


def test_a_mask_larger_than_any_film_is_not_decoded(tmp_path: Path) -> None:
    (tmp_path / "heart.png").write_bytes(bit_file(np.ones((8200, 8200), dtype=np.bool_)))
    refused(tmp_path / "heart.png")


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", bytes(100)])
def test_what_is_no_picture(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "heart.png").write_bytes(content)
    refused(tmp_path / "heart.png")


def test_a_torn_file_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(png(np.eye(200, dtype=np.uint8) * 255)[:-60])
    refused(tmp_path / "torn.png")
    refused(tmp_path)


def refused(path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_mask(path)
    assert caught.value.code == "bad_mask"
    assert str(path.parent) not in str(caught.value)
