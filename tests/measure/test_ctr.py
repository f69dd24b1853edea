from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.measure.ctr import cardiothoracic_ratio, standard_error
from cxr_agent.testing.phantom import PhantomSpec, draw
from tests.builders import rectangle

SHAPE = (100, 200)
HEART = rectangle(SHAPE, 80, 50, 130, 90)
RIGHT = rectangle(SHAPE, 20, 10, 90, 80)
LEFT = rectangle(SHAPE, 110, 15, 180, 85)
EMPTY = np.zeros(SHAPE, dtype=np.bool_)


def test_rectangles_give_the_exact_ratio_and_boxes() -> None:
    ctr = cardiothoracic_ratio(HEART, RIGHT, LEFT)
    assert ctr is not None
    assert (ctr.heart.width, ctr.lungs.width) == (50, 160)
    assert ctr.ratio == 50 / 160
    assert ctr.heart.box == (80, 50, 130, 90)
    assert ctr.lungs.box == (20, 10, 180, 85)
    assert ctr.heart_rows == (69.5, 69.5)
    assert ctr.lung_rows == (44.5, 49.5)


@pytest.mark.parametrize(
    "masks", [(EMPTY, RIGHT, LEFT), (HEART, EMPTY, LEFT), (HEART, RIGHT, EMPTY)]
)
def test_an_empty_mask_gives_none(masks: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    assert cardiothoracic_ratio(*masks) is None


def test_a_heart_wider_than_on_any_single_row_is_measured_border_to_border() -> None:
    slanted = rectangle(SHAPE, 60, 40, 90, 50) | rectangle(SHAPE, 90, 50, 120, 60)
    ctr = cardiothoracic_ratio(slanted, RIGHT, LEFT)
    assert ctr is not None
    assert ctr.ratio == 60 / 160
    assert ctr.heart_rows == (44.5, 54.5)


@pytest.mark.parametrize("ratio", [0.38, 0.46, 0.6])
def test_mirroring_a_film_keeps_the_ratio(ratio: float) -> None:
    masks = draw(PhantomSpec(cardiothoracic_ratio=ratio), 256).masks
    one = cardiothoracic_ratio(masks["heart"], masks["right_lung"], masks["left_lung"])
    turned = {name: plane[:, ::-1] for name, plane in masks.items()}
    other = cardiothoracic_ratio(turned["heart"], turned["left_lung"], turned["right_lung"])
    assert one is not None
    assert other is not None
    assert one.ratio == other.ratio


@given(factor=st.integers(1, 4), shift=st.integers(0, 20))
@settings(max_examples=20, deadline=None)
def test_scaling_and_shifting_a_film_keep_the_ratio(factor: int, shift: int) -> None:
    def grown(plane: np.ndarray) -> np.ndarray:
        big = np.kron(plane, np.ones((factor, factor), dtype=np.bool_)).astype(np.bool_)
        return np.pad(big, ((shift, 0), (0, shift)))

    small = cardiothoracic_ratio(HEART, RIGHT, LEFT)
    large = cardiothoracic_ratio(grown(HEART), grown(RIGHT), grown(LEFT))
    assert small is not None
    assert large is not None
    assert large.ratio == small.ratio
    assert large.heart.width == factor * small.heart.width


def test_standard_error_propagates_each_border() -> None:
    ctr = cardiothoracic_ratio(HEART, RIGHT, LEFT)
    assert ctr is not None
    assert standard_error(ctr, (0, 0), (0, 0)) == 0
    assert standard_error(ctr, (3, 4), (0, 0)) == pytest.approx(5 / 160)
    assert standard_error(ctr, (0, 0), (3, 4)) == pytest.approx(50 / 160 * 5 / 160)
    assert standard_error(ctr, (3, 4), (3, 4)) > standard_error(ctr, (3, 4), (0, 0))
