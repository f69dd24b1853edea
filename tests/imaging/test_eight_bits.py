"""A film in 256 greys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cxr_agent.imaging.eight_bits import eight_bits
from cxr_agent.study import FloatImage


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 100), st.integers(1, 5)),
        elements=st.floats(-2, 2, width=32),
    )
)
def test_every_row_is_rounded_and_cut_off(pixels: FloatImage) -> None:
    found = eight_bits(pixels)
    assert found.dtype == np.uint8
    assert np.array_equal(found, np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8))


@pytest.mark.parametrize(("value", "grey"), [(-1, 0), (0, 0), (0.5, 128), (1, 255), (7, 255)])
def test_greys(value: float, grey: int) -> None:
    assert (eight_bits(np.full((40, 3), value, dtype=np.float32)) == grey).all()


def test_eight_bits_stay_as_they_are() -> None:
    greys = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert eight_bits(greys) is greys
