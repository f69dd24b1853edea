"""PNG: container, modes and bombs."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cxr_agent.errors import InputError
from cxr_agent.study import Notice

from .films import SHAPE, chunk, png, ramp, read, saved, survives, with_chunk

GREY = png(ramp(8))


def refused(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(data)
    return caught.value.code


def test_eight_bits_keep_their_values() -> None:
    film = read(GREY)
    assert film.pixels.dtype == np.float32
    np.testing.assert_allclose(film.pixels, ramp(8) / 255, atol=1e-6)
    assert film.notices == ()


def test_sixteen_bits_keep_their_values() -> None:
    film = read(png(ramp(16)))
    np.testing.assert_allclose(film.pixels, ramp(16) / 65535, atol=1e-6)
    assert len(np.unique(film.pixels)) == len(np.unique(ramp(16)))


def test_twelve_bits_in_sixteen_fill_the_range() -> None:
    pixels = read(png(ramp(12))).pixels
    assert pixels.min() == 0
    assert pixels.max() == 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_grey_in_other_clothes(mode: str) -> None:
    picture = Image.fromarray(ramp(8))
    if mode == "P":
        picture.putpalette([level for level in range(256) for _ in range(3)])
    else:
        picture = picture.convert(mode)
    np.testing.assert_array_equal(read(saved(picture, "PNG")).pixels, read(GREY).pixels)


@pytest.mark.parametrize("mode", ["L", "I;16", "RGB", "LA", "P"])
def test_pixels_too_many_to_be_handed_on_are_inflated_twice(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = Image.fromarray(ramp(16 if mode == "I;16" else 8))
    data = saved(picture if mode == "I;16" else picture.convert(mode), "PNG")
    handed_on = read(data)
    monkeypatch.setattr("cxr_agent.imaging.png_file._KEPT_BYTES", 0)
    again = read(data)
    np.testing.assert_array_equal(again.pixels, handed_on.pixels)
    assert again.notices == handed_on.notices


def test_interlaced() -> None:
    """Adam7, written by hand: Pillow reads it but does not write it."""
    pixels = ramp(8)
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2))
    lines = b""
    for row, column, rows, columns in (*passes, (1, 0, 2, 1)):
        for line in pixels[row::rows, column::columns]:
            lines += b"\0" + line.tobytes()
    header = struct.pack(">IIBBBBB", SHAPE[1], SHAPE[0], 8, 0, 0, 0, 1)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    data += chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(read(data).pixels, read(GREY).pixels)


def test_colour() -> None:
    pixels = np.repeat(ramp(8)[..., None], 3, axis=2)
    pixels[5, 5] = (200, 0, 0)
    assert refused(png(pixels)) == "colour_image"
    picture = Image.fromarray(ramp(8))
    picture.putpalette([part for level in range(256) for part in (level, 255 - level, 0)])
    assert refused(saved(picture, "PNG")) == "colour_image"


def test_transparency() -> None:
    picture = Image.fromarray(ramp(8)).convert("RGBA")
    picture.putpixel((3, 3), (9, 9, 9, 254))
    assert refused(saved(picture, "PNG")) == "unsupported_format"
    assert refused(with_chunk(GREY, b"tRNS", b"\0\0")) == "unsupported_format"
    unused = with_chunk(png(ramp(8) | 1), b"tRNS", b"\0\2")
    assert read(unused).pixels.shape == SHAPE


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits(bits: int) -> None:
    header = struct.pack(">IIBBBBB", 128, 128, bits, 0, 0, 0, 0)
    data = GREY[:8] + chunk(b"IHDR", header) + GREY[33:]
    assert refused(data) == "low_bit_depth"


def test_few_levels() -> None:
    assert refused(png(ramp(8) // 32 * 32)) == "low_bit_depth"


def test_shows_nothing() -> None:
    assert refused(png(np.zeros(SHAPE, np.uint8))) == "all_black"
    assert refused(png(np.full(SHAPE, 255, np.uint8))) == "blank"
    assert refused(png(np.full(SHAPE, 99, np.uint8))) == "constant_image"


def test_size_is_checked_before_anything_is_inflated() -> None:
    header = struct.pack(">IIBBBBB", 60000, 60000, 16, 0, 0, 0, 0)
    assert refused(GREY[:8] + chunk(b"IHDR", header) + GREY[33:]) == "too_large"
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    assert refused(GREY[:8] + chunk(b"IHDR", header) + GREY[33:]) == "too_small"


@pytest.mark.parametrize("change", [-1, 1])
def test_amount_of_pixels_must_fit(change: int) -> None:
    header = struct.pack(">IIBBBBB", SHAPE[1], SHAPE[0] + change, 8, 0, 0, 0, 0)
    data = GREY[:8] + chunk(b"IHDR", header) + GREY[33:]
    assert refused(data) == "corrupt_compressed_stream"


def test_animation() -> None:
    assert refused(with_chunk(GREY, b"acTL", bytes(8))) == "multi_frame"


def test_unknown_critical_chunk() -> None:
    assert refused(with_chunk(GREY, b"ABCD", b"")) == "corrupt_header"
    assert read(with_chunk(GREY, b"abCd", b"x")).notices == ()


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        (b"zTXt", b"key\0\0"),
        (b"iCCP", b"name\0\0"),
        (b"iTXt", b"key\0\1\0en\0key\0"),
    ],
)
def test_side_information_bombs(kind: bytes, start: bytes) -> None:
    bomb = start + zlib.compress(bytes(64 << 20))
    assert refused(with_chunk(GREY, kind, bomb)) == "metadata_bomb"
    harmless = start + zlib.compress(b"a text")
    assert read(with_chunk(GREY, kind, harmless)).notices == ()


def test_damage() -> None:
    at = GREY.index(b"IDAT") + 40
    flipped = GREY[:at] + bytes([GREY[at] ^ 1]) + GREY[at + 1 :]
    assert refused(flipped) == "corrupt_compressed_stream"
    assert refused(GREY[: len(GREY) // 2]) == "truncated"
    assert refused(GREY[:-12]) == "truncated"
    assert refused(GREY[:20] + b"\1" + GREY[21:]) in ("corrupt_header", "too_large")


def test_trailing_data() -> None:
    assert read(GREY + b"PK\3\4").notices == (Notice.TRAILING_DATA,)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(GREY) - 1), st.binary(min_size=1, max_size=8))
def test_mutated(at: int, new: bytes) -> None:
    survives(GREY[:at] + new + GREY[at + len(new) :])
