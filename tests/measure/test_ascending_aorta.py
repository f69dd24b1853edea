from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.measure.ascending_aorta import ascending_aorta_share
from cxr_agent.measure.geometry import NotMeasurable
from tests.aorta import box, enlarged, scene_of

UPRIGHT = {"heart": box(190, 230, 280, 350)}
"""A heart right below the tracheal end, so that the line is x = 190."""


def test_a_normal_aorta_lies_medial_to_the_line() -> None:
    found = ascending_aorta_share(scene_of())
    assert found.value == 0
    assert found.landmarks == {"trachea_end": (190, 180), "heart_right": (130, 290)}
    assert found.lines[-1].points == ((190, 180), (130, 290))
    assert found.quantities["ascending_aorta_height"] == 90 / 400
    assert found.quantities["ascending_aorta_top"] == 10 / 400
    assert found.quantities["heart_beyond_trachea"] == 60 / 400
    assert found.box == (190, 190, 215, 280)


def test_what_lies_lateral_to_an_upright_line_is_counted() -> None:
    found = ascending_aorta_share(scene_of(**UPRIGHT, ascending_aorta=box(185, 190, 215, 280)))
    assert found.value == 5 / 30


def test_what_lies_lateral_to_a_slanted_line_is_counted() -> None:
    aorta = box(140, 190, 200, 230)
    y, x = np.nonzero(aorta)
    border = 190 - 60 * (y + 0.5 - 180) / 110  # x of the line at the height of each pixel
    expected = np.mean(x + 0.5 < border)
    found = ascending_aorta_share(scene_of(ascending_aorta=aorta))
    assert 0.1 < found.value < 0.9
    assert found.value == expected


def test_a_heart_that_does_not_reach_beyond_the_trachea() -> None:
    found = ascending_aorta_share(scene_of(heart=box(200, 230, 280, 350)))
    assert found.quantities["heart_beyond_trachea"] == -10 / 400


@pytest.mark.parametrize("missing", ["ascending_aorta", "heart", "trachea"])
def test_a_missing_outline(missing: str) -> None:
    with pytest.raises(NotMeasurable, match="mask_missing"):
        ascending_aorta_share(scene_of(**{missing: None}))


@pytest.mark.parametrize("factor", [2, 3])
def test_scale_does_not_matter(factor: int) -> None:
    scene = scene_of(**UPRIGHT, ascending_aorta=box(180, 190, 220, 280))
    assert ascending_aorta_share(enlarged(scene, factor)).value == 1 / 4
