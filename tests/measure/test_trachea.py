from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.measure.geometry import NotMeasurable
from cxr_agent.measure.trachea import trachea
from tests.aorta import box, enlarged, scene_of


def test_it_is_measured_above_the_carina_and_below_its_top_quarter() -> None:
    found = trachea(scene_of())
    assert (found.lumen.top, found.lumen.bottom) == (60, 180)
    assert found.end == (190, 180)
    assert found.quantities == {
        "trachea_height": 120 / 400,
        "trachea_width": 20 / 400,
        "trachea_width_sd": 0,
        "trachea_width_px": 20,
    }


def test_without_a_carina_it_ends_where_its_own_outline_ends() -> None:
    found = trachea(scene_of(carina=None, trachea=box(190, 20, 210, 220)))
    assert (found.lumen.top, found.lumen.bottom) == (70, 220)


def test_the_width_is_that_of_the_median_row() -> None:
    tube = box(190, 20, 210, 100) | box(185, 100, 211, 160) | box(180, 160, 220, 180)
    found = trachea(scene_of(trachea=tube))
    # Below the top quarter: 40 rows of 20, 60 of 26, 20 of 40.
    assert found.width == 26
    assert found.line.points == ((185, 120.5), (211, 120.5))  # the middle row by width
    widths = np.repeat([20, 26, 40], [40, 60, 20])
    assert found.quantities["trachea_width_sd"] == pytest.approx(widths.std() / 400)


def test_what_lies_wholly_below_the_carina_is_no_trachea() -> None:
    with pytest.raises(NotMeasurable, match="trachea_unclear"):
        trachea(scene_of(trachea=box(190, 200, 210, 230)))


def test_a_missing_trachea() -> None:
    with pytest.raises(NotMeasurable, match="mask_missing"):
        trachea(scene_of(trachea=None))


@pytest.mark.parametrize("factor", [2, 3])
def test_shares_do_not_depend_on_scale(factor: int) -> None:
    tube = box(190, 20, 210, 100) | box(185, 100, 211, 160) | box(180, 160, 220, 180)
    scene = scene_of(trachea=tube)
    small, large = trachea(scene).quantities, trachea(enlarged(scene, factor)).quantities
    assert large.pop("trachea_width_px") == factor * small.pop("trachea_width_px")
    assert large == pytest.approx(small)
