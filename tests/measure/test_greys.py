from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.measure.greys import greys
from cxr_agent.testing.phantom import draw
from tests.builders import rectangle

SHAPE = (40, 60)
LUNGS = rectangle(SHAPE, 0, 0, 20, 40)
HEART = rectangle(SHAPE, 30, 10, 50, 30)


def shaded(lung: float, heart: float) -> np.ndarray:
    pixels = np.full(SHAPE, 0.4, dtype=np.float32)
    pixels[LUNGS], pixels[HEART] = lung, heart
    return pixels


def test_medians_and_contrast_are_exact() -> None:
    found = greys(shaded(0.25, 0.75), LUNGS, HEART)
    assert found is not None
    assert (found.lung_median, found.heart_median, found.contrast) == (0.25, 0.75, 0.5)
    assert found.clipped_share == 0


def test_inverted_greys_have_negative_contrast() -> None:
    phantom = draw(size=128)
    lungs = phantom.masks["right_lung"] | phantom.masks["left_lung"]
    upright = greys(phantom.pixels, lungs, phantom.masks["heart"])
    inverted = greys(1 - phantom.pixels, lungs, phantom.masks["heart"])
    assert upright is not None
    assert inverted is not None
    assert upright.contrast > 0
    assert inverted.contrast == pytest.approx(-upright.contrast, abs=1e-6)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_black_and_white_are_both_clipped(level: float) -> None:
    pixels = shaded(0.5, 0.7)
    pixels[:10, :20] = level  # a quarter of the lungs
    found = greys(pixels, LUNGS, HEART)
    assert found is not None
    assert found.clipped_share == 0.25


def test_an_empty_mask_gives_none() -> None:
    nothing = np.zeros(SHAPE, dtype=np.bool_)
    assert greys(shaded(0.2, 0.7), nothing, HEART) is None
    assert greys(shaded(0.2, 0.7), LUNGS, nothing) is None
