"""JPEG: modes, orientation, and damage that decoders paint over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cxr_agent.errors import InputError
from cxr_agent.imaging.exif import exif_flip
from cxr_agent.imaging.header_rules import Flip
from cxr_agent.study import Notice

from .films import jpeg, ramp, read, saved, survives

NOISE = np.random.default_rng(1).normal(0, 9, (320, 256))
PICTURE = np.clip(np.add.outer(np.arange(320.0), np.arange(256.0)) / 2.4 + NOISE, 0, 255)
FILM = PICTURE.astype(np.uint8)

WRITERS: list[dict[str, Any]] = [
    {"quality": 95},
    {"quality": 75, "optimize": True},
    {"quality": 80, "restart_marker_rows": 1},
    {"quality": 90, "restart_marker_blocks": 7},
    {"quality": 85, "progressive": True},
]


def refused(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(data)
    return caught.value.code


@pytest.mark.parametrize("options", WRITERS, ids=str)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_sound_files(options: dict[str, Any], mode: str) -> None:
    data = saved(Image.fromarray(FILM).convert(mode), "JPEG", **options)
    film = read(data)
    assert np.abs(film.pixels - FILM / 255).mean() < 0.03
    assert film.notices == ()


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_subsampling(subsampling: int) -> None:
    data = saved(Image.fromarray(FILM[:-3, :-5]).convert("RGB"), "JPEG", subsampling=subsampling)
    assert read(data).pixels.shape == (317, 251)


@pytest.mark.parametrize("options", WRITERS, ids=str)
@pytest.mark.parametrize("fill", [b"\0", b"\x55", b"\xaa\x12", b"\xff", b"\xff\0"], ids=repr)
def test_middle_overwritten(options: dict[str, Any], fill: bytes) -> None:
    data = jpeg(FILM, **options)
    third = len(data) // 3
    broken = data[:third] + (fill * third)[:third] + data[2 * third :]
    assert refused(broken) in ("corrupt_compressed_stream", "corrupt_header", "truncated")


def test_a_stretch_overwritten() -> None:
    """Unseen stays only damage so short that the number of blocks happens to be kept."""
    data = jpeg(FILM, quality=90)
    found = 0
    for at in range(len(data) // 3, len(data) // 3 + 500, 25):
        try:
            read(data[:at] + bytes(400) + data[at + 400 :])
        except InputError:
            found += 1
    assert found >= 19  # of 20


def test_restart_markers_out_of_order() -> None:
    data = jpeg(FILM, restart_marker_rows=1)
    assert refused(data.replace(b"\xff\xd1", b"\xff\xd2", 1)) == "corrupt_compressed_stream"


def test_colour() -> None:
    picture = np.dstack([FILM, 255 - FILM, FILM])
    assert refused(jpeg(picture)) == "colour_image"
    cmyk = Image.fromarray(FILM).convert("CMYK")
    assert refused(saved(cmyk, "JPEG")) == "colour_image"


def test_truncated_and_trailing() -> None:
    data = jpeg(FILM)
    assert refused(data[: len(data) // 2]) == "truncated"
    assert refused(data[:-2]) == "truncated"
    assert read(data + b"PK\3\4and more").notices == (Notice.TRAILING_DATA,)


def test_no_tables() -> None:
    data = jpeg(FILM)
    at = data.index(b"\xff\xdb")
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    assert refused(data[:at] + data[at + 2 + length :]) == "corrupt_compressed_stream"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int) -> None:
    upright = Image.fromarray(FILM)
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    film = read(saved(stored, "JPEG", quality=100, exif=exif))
    assert film.pixels.shape == FILM.shape
    assert np.abs(film.pixels - FILM / 255).max() < 0.03
    expected = () if orientation == 1 else (Notice.EXIF_ORIENTATION,)
    assert film.notices == expected


@given(st.binary(max_size=64))
def test_any_exif_block(tail: bytes) -> None:
    assert isinstance(exif_flip(b"MM\0*" + tail), Flip)
    assert isinstance(exif_flip(tail), Flip)


SMALL = jpeg(ramp(8), quality=80)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(SMALL) - 1), st.binary(min_size=1, max_size=8))
def test_mutated(at: int, new: bytes) -> None:
    survives(SMALL[:at] + new + SMALL[at + len(new) :])
