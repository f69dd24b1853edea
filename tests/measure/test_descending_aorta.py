from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.measure.descending_aorta import aortic_curvature, descending_aorta_ratio
from cxr_agent.measure.geometry import Measure, NotMeasurable
from tests.aorta import box, enlarged, scene_of

STEP = 8
STEPPED = box(215, 150, 245, 250) | box(215 + STEP, 250, 245 + STEP, 380)
"""Both walls move aside by a step between the third and the fourth line."""


def test_six_lines_cut_the_thoracic_part_without_its_ends() -> None:
    found = aortic_curvature(scene_of())
    (wall,) = found.lines
    assert wall.points == tuple((245, y) for y in (160, 196, 232, 268, 304, 340))
    assert found.quantities == {
        "descending_aorta_height": 180 / 400,
        "descending_aorta_width_sd": 0,
    }
    assert found.box == (215, 150, 245, 350)


def test_the_greatest_of_the_six_widths_counts() -> None:
    bulging = box(215, 150, 245, 380) | box(210, 260, 250, 270) | box(200, 280, 260, 290)
    found = descending_aorta_ratio(scene_of(descending_aorta=bulging))
    assert found.value == 40 / 20
    assert found.lines[-1].points == ((210, 268), (250, 268))
    assert found.quantities["descending_aorta_width_px"] == 40
    expected = np.std([30, 30, 30, 40, 30, 30]) / 400
    assert found.quantities["descending_aorta_width_sd"] == pytest.approx(expected)


def test_a_straight_aorta_has_no_curvature() -> None:
    assert aortic_curvature(scene_of()).value == 0
    slanted = np.zeros((400, 400), dtype=np.bool_)
    for row in range(150, 380):
        start = 215 + (row - 159) // 36  # moves by one from line to line
        slanted[row, start : start + 30] = True
    assert aortic_curvature(scene_of(descending_aorta=slanted)).value == pytest.approx(0)


def test_the_curvature_of_a_step_is_that_of_the_formula() -> None:
    down = 36  # rows from line to line
    # x' = 0 0 s/2 s/2 0 0, x'' = 0 s/4 s/4 -s/4 -s/4 0, y' = 36, y'' = 0.
    upright = STEP / 4 * down / down**3
    leaning = STEP / 4 * down / ((STEP / 2) ** 2 + down**2) ** 1.5
    expected = (2 * upright + 2 * leaning) / 6 * 400
    found = aortic_curvature(scene_of(descending_aorta=STEPPED))
    assert found.value == pytest.approx(expected)


@pytest.mark.parametrize("measure", [descending_aorta_ratio, aortic_curvature])
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"descending_aorta": None}, "mask_missing"),
        ({"heart": None}, "mask_missing"),
        ({"heart": box(50, 230, 200, 350)}, "aorta_heart_apart"),
    ],
)
def test_what_cannot_be_measured(
    measure: Measure, changed: dict[str, np.ndarray | None], code: str
) -> None:
    with pytest.raises(NotMeasurable, match=code):
        measure(scene_of(**changed))


def test_only_the_width_needs_a_trachea() -> None:
    without = scene_of(trachea=None)
    assert aortic_curvature(without).value == 0
    with pytest.raises(NotMeasurable, match="mask_missing"):
        descending_aorta_ratio(without)


@pytest.mark.parametrize("factor", [2, 3])
def test_scale_does_not_matter(factor: int) -> None:
    small = scene_of(descending_aorta=STEPPED)
    large = enlarged(small, factor)
    for measure in (descending_aorta_ratio, aortic_curvature):
        assert measure(large).value == pytest.approx(measure(small).value)


@given(seed=st.integers(0, 1000), height=st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_ragged_outlines_of_any_height_give_finite_values(seed: int, height: int) -> None:
    random = np.random.default_rng(seed)
    ragged = np.zeros((400, 400), dtype=np.bool_)
    for row in range(240, 240 + height):
        start = int(random.integers(200, 230))
        ragged[row, start : start + int(random.integers(1, 40))] = True
    found = aortic_curvature(scene_of(descending_aorta=ragged))
    assert np.isfinite(found.value)
    assert found.value >= 0
