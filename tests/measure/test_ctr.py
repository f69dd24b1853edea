from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.measure.ctr import cardiothoracic_ratio
from cxr_agent.measure.extent import Extent
from cxr_agent.measure.geometry import Geometry, NotMeasurable, Scene
from cxr_agent.testing.phantom import PhantomSpec, draw
from tests.builders import rectangle

SHAPE = (100, 200)
HEART = rectangle(SHAPE, 80, 50, 130, 90)
RIGHT = rectangle(SHAPE, 20, 10, 90, 80)
LEFT = rectangle(SHAPE, 110, 15, 180, 85)


def measured(heart: np.ndarray, right: np.ndarray, left: np.ndarray) -> Geometry:
    planes = {"heart": heart, "right_lung": right, "left_lung": left}
    rows, columns = heart.shape
    there = {name: plane for name, plane in planes.items() if plane.any()}
    return cardiothoracic_ratio(Scene(there, Extent(0, 0, columns, rows), (rows, columns)))


def test_rectangles_give_the_exact_ratio_and_landmarks() -> None:
    ctr = measured(HEART, RIGHT, LEFT)
    assert ctr.value == 50 / 160
    assert ctr.lengths == {"cardiac_width": (50, 0), "thoracic_width": (160, 0)}
    assert ctr.box == (80, 50, 130, 90)
    assert ctr.landmarks == {
        "heart_right": (80, 70),
        "heart_left": (130, 70),
        "thorax_right": (20, 45),
        "thorax_left": (180, 50),
    }
    assert ctr.quantities["side_margin"] == 20 / 200
    assert ctr.quantities["lung_width_balance"] == 1


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_missing_outline_cannot_be_measured(missing: int) -> None:
    masks = [HEART, RIGHT, LEFT]
    masks[missing] = np.zeros(SHAPE, dtype=np.bool_)
    with pytest.raises(NotMeasurable, match="mask_missing"):
        measured(*masks)


def test_a_heart_wider_than_on_any_single_row_is_measured_border_to_border() -> None:
    slanted = rectangle(SHAPE, 60, 40, 90, 50) | rectangle(SHAPE, 90, 50, 120, 60)
    ctr = measured(slanted, RIGHT, LEFT)
    assert ctr.value == 60 / 160
    assert (ctr.landmarks["heart_right"], ctr.landmarks["heart_left"]) == ((60, 45), (120, 55))


@pytest.mark.parametrize("ratio", [0.38, 0.46, 0.6])
def test_mirroring_a_film_keeps_the_ratio(ratio: float) -> None:
    masks = draw(PhantomSpec(cardiothoracic_ratio=ratio), 256).masks
    one = measured(masks["heart"], masks["right_lung"], masks["left_lung"])
    turned = {name: plane[:, ::-1] for name, plane in masks.items()}
    other = measured(turned["heart"], turned["left_lung"], turned["right_lung"])
    assert one.value == other.value


@given(factor=st.integers(1, 4), shift=st.integers(0, 20))
@settings(max_examples=20, deadline=None)
def test_scaling_and_shifting_a_film_keep_the_ratio(factor: int, shift: int) -> None:
    def grown(plane: np.ndarray) -> np.ndarray:
        big = np.kron(plane, np.ones((factor, factor), dtype=np.bool_)).astype(np.bool_)
        return np.pad(big, ((shift, 0), (0, shift)))

    small = measured(HEART, RIGHT, LEFT)
    large = measured(grown(HEART), grown(RIGHT), grown(LEFT))
    assert large.value == small.value
    assert large.lengths["cardiac_width"][0] == factor * small.lengths["cardiac_width"][0]
