"""The measurements of the aorta against the numbers that a phantom was drawn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxr_agent.knowledge import definition
from cxr_agent.measure.aortic_knob import aortic_knob_ratio
from cxr_agent.measure.ascending_aorta import ascending_aorta_share
from cxr_agent.measure.descending_aorta import aortic_curvature, descending_aorta_ratio
from cxr_agent.measure.extent import Extent
from cxr_agent.measure.geometry import Measure, Scene
from cxr_agent.measure.judge import check
from cxr_agent.testing.phantom import draw, random_spec

SIZE = 512


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("name", "measure", "tolerance"),
    [
        ("aortic_knob", aortic_knob_ratio, 0.1),
        ("descending_aorta", descending_aorta_ratio, 0.1),
        ("aortic_tortuosity", aortic_curvature, 0.15),
        ("ascending_aorta", ascending_aorta_share, 0.02),
    ],
)
def test_the_true_value_is_found(name: str, measure: Measure, tolerance: float, seed: int) -> None:
    spec = replace(random_spec(np.random.default_rng(seed)), tilt_deg=0.0)
    phantom = draw(spec, SIZE)
    masks = {code: plane for code, plane in phantom.masks.items() if plane.any()}
    if name == "ascending_aorta":
        # The phantom's line begins where the trachea parts, not where the carina's outline begins.
        del masks["carina"]
    found = measure(Scene(masks, Extent(0, 0, SIZE, SIZE), (SIZE, SIZE)))
    check(definition(name), found)
    assert found.value == pytest.approx(phantom.truth[name], abs=tolerance)
