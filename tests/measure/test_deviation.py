from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.evidence import Side
from cxr_agent.knowledge import definition
from cxr_agent.measure.deviation import trachea_deviation
from cxr_agent.measure.extent import BoolMask, Extent
from cxr_agent.measure.geometry import Geometry, NotMeasurable, Scene
from cxr_agent.measure.judge import check
from cxr_agent.testing.phantom import draw, random_spec
from tests.builders import rectangle

SHAPE = (400, 400)
SPINE = rectangle(SHAPE, 180, 0, 220, 400)


def tube(*centres: int) -> BoolMask:
    """Twenty wide, from row 20 to 200, its middle at these columns from the head down."""
    mask = np.zeros(SHAPE, dtype=np.bool_)
    for rows, x in zip(np.array_split(np.arange(20, 200), len(centres)), centres, strict=True):
        mask[rows[0] : rows[-1] + 1, x - 10 : x + 10] = True
    return mask


def measured(trachea: BoolMask, **masks: BoolMask) -> Geometry:
    masks = {"trachea": trachea, "spine": SPINE} | masks
    return trachea_deviation(Scene(masks, Extent(0, 0, 400, 400), SHAPE))


@pytest.mark.parametrize(
    ("x", "value", "side", "rows"),
    [
        (200, 0.0, None, (0, 9, 0)),
        (209, 0.45, None, (0, 9, 0)),
        (191, -0.45, None, (0, 9, 0)),
        (211, 0.55, Side.LEFT, (0, 0, 9)),
        (185, -0.75, Side.RIGHT, (9, 0, 0)),
    ],
)
def test_offset_and_rows_are_exact(
    x: int, value: float, side: Side | None, rows: tuple[int, int, int]
) -> None:
    found = measured(tube(x))
    assert found.value == pytest.approx(value)
    assert found.side is side
    quantities = found.quantities
    assert (quantities["rows_right"], quantities["rows_flat"], quantities["rows_left"]) == rows
    assert quantities["trachea_width"] == 20 / 400
    assert (quantities["midline_residual"], quantities["midline_wander"]) == (0, 0)
    assert found.box == (x - 10, 20, x + 10, 200)
    check(definition("trachea_deviation"), found)


@pytest.mark.parametrize(
    ("centres", "majority", "side"),
    [
        ((215,) * 5 + (200,) * 4, 1, Side.LEFT),
        ((215,) * 4 + (200,) * 5, -1, None),
        ((185,) * 4 + (215,) * 2 + (200,) * 3, 1, Side.RIGHT),
        ((185,) * 4 + (215,) * 4 + (200,), 0, None),
        ((185,) * 4 + (200,) * 4 + (215,), 0, None),
    ],
)
def test_the_most_frequent_answer_decides(
    centres: tuple[int, ...], majority: int, side: Side | None
) -> None:
    found = measured(tube(*centres))
    assert (found.quantities["majority"], found.side) == (majority, side)


def test_rows_are_taken_above_the_carina() -> None:
    bent = tube(200, 200, 260)  # its lower third, from row 140, lies aside
    assert measured(bent).quantities["rows_left"] == 3
    found = measured(bent, carina=rectangle(SHAPE, 150, 140, 300, 220))
    assert found.quantities["rows_left"] == 0
    assert found.value == pytest.approx(0)
    assert all(y < 140 for _, y in found.landmarks.values())


def test_vertebrae_come_before_the_spine() -> None:
    vertebrae = {
        f"vertebra_t{n}": rectangle(SHAPE, 220, 30 * n, 240, 30 * n + 20) for n in range(1, 6)
    }
    assert measured(tube(200), **vertebrae).value == pytest.approx(-1.5)


def test_lines_are_the_midline_and_nine_rows() -> None:
    lines = measured(tube(215)).lines
    assert [line.name for line in lines] == [
        "midline",
        *(f"trachea_row_{number}" for number in range(1, 10)),
    ]
    assert lines[0].points == (pytest.approx((200, 20)), pytest.approx((200, 200)))
    assert all([x for x, _ in line.points] == [205, 225] for line in lines[1:])
    heights = [line.points[0][1] for line in lines[1:]]
    assert set(np.diff(heights)) <= {17, 18, 19}


def test_the_lungs_are_no_midline_for_a_trachea() -> None:
    lungs = {
        "right_lung": rectangle(SHAPE, 50, 10, 180, 340),
        "left_lung": rectangle(SHAPE, 220, 10, 350, 340),
    }
    masks = {"trachea": tube(200), **lungs}
    with pytest.raises(NotMeasurable, match="midline_unclear"):
        trachea_deviation(Scene(masks, Extent(0, 0, 400, 400), SHAPE))


def test_a_missing_trachea() -> None:
    with pytest.raises(NotMeasurable, match="mask_missing"):
        trachea_deviation(Scene({"spine": SPINE}, Extent(0, 0, 400, 400), SHAPE))


def test_a_trachea_below_the_carina() -> None:
    with pytest.raises(NotMeasurable, match="trachea_unclear"):
        measured(tube(200), carina=rectangle(SHAPE, 150, 10, 300, 220))


@pytest.mark.parametrize("seed", range(5))
def test_a_phantoms_true_offset_is_found(seed: int) -> None:
    phantom = draw(replace(random_spec(np.random.default_rng(seed)), tilt_deg=0.0), 512)
    masks = {name: plane for name, plane in phantom.masks.items() if plane.any()}
    found = trachea_deviation(Scene(masks, Extent(0, 0, 512, 512), (512, 512)))
    truth = phantom.truth["trachea_deviation"]
    assert found.value == pytest.approx(truth, abs=0.05)
    side = None if abs(truth) < 0.5 else Side.LEFT if truth > 0 else Side.RIGHT
    assert found.side is side


@given(centres=st.lists(st.integers(170, 230), min_size=1, max_size=6))
@settings(max_examples=20, deadline=None)
def test_mirroring_turns_the_sign_and_the_side(centres: list[int]) -> None:
    one, turned = measured(tube(*centres)), measured(tube(*centres)[:, ::-1])
    assert turned.value == pytest.approx(-one.value)
    swapped = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, None: None}
    assert turned.side is swapped[one.side]
    assert turned.quantities["majority"] == one.quantities["majority"]
