from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.measure.extent import Extent
from cxr_agent.measure.inclusion import exposed_field, margins
from tests.builders import rectangle

SHAPE = (100, 200)
GREY = np.full(SHAPE, 0.5, dtype=np.float32)
RIGHT = rectangle(SHAPE, 20, 10, 90, 80)
LEFT = rectangle(SHAPE, 110, 15, 170, 85)


def bordered(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    pixels = np.zeros(SHAPE, dtype=np.float32)
    pixels[top:bottom, left:right] = 0.5
    return pixels


def test_margins_are_shares_of_the_film() -> None:
    found = margins(GREY, RIGHT, LEFT)
    assert found is not None
    assert (found.apex, found.bottom) == (0.10, 0.15)
    assert (found.right_side, found.left_side) == (0.10, 0.15)


def test_a_black_border_is_no_free_space() -> None:
    found = margins(bordered(20, 10, 180, 90), RIGHT, LEFT)
    assert found is not None
    assert (found.apex, found.bottom) == (0, pytest.approx(5 / 80))
    assert (found.right_side, found.left_side) == (0, pytest.approx(10 / 160))


def test_a_lung_beyond_the_field_has_no_margin_rather_than_a_negative_one() -> None:
    found = margins(bordered(40, 30, 160, 70), RIGHT, LEFT)
    assert found is not None
    assert (found.apex, found.right_side, found.left_side, found.bottom) == (0, 0, 0, 0)


@pytest.mark.parametrize("share", [0.0, 0.01])
def test_field_of_a_film_with_nothing_or_a_few_bright_marks(share: float) -> None:
    pixels = np.zeros(SHAPE, dtype=np.float32)
    pixels[:1, : int(share * 200)] = 1  # a burned-in mark is no exposed field
    assert exposed_field(pixels) == Extent(0, 0, 200, 100)


def test_a_missing_lung_gives_none() -> None:
    nothing = np.zeros(SHAPE, dtype=np.bool_)
    assert margins(GREY, nothing, LEFT) is None
    assert margins(GREY, RIGHT, nothing) is None
