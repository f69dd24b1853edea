from __future__ import annotations

import pytest

from cxr_agent.measure.aortic_arch import refuse_right_arch
from cxr_agent.measure.aortic_knob import aortic_knob_ratio
from cxr_agent.measure.ascending_aorta import ascending_aorta_share
from cxr_agent.measure.descending_aorta import aortic_curvature, descending_aorta_ratio
from cxr_agent.measure.geometry import Measure, NotMeasurable
from tests.aorta import mirrored, scene_of


def test_a_left_arch_and_one_of_unknown_side_pass() -> None:
    refuse_right_arch(scene_of())
    refuse_right_arch(mirrored(scene_of(trachea=None)))
    refuse_right_arch(mirrored(scene_of(aortic_arch=None)))


@pytest.mark.parametrize(
    "measure", [aortic_knob_ratio, ascending_aorta_share, descending_aorta_ratio, aortic_curvature]
)
def test_nothing_is_measured_of_a_right_sided_arch(measure: Measure) -> None:
    with pytest.raises(NotMeasurable, match="arch_on_the_right"):
        measure(mirrored(scene_of()))
