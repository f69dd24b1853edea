from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.measure.extent import Extent
from cxr_agent.measure.geometry import NotMeasurable, Scene
from cxr_agent.measure.inclusion import exposed_field, inclusion, side_margins
from tests.builders import rectangle

SHAPE = (100, 200)
RIGHT = rectangle(SHAPE, 20, 10, 90, 80)
LEFT = rectangle(SHAPE, 110, 15, 170, 85)


def scene(field: tuple[int, int, int, int] = (0, 0, 200, 100), **more: np.ndarray) -> Scene:
    masks = {"right_lung": RIGHT, "left_lung": LEFT, **more}
    return Scene({n: m for n, m in masks.items() if m.any()}, Extent(*field), SHAPE)


def test_margins_are_shares_of_the_film() -> None:
    found = inclusion(scene()).quantities
    assert (found["apex_right"], found["apex_left"]) == (0.10, 0.15)
    assert (found["side_right"], found["side_left"]) == (0.10, 0.15)
    assert (found["bottom_right"], found["bottom_left"]) == (0.20, 0.15)
    assert inclusion(scene()).value == 0.10
    assert inclusion(scene()).remarks == ("bottom_without_diaphragm",)


def test_with_a_hemidiaphragm_the_base_is_taken_above_it_in_the_medial_third() -> None:
    dome = rectangle(SHAPE, 20, 60, 90, 90)
    found = inclusion(scene(right_hemidiaphragm=dome, left_hemidiaphragm=dome[:, ::-1]))
    assert found.quantities["dome_right"] == 0.40
    assert "bottom_right" not in found.quantities
    assert found.remarks == ()


def test_a_black_border_is_no_free_space() -> None:
    found = inclusion(scene((20, 10, 180, 90))).quantities
    assert (found["apex_right"], found["bottom_left"]) == (0, pytest.approx(5 / 80))
    assert (found["side_right"], found["side_left"]) == (0, pytest.approx(10 / 160))
    assert side_margins(scene((20, 10, 180, 90))) == (0, pytest.approx(10 / 160))


def test_a_lung_beyond_the_field_has_no_margin_rather_than_a_negative_one() -> None:
    found = inclusion(scene((40, 30, 160, 70))).quantities
    names = ("apex", "side", "bottom")
    assert all(found[f"{name}_{side}"] == 0 for name in names for side in ("right", "left"))


@pytest.mark.parametrize("share", [0.0, 0.01])
def test_field_of_a_film_with_nothing_or_a_few_bright_marks(share: float) -> None:
    pixels = np.zeros(SHAPE, dtype=np.float32)
    pixels[:1, : int(share * 200)] = 1  # a burned-in mark is no exposed field
    assert exposed_field(pixels) == Extent(0, 0, 200, 100)


@pytest.mark.parametrize("lung", ["right_lung", "left_lung"])
def test_a_missing_lung_cannot_be_measured(lung: str) -> None:
    with pytest.raises(NotMeasurable, match="mask_missing"):
        inclusion(scene(**{lung: np.zeros(SHAPE, dtype=np.bool_)}))
