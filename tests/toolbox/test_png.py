"""PNG files written here, opened by Pillow."""

from __future__ import annotations

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from cxr_agent.toolbox.png import bit_file, grey_file

_SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=40)


def _opened(png: bytes, mode: str) -> NDArray[np.generic]:
    with Image.open(io.BytesIO(png)) as picture:
        picture.load()
        assert (picture.format, picture.mode) == ("PNG", mode)
        return np.asarray(picture)


@given(arrays.arrays(np.uint8, _SHAPES), st.booleans())
def test_greys_read_back(plane: NDArray[np.uint8], turned: bool) -> None:
    plane = plane.T if turned else plane
    assert np.array_equal(_opened(grey_file(plane), "L"), plane)


@given(arrays.arrays(np.bool_, _SHAPES), st.booleans())
def test_bits_read_back(plane: NDArray[np.bool_], turned: bool) -> None:
    plane = plane.T if turned else plane
    assert np.array_equal(_opened(bit_file(plane), "1"), plane)


def test_an_outline_takes_little() -> None:
    down, across = np.mgrid[:1024, :1024]
    outline = (down - 500) ** 2 + (across - 400) ** 2 < 300**2
    assert len(bit_file(outline)) < 4096
