"""Metrics of outlines against cases that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.evaluation.metrics.segmentation import dice, iou, surface_distances


def square(top: int, left: int, side: int, shape: tuple[int, int] = (40, 60)) -> np.ndarray:
    plane = np.zeros(shape, dtype=bool)
    plane[top : top + side, left : left + side] = True
    return plane


def test_overlap() -> None:
    one, other = square(0, 0, 4), square(0, 2, 4)
    assert dice(one, other) == 0.5
    assert iou(one, other) == pytest.approx(8 / 24)
    assert dice(one, one) == iou(one, one) == 1.0


def test_empty_masks() -> None:
    empty, full = square(0, 0, 0), square(3, 3, 5)
    assert dice(empty, empty) is None
    assert iou(empty, empty) is None
    assert dice(empty, full) == iou(full, empty) == 0.0
    assert surface_distances(empty, full) is None
    assert surface_distances(full, empty) is None


def test_distances_of_borders() -> None:
    one = square(10, 10, 10)
    same = surface_distances(one, one)
    assert same is not None
    assert (same.mean, same.hausdorff_95) == (0.0, 0.0)
    moved = surface_distances(square(0, 0, 1), square(0, 7, 1), (0.5, 0.2))
    assert moved is not None
    assert moved.mean == moved.hausdorff_95 == pytest.approx(1.4)
    down = surface_distances(square(0, 0, 1), square(7, 0, 1), (0.5, 0.2))
    assert down is not None
    assert down.mean == pytest.approx(3.5)


def test_a_larger_square_lies_its_margin_away() -> None:
    found = surface_distances(square(8, 8, 14), square(10, 10, 10))
    assert found is not None
    # All 52 outer pixels but the 12 at and beside the corners are 2 px away.
    assert 2.0 <= found.mean < 2.2
    assert 2.0 <= found.hausdorff_95 <= np.hypot(2, 2)
    back = surface_distances(square(10, 10, 10), square(8, 8, 14))
    assert back == found


def test_the_95th_percentile_does_not_see_a_speck() -> None:
    true = square(5, 5, 20)
    speck = true.copy()
    speck[39, 59] = True
    found = surface_distances(speck, true)
    assert found is not None
    assert found.hausdorff_95 == 0.0
    assert found.mean > 0.0


def test_masks_of_two_films_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same shape"):
        dice(np.zeros((2, 2), bool), np.zeros((2, 3), bool))
