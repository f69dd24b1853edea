"""Masks on a coarser grid, against shrinking the whole of them."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from cxr_agent.measure.extent import BoolMask
from cxr_agent.measure.grid import on_grid

# Some divide a grid of 96 well, some badly or not at all.
SIDES = st.sampled_from((64, 96, 97, 112, 120, 128, 144, 160, 176, 180, 191, 192, 200, 256, 320))


def whole(mask: BoolMask, grid: tuple[int, int]) -> BoolMask:
    picture = PillowImage.fromarray(mask.view(np.uint8) * np.uint8(255))
    shrunk = picture.resize((grid[1], grid[0]), PillowImage.Resampling.BOX)
    return np.asarray(shrunk) > 127


@given(SIDES, SIDES, st.integers(0, 1 << 16))
@example(128, 128, 0)  # four pixels are three cells, again and again
@example(320, 128, 2)  # cells of more than two pixels a side
@example(144, 160, 0)  # edges of cells halve pixels
def test_what_is_drawn_shrinks_as_within_the_whole_mask(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = (96, max(1, round(columns * 96 / rows)))
    mask = np.zeros((rows, columns), dtype=np.bool_)
    top, left = rng.integers(0, rows), rng.integers(0, columns)
    height, width = rng.integers(0, rows), rng.integers(0, columns)
    block = mask[top : top + height, left : left + width]
    block[:] = rng.random(block.shape) < 0.6
    found = on_grid(mask, grid)
    assert np.array_equal(found, whole(mask, grid))
    assert not found.flags.writeable


def test_a_mask_of_that_grid_is_copied() -> None:
    mask = np.eye(4, dtype=np.bool_)
    found = on_grid(mask, (4, 4))
    assert np.array_equal(found, mask)
    assert not np.shares_memory(found, mask)
