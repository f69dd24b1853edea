from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.measure.rotation import rotation
from cxr_agent.testing.phantom import PhantomSpec, draw
from tests.builders import rectangle

SHAPE = (200, 401)  # odd, so that a middle column exists
RIGHT_LUNG = rectangle(SHAPE, 50, 20, 180, 180)
LEFT_LUNG = RIGHT_LUNG[:, ::-1]
EMPTY = np.zeros(SHAPE, dtype=np.bool_)


def clavicle(left: int, right: int) -> np.ndarray:
    return rectangle(SHAPE, left, 30, right, 36)


def test_a_symmetric_film_has_ratio_one() -> None:
    right = clavicle(80, 190)
    found = rotation(right, right[:, ::-1], RIGHT_LUNG, LEFT_LUNG)
    assert found is not None
    assert found.midline_x == 200
    assert found.ratio == 1
    assert found.right_distance == found.left_distance > 0


def test_shifted_clavicles_give_the_ratio_of_the_distances() -> None:
    right, left = clavicle(100, 181), clavicle(210, 300)  # ends at 180 and 210, middle at 200
    found = rotation(right, left, RIGHT_LUNG, LEFT_LUNG)
    assert found is not None
    assert found.right_end[0] == pytest.approx(180, abs=1.5)
    assert found.ratio == pytest.approx(found.left_distance / found.right_distance)
    assert found.ratio == pytest.approx(0.5, abs=0.1)


def test_mirroring_swaps_the_sides_and_keeps_the_ratio() -> None:
    right, left = clavicle(100, 181), clavicle(210, 300)
    one = rotation(right, left, RIGHT_LUNG, LEFT_LUNG)
    other = rotation(left[:, ::-1], right[:, ::-1], LEFT_LUNG[:, ::-1], RIGHT_LUNG[:, ::-1])
    assert one is not None
    assert other is not None
    assert other.ratio == pytest.approx(one.ratio)
    assert other.right_distance == pytest.approx(one.left_distance)


def test_an_end_beyond_the_midline_gives_zero() -> None:
    found = rotation(clavicle(100, 250), clavicle(260, 320), RIGHT_LUNG, LEFT_LUNG)
    assert found is not None
    assert found.ratio == 0


@pytest.mark.parametrize("missing", range(4))
def test_a_missing_mask_gives_none(missing: int) -> None:
    masks = [clavicle(80, 190), clavicle(80, 190)[:, ::-1], RIGHT_LUNG, LEFT_LUNG]
    masks[missing] = EMPTY
    assert rotation(*masks) is None


def test_lungs_that_share_too_few_rows_give_none() -> None:
    low = rectangle(SHAPE, 221, 176, 351, 199)
    assert rotation(clavicle(80, 190), clavicle(210, 320), RIGHT_LUNG, low) is None


def test_the_phantom_is_straight() -> None:
    m = draw(PhantomSpec(), 256).masks
    found = rotation(m["right_clavicle"], m["left_clavicle"], m["right_lung"], m["left_lung"])
    assert found is not None
    assert found.ratio > 0.9
