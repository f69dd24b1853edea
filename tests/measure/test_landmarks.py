"""Landmarks from outlines of lungs and heart."""

from __future__ import annotations

import pytest

from cxr_agent.measure.extent import Extent, extent_of
from cxr_agent.measure.geometry import Scene
from cxr_agent.measure.landmarks import hila, landmarks
from cxr_agent.testing.phantom import STRUCTURES, PhantomSpec, draw
from tests.builders import rectangle

SIZE = 512
NAMES = ("apex", "costophrenic", "cardiophrenic", "dome", "mediastinal_border")


def scene(*without: str) -> Scene:
    masks = draw(PhantomSpec(), SIZE).masks
    kept = {name: masks[name] for name in STRUCTURES if name not in without}
    return Scene(kept, Extent(0, 0, SIZE, SIZE), (SIZE, SIZE))


@pytest.mark.parametrize("side", ["right", "left"])
def test_points_lie_where_a_reader_would_put_them(side: str) -> None:
    found = {name: landmarks(scene())[f"{name}_{side}"] for name in NAMES}
    lung = extent_of(scene().masks[f"{side}_lung"])
    outer = -1 if side == "right" else 1
    assert found["apex"][1] == lung.top
    assert found["costophrenic"][1] == pytest.approx(lung.bottom, abs=3)
    assert found["apex"][1] < found["mediastinal_border"][1] < found["dome"][1]
    assert found["dome"][1] < found["costophrenic"][1]
    across = [outer * found[n][0] for n in ("cardiophrenic", "dome", "costophrenic")]
    assert across == sorted(across)


def test_without_a_heart_there_is_no_cardiophrenic_point() -> None:
    found = landmarks(scene("heart"))
    assert "cardiophrenic_right" not in found
    assert "apex_right" in found


def test_without_a_lung_its_side_has_no_landmarks() -> None:
    assert all(name.endswith("_left") for name in landmarks(scene("right_lung")))
    assert set(hila(scene("right_lung"))) == {"left_hilum"}


def test_hila_are_the_medial_part_of_the_middle_of_the_lungs() -> None:
    right = rectangle((100, 200), 20, 0, 90, 100)
    left = rectangle((100, 200), 110, 0, 180, 100)
    one = Scene({"right_lung": right, "left_lung": left}, Extent(0, 0, 200, 100), (100, 200))
    assert hila(one) == {"right_hilum": (69, 35, 90, 55), "left_hilum": (110, 35, 131, 55)}
