"""Means of blocks are those of NumPy, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.measure.blocks import block_means


@pytest.mark.parametrize("size", [1, 2, 5, 7, 8, 11])
def test_as_numpy_reduces_it(size: int) -> None:
    film = np.random.default_rng(size).random((101, 130)).astype(np.float32)
    rows, columns = 101 // size, 130 // size
    blocks = film[: rows * size, : columns * size].reshape(rows, size, columns, size)
    found = block_means(film, size)
    assert found.dtype == np.float32
    assert np.array_equal(found, blocks.mean(axis=(1, 3)))
