from __future__ import annotations

from typing import Any

import pytest

from cxr_agent.measure.aortic_knob import aortic_knob_ratio
from cxr_agent.measure.geometry import NotMeasurable
from tests.aorta import box, enlarged, scene_of


def test_an_arch_that_reaches_further_than_the_aorta() -> None:
    knob = aortic_knob_ratio(scene_of())
    assert knob.value == (250 - 210) / 20
    assert knob.quantities["aortic_knob_width"] == 40 / 400
    assert knob.quantities["upper_aorta_height"] == 60 / 400
    assert knob.quantities["arch_beyond_aorta"] == 5 / 400
    assert knob.quantities["trachea_aorta_gap"] == 0
    assert knob.landmarks["tracheal_wall_left"] == (210, 155)
    assert knob.landmarks["aortic_knob_left"] == (250, 130.5)
    assert knob.lines[-1].points == ((210, 130.5), (250, 130.5))
    assert knob.box == (205, 130, 250, 180)


def test_an_aorta_that_reaches_further_counts_on_its_medial_most_row() -> None:
    aorta = box(220, 150, 270, 200) | box(215, 200, 260, 380)
    knob = aortic_knob_ratio(scene_of(descending_aorta=aorta))
    assert knob.value == (260 - 210) / 20
    assert knob.landmarks["aortic_knob_left"] == (260, 200.5)
    assert knob.quantities["arch_beyond_aorta"] == -10 / 400


def test_an_aorta_that_begins_below_the_tracheal_end() -> None:
    knob = aortic_knob_ratio(scene_of(descending_aorta=box(215, 200, 245, 380)))
    assert knob.quantities["trachea_aorta_gap"] == 20 / 400


def test_the_tracheal_wall_is_averaged_over_the_rows_of_the_arch() -> None:
    slanted = box(190, 20, 210, 155) | box(194, 155, 214, 180)
    assert aortic_knob_ratio(scene_of(trachea=slanted)).value == (250 - 212) / 20


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"aortic_arch": None}, "mask_missing"),
        ({"descending_aorta": None}, "mask_missing"),
        ({"trachea": None}, "mask_missing"),
        ({"trachea": box(190, 200, 210, 230)}, "trachea_unclear"),
        ({"descending_aorta": box(215, 100, 245, 170)}, "aorta_displaced"),
        ({"aortic_arch": box(205, 250, 250, 300)}, "aorta_displaced"),
        ({"aortic_arch": box(205, 190, 250, 230)}, "aorta_displaced"),
        (
            {"aortic_arch": box(195, 130, 210, 180), "descending_aorta": box(190, 150, 209, 380)},
            "aortic_knob_hidden",
        ),
    ],
)
def test_what_cannot_be_measured(changed: dict[str, Any], code: str) -> None:
    with pytest.raises(NotMeasurable, match=code):
        aortic_knob_ratio(scene_of(**changed))


@pytest.mark.parametrize("factor", [2, 3])
def test_scale_does_not_matter(factor: int) -> None:
    small, large = scene_of(), enlarged(scene_of(), factor)
    assert aortic_knob_ratio(large).value == aortic_knob_ratio(small).value
