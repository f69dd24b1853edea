from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.measure.extent import BoolMask, Extent
from cxr_agent.measure.geometry import Geometry, NotMeasurable, Scene
from cxr_agent.measure.tube import tube_tip
from tests.builders import rectangle

SHAPE = (300, 400)
CARINA = (
    rectangle(SHAPE, 170, 190, 230, 200)
    | rectangle(SHAPE, 170, 200, 185, 240)
    | rectangle(SHAPE, 215, 200, 230, 240)
)
"""A bar with two legs: the trachea parts at (200, 200)."""


def measured(top: int, left: int = 198, carina: BoolMask = CARINA) -> Geometry:
    """A tip of 4 x 4 pixels."""
    masks = {"tube_tip": rectangle(SHAPE, left, top, left + 4, top + 4), "carina": carina}
    return tube_tip(Scene(masks, Extent(0, 0, 400, 300), SHAPE))


@pytest.mark.parametrize(("top", "height"), [(148, 50), (218, -20), (198, 0)])
def test_heights_above_and_below_the_carina_are_exact(top: int, height: float) -> None:
    found = measured(top)
    assert found.value == height
    assert found.landmarks == {"tip": (200, top + 2), "carina": (200, 200)}
    across, down = found.lengths["value"]
    assert (across, down) == (0, abs(height) or 1)


def test_the_distance_is_vertical_wherever_the_tip_lies_across() -> None:
    found = measured(148, left=178)
    assert found.value == 50
    lines = {line.name: line.points for line in found.lines}
    assert lines["tip_to_carina"] == ((180, 150), (180, 200))
    assert lines["carina_level"] == ((180, 200), (200, 200))


def test_a_bifurcation_without_two_legs() -> None:
    with pytest.raises(NotMeasurable, match="carina_unclear"):
        measured(148, carina=rectangle(SHAPE, 170, 190, 230, 240))


@pytest.mark.parametrize("missing", ["tube_tip", "carina"])
def test_a_missing_outline(missing: str) -> None:
    masks = {"tube_tip": rectangle(SHAPE, 198, 148, 202, 152), "carina": CARINA}
    kept = {name: np.asarray(plane) for name, plane in masks.items() if name != missing}
    with pytest.raises(NotMeasurable, match="mask_missing"):
        tube_tip(Scene(kept, Extent(0, 0, 400, 300), SHAPE))
