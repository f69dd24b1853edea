"""Places against boxes, on maps and boxes that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.evaluation.metrics.localisation import (
    best_iou,
    box_of,
    contrast_to_noise,
    iou,
    peak,
    points_into,
    within,
)


def test_overlap_of_boxes() -> None:
    assert iou((0, 0, 4, 4), (2, 0, 6, 4)) == pytest.approx(8 / 24)
    assert iou((0, 0, 4, 4), (4, 0, 8, 4)) == 0.0
    assert iou((0, 0, 4, 4), (0, 0, 4, 4)) == 1.0
    assert best_iou([(0, 0, 2, 2), (4, 4, 6, 6)], [(4, 4, 6, 6)]) == 1.0
    assert best_iou([], [(0, 0, 1, 1)]) == 0.0


def test_pointing() -> None:
    box = (10, 10, 20, 20)
    assert points_into((10, 20), [box])
    assert not points_into((9, 15), [box])
    assert points_into((9, 15), [box], tolerance=1)
    assert not points_into((9, 9), [box], tolerance=1)
    assert points_into((30, 30), [box, (25, 25, 31, 31)])


def test_the_highest_place_of_a_map() -> None:
    heat = np.zeros((4, 8), dtype=np.float32)
    heat[1, 2] = 1.0
    heat[1, 3] = 0.6
    heat[3, 7] = 0.9  # apart from the highest: not of its box
    assert peak(heat, (40, 160)) == (50.0, 15.0)
    assert box_of(heat, (40, 160)) == (40, 10, 80, 20)
    assert box_of(heat, (40, 160), level=0.8) == (40, 10, 60, 20)
    assert box_of(np.zeros((2, 2)), (4, 4)) is None


def test_contrast() -> None:
    heat = np.array([[1.0, 0.8, 0.2, 0.0]])
    inside = np.array([[True, True, False, False]])
    expected = 0.8 / np.sqrt(0.01 + 0.01)
    assert contrast_to_noise(heat, inside) == pytest.approx(expected)
    assert contrast_to_noise(heat, ~inside) == pytest.approx(-expected)
    assert contrast_to_noise(heat, np.ones_like(inside)) is None
    assert contrast_to_noise(np.zeros((1, 4)), inside) is None
    with pytest.raises(ValueError, match="same shape"):
        contrast_to_noise(heat, inside.T)


def test_pixels_of_a_map_in_a_box_of_the_film() -> None:
    plane = within([(0, 0, 50, 100)], (2, 4), (100, 100))
    assert plane.tolist() == [[True, True, False, False]] * 2
