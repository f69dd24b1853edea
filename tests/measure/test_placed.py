"""Landmarks that a reader put: what is made of them follows, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cxr_agent.chat.corrections import movable_landmarks
from cxr_agent.knowledge import measurements
from cxr_agent.measure.extent import Extent
from cxr_agent.measure.geometry import NotMeasurable, Scene
from cxr_agent.measure.nodule import nodule_diameter
from cxr_agent.measure.tube import tube_tip
from cxr_agent.study import Image, PixelSpacing, SpacingKind, Study
from cxr_agent.testing.phantom import Phantom, PhantomSpec, draw
from cxr_agent.toolbox.arguments import ToolCall, bind
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.contract import Abstain, Mask
from cxr_agent.toolbox.measurement import Measured, Measurement
from cxr_agent.toolbox.registry import known
from tests.builders import FakeShelf, film, rectangle, repeats

SPACING = PixelSpacing(0.2, 0.2, SpacingKind.CALIBRATED)
TOOLS = {spec.name: spec for spec in known()}
NOT_DRAWN = ("measure_nodule", "measure_tube_tip")
"""No phantom has a nodule or a tube: these have tests of their own below."""
ON_PHANTOM = {n: one for n, one in movable_landmarks().items() if one.tool not in NOT_DRAWN}


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return draw(PhantomSpec(), 512)


def laid_out(phantom: Phantom, **masks: Any) -> tuple[Bench, Image]:
    picture = film(phantom.pixels, spacing=SPACING)
    bench = Bench(Study((picture,)), FakeShelf())
    planes = {name: plane for name, plane in phantom.masks.items() if plane.any()}
    bench.put_masks(
        "img-1", {name: Mask(name, plane, repeats(plane, 1)) for name, plane in planes.items()}
    )
    return bench, picture


def measured(bench: Bench, tool: str) -> dict[str, Measurement]:
    spec = TOOLS[tool]
    result = spec.function(**bind(spec, ToolCall(tool, {"film": "img-1"}), bench).keywords)
    assert isinstance(result, Measured)
    return {
        ".".join(
            filter(None, (item.id, item.side if item.id == "costophrenic_angle" else None))
        ): item
        for item in result.items
    }


def test_every_movable_landmark_is_one_of_its_measurement(phantom: Phantom) -> None:
    bench, _ = laid_out(phantom)
    seen = 0
    for name, about in ON_PHANTOM.items():
        *key, landmark = name.split(".")
        item = measured(bench, about.tool)[".".join(key)]
        assert landmark in item.landmarks, name
        seen += 1
    assert seen >= 20


@pytest.mark.parametrize("name", ON_PHANTOM)
def test_a_moved_landmark_moves_what_is_made_of_it(name: str, phantom: Phantom) -> None:
    about = ON_PHANTOM[name]
    *key, landmark = name.split(".")
    bench, _ = laid_out(phantom)
    before = measured(bench, about.tool)[".".join(key)]
    x, y = before.landmarks[landmark]
    bench.place("img-1", name, (x + 3, y - 4))
    after = measured(bench, about.tool)[".".join(key)]
    assert after.landmarks[landmark] == (x + 3, y - 4)
    assert after.value != before.value
    assert after.placed == (landmark,)


@pytest.mark.parametrize("tool", sorted({one.tool for one in ON_PHANTOM.values()}))
def test_a_landmark_put_where_it_was_changes_nothing(tool: str, phantom: Phantom) -> None:
    bench, _ = laid_out(phantom)
    before = measured(bench, tool)
    for name, about in ON_PHANTOM.items():
        *key, landmark = name.split(".")
        if about.tool == tool:
            bench.place("img-1", name, before[".".join(key)].landmarks[landmark])
    after = measured(bench, tool)
    for key, item in before.items():
        assert after[key].value == pytest.approx(item.value, abs=1e-9)
        assert after[key].quantities == pytest.approx(item.quantities, abs=1e-9)


def test_the_ratio_by_hand(phantom: Phantom) -> None:
    bench, _ = laid_out(phantom)
    for name, x in (("heart_right", 100), ("heart_left", 200), ("thorax_right", 50)):
        bench.place("img-1", f"ctr.{name}", (x, 250))
    bench.place("img-1", "ctr.thorax_left", (300, 240))
    item = measured(bench, "measure_ctr")["ctr"]
    assert item.value == pytest.approx(100 / 250)
    assert item.lengths_mm == pytest.approx({"cardiac_width": 20.0, "thoracic_width": 50.0})
    assert item.interval == pytest.approx((0.4, 0.4))  # four fixed points leave no doubt


def test_a_right_angle_by_hand(phantom: Phantom) -> None:
    bench, _ = laid_out(phantom)
    x, y = measured(bench, "measure_carina_angle")["carina_angle"].landmarks["vertex"]
    bench.place("img-1", "carina_angle.right_edge", (x - 40, y + 40))
    bench.place("img-1", "carina_angle.left_edge", (x + 40, y + 40))
    assert measured(bench, "measure_carina_angle")["carina_angle"].value == pytest.approx(90)


def test_one_side_is_not_the_other(phantom: Phantom) -> None:
    bench, _ = laid_out(phantom)
    before = measured(bench, "measure_costophrenic_angles")
    x, y = before["costophrenic_angle.right"].landmarks["vertex"]
    bench.place("img-1", "costophrenic_angle.right.vertex", (x + 9, y - 9))
    after = measured(bench, "measure_costophrenic_angles")
    assert after["costophrenic_angle.left"] == before["costophrenic_angle.left"]
    assert after["costophrenic_angle.right"].value != before["costophrenic_angle.right"].value


def test_crossed_landmarks_are_no_ratio(phantom: Phantom) -> None:
    bench, _ = laid_out(phantom)
    bench.place("img-1", "ctr.heart_left", (1, 250))
    with pytest.raises((Abstain, NotMeasurable)) as caught:
        measured(bench, "measure_ctr")
    assert "landmarks_crossed" in getattr(caught.value, "reasons", ())


def test_a_nodule_and_a_tube_by_hand() -> None:
    spot = rectangle((100, 100), 40, 40, 50, 60)
    field = Extent(0, 0, 100, 100)
    seen = Scene({"nodule": spot}, field, (100, 100))
    placed = {"long_axis_start": (45.0, 20.0), "long_axis_end": (45.0, 80.0)}
    moved = nodule_diameter(replace(seen, placed=placed))
    assert moved.quantities["long_axis_px"] == pytest.approx(60)
    assert moved.quantities["short_axis_px"] == pytest.approx(10)
    assert moved.landmarks == placed
    phantom = draw(PhantomSpec(), 512)
    masks = {"tube_tip": rectangle((512, 512), 250, 60, 260, 70), "carina": phantom.masks["carina"]}
    tube = Scene(masks, Extent(0, 0, 512, 512), (512, 512))
    assert tube_tip(replace(tube, placed={"carina": (255.0, 165.0)})).value == pytest.approx(100)
    both = {"carina": (255.0, 165.0), "tip": (255.0, 150.0)}
    assert tube_tip(replace(tube, placed=both)).value == pytest.approx(15)


def test_definitions_name_each_landmark_once() -> None:
    for about in measurements().values():
        assert len(set(about.movable)) == len(about.movable)
