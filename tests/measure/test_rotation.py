from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.evidence import Side
from cxr_agent.knowledge import definition, structures
from cxr_agent.measure.extent import BoolMask, Extent
from cxr_agent.measure.geometry import Geometry, NotMeasurable, Scene
from cxr_agent.measure.judge import check
from cxr_agent.measure.rotation import _quantile, rotation
from cxr_agent.testing.phantom import draw, random_spec
from tests.builders import rectangle

SHAPE = (400, 400)
RIGHT_LUNG = rectangle(SHAPE, 50, 60, 180, 340)
LEFT_LUNG = rectangle(SHAPE, 220, 60, 350, 340)


def clavicle(left: int, right: int, y: int = 100) -> BoolMask:
    return rectangle(SHAPE, left, y - 5, right, y + 5)


def measured(
    right: int = 180,
    left: int = 220,
    *,
    spine: int | None = 200,
    level: int = 0,
    lungs: bool = True,
) -> Geometry:
    """Medial ends at these columns; the left one lower by some rows."""
    masks = {
        "right_clavicle": clavicle(70, right),
        "left_clavicle": clavicle(left, 330, 100 + level),
    }
    if lungs:
        masks |= {"right_lung": RIGHT_LUNG, "left_lung": LEFT_LUNG}
    if spine is not None:
        masks["spine"] = rectangle(SHAPE, spine - 10, 0, spine + 10, 400)
    return rotation(Scene(masks, Extent(0, 0, 400, 400), SHAPE))


def test_ends_and_ratio_are_exact() -> None:
    found = measured(right=170, left=210, level=4)
    assert found.value == pytest.approx(10 / 30)
    assert found.landmarks == {"right_end": (170, 100), "left_end": (210, 104)}
    assert found.quantities == pytest.approx(
        {
            "ends_level": 4 / 400,
            "ends_height": 102 / 400,
            "ends_gap": 40 / 400,
            "midline_residual": 0,
            "midline_wander": 0,
            "end_reach_right": 120 / 130,
            "end_reach_left": 140 / 130,
        },
        abs=1e-12,
    )
    lines = {line.name: line.points for line in found.lines}
    assert lines["right_clavicle_to_midline"] == ((170, 100), pytest.approx((200, 100)))
    assert lines["left_clavicle_to_midline"] == ((210, 104), pytest.approx((200, 104)))
    assert found.remarks == ()


@pytest.mark.parametrize(
    ("right", "left", "side"), [(180, 220, None), (170, 210, Side.RIGHT), (190, 230, Side.LEFT)]
)
def test_the_side_is_that_of_the_end_further_from_the_midline(
    right: int, left: int, side: Side | None
) -> None:
    assert measured(right, left, spine=200).side is side


@pytest.mark.parametrize(("right", "left"), [(205, 225), (170, 198), (200, 220)])
def test_an_end_on_or_across_the_midline_gives_nought(right: int, left: int) -> None:
    assert measured(right, left).value == 0


def test_the_lungs_stand_in_for_the_spine() -> None:
    found = measured(right=185, spine=None)
    assert found.value == pytest.approx(15 / 20)
    assert found.remarks == ("midline_proxy",)


def test_without_lungs_their_reach_is_not_asked() -> None:
    found = measured(lungs=False)
    assert not {"end_reach_right", "end_reach_left"} & found.quantities.keys()
    check(definition("rotation"), found)


def test_neither_spine_nor_lungs() -> None:
    with pytest.raises(NotMeasurable, match="midline_unclear"):
        measured(spine=None, lungs=False)


@pytest.mark.parametrize("missing", ["right_clavicle", "left_clavicle"])
def test_a_missing_clavicle(missing: str) -> None:
    masks = {"right_clavicle": clavicle(70, 180), "left_clavicle": clavicle(220, 330)}
    masks["spine"] = rectangle(SHAPE, 190, 0, 210, 400)
    del masks[missing]
    with pytest.raises(NotMeasurable, match="mask_missing"):
        rotation(Scene(masks, Extent(0, 0, 400, 400), SHAPE))


@pytest.mark.parametrize("seed", range(5))
def test_a_phantoms_true_value_is_found_and_mirrors(seed: int) -> None:
    phantom = draw(replace(random_spec(np.random.default_rng(seed)), tilt_deg=0.0), 512)
    there = {name: plane for name, plane in phantom.masks.items() if plane.any()}
    field = Extent(0, 0, 512, 512)
    found = rotation(Scene(there, field, (512, 512)))
    assert found.value == pytest.approx(phantom.truth["rotation"], abs=0.05)
    turned = {structures()[n].mirrored or n: plane[:, ::-1] for n, plane in there.items()}
    other = rotation(Scene(turned, field, (512, 512)))
    assert other.value == pytest.approx(found.value)
    assert {found.side, other.side} == {Side.RIGHT, Side.LEFT}
    for end, mirrored in (("right_end", "left_end"), ("left_end", "right_end")):
        (x, y), (turned_x, turned_y) = found.landmarks[end], other.landmarks[mirrored]
        assert (512 - x, y) == (turned_x, turned_y)


@given(factor=st.integers(2, 3), right=st.integers(165, 199), left=st.integers(201, 230))
@settings(max_examples=15, deadline=None)
def test_scaling_a_film_keeps_everything_but_the_landmarks(
    factor: int, right: int, left: int
) -> None:
    masks = {
        "right_clavicle": clavicle(70, right),
        "left_clavicle": clavicle(left, 330, 104),
        "spine": rectangle(SHAPE, 190, 0, 210, 400),
    }
    large = {n: m.repeat(factor, axis=0).repeat(factor, axis=1) for n, m in masks.items()}
    one = rotation(Scene(masks, Extent(0, 0, 400, 400), SHAPE))
    size = 400 * factor
    other = rotation(Scene(large, Extent(0, 0, size, size), (size, size)))
    assert other.value == pytest.approx(one.value)
    assert other.side is one.side
    assert other.quantities == pytest.approx(one.quantities, abs=1e-9)


@given(st.lists(st.integers(0, 400), min_size=1), st.sampled_from((0.02, 0.5, 0.98)))
def test_a_quantile_is_numpys(values: list[int], share: float) -> None:
    found = _quantile(np.sort(values), share)
    assert found == pytest.approx(np.quantile(values, share), rel=1e-12)
    assert [one >= found for one in values] == [one >= np.quantile(values, share) for one in values]
