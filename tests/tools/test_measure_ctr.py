"""The ratio as a tool: when it abstains, what it says, what it draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cxr_agent.evidence import EvidenceKind, Observation, Polarity, Unit
from cxr_agent.models.card import Calibration
from cxr_agent.study import AgeGroup, PixelSpacing, SpacingKind, View
from cxr_agent.testing.phantom import draw, random_spec
from cxr_agent.toolbox import measuring as module
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.contract import Abstain
from cxr_agent.toolbox.measurement import Measured, Measurement
from cxr_agent.toolbox.reading import reading_of
from cxr_agent.tools.measure_ctr import measure_ctr
from tests.builders import Bank, film, mask, model_card, rectangle, scene

SHAPE = (100, 200)
CALIBRATION = Calibration(floor=0.01, factor=2.0, level=0.9, films=10)
SPACING = PixelSpacing(0.5, 0.25, SpacingKind.CALIBRATED)


@pytest.fixture(autouse=True)
def _card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A calibration that training does not change."""

    card = model_card("anatomy", calibrations={"cardiothoracic_ratio": CALIBRATION})
    monkeypatch.setattr(module, "load_card", lambda _: card)


def measured(
    width: int = 70,
    *,
    doubt: int | None = 0,
    right: tuple[int, int] = (20, 90),
    left: tuple[int, int] = (110, 180),
    **rest: Any,
) -> Measured:
    """Measure rectangles: a heart of this width between lungs that are 160 wide."""
    start = 100 - width // 2
    return measure_ctr(  # type: ignore[return-value]
        film(**rest),
        mask("heart", rectangle(SHAPE, start, 50, start + width, 80), doubt=doubt),
        mask("right_lung", rectangle(SHAPE, right[0], 20, right[1], 80), doubt=doubt),
        mask("left_lung", rectangle(SHAPE, left[0], 20, left[1], 80), doubt=doubt),
    )


def value_of(result: Measured) -> Measurement:
    (item,) = result.items
    return item


def said(result: Measured) -> dict[str, Observation]:
    return {observation.code: observation for observation in result.observations()}


def abstention(**arguments: Any) -> tuple[str, ...]:
    with pytest.raises(Abstain) as caught:
        measured(**arguments)
    assert caught.value.subject == "cardiothoracic_ratio"
    return caught.value.reasons


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"view": View.LATERAL}, "lateral_view"),
        ({"age_group": AgeGroup.PAEDIATRIC}, "paediatric"),
        ({"right": (20, 20)}, "mask_missing"),
        ({"width": 0}, "mask_missing"),
        ({"right": (0, 90)}, "side_cut_off"),
        ({"left": (110, 200)}, "side_cut_off"),
        ({"right": (60, 90)}, "lungs_unequal"),
        ({"width": 40}, "implausible_value"),
        ({"width": 160}, "implausible_value"),
    ],
)
def test_it_abstains_rather_than_guess(arguments: dict[str, Any], reason: str) -> None:
    assert abstention(**arguments) == (reason,)


def test_a_missing_mask_abstains_before_the_tool_runs(open_bank: Callable[..., Bank]) -> None:
    outcome = open_bank().toolbox.run(ToolCall("measure_ctr", {"film": "img-1"}))
    assert (outcome.status, outcome.codes) == ("abstained", ("mask_missing",))


def test_the_ratio_and_its_parts_are_exact() -> None:
    result = value_of(measured())
    assert (result.value, result.box) == (70 / 160, (65, 50, 135, 80))
    ratio = said(measured())["cardiothoracic_ratio"]
    assert (ratio.value, ratio.unit, ratio.box) == (70 / 160, Unit.RATIO, (65, 50, 135, 80))
    assert (ratio.details["cardiac_width_px"], ratio.details["thoracic_width_px"]) == (70, 160)


def test_sure_outlines_leave_the_floor_of_the_calibration() -> None:
    result = value_of(measured(doubt=0))
    assert result.interval == pytest.approx((70 / 160 - 0.02, 70 / 160 + 0.02))
    assert (result.interval_level, result.calibrated) == (0.9, True)


def test_doubtful_outlines_widen_the_interval_as_the_calibration_says() -> None:
    result = value_of(measured(doubt=3))
    moved = 76 / 166 - 70 / 160  # the one repeat of three that is wider
    spread = float(np.sqrt(moved**2 / 3))
    half = 2.0 * float(np.hypot(0.01, spread))
    assert result.spread == pytest.approx(spread)
    assert result.interval == pytest.approx((result.value - half, result.value + half))


def test_outlines_of_a_model_without_calibration_give_the_range_of_their_repeats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "load_card", lambda _: model_card("anatomy"))
    result = value_of(measured(doubt=3))
    assert result.interval == pytest.approx((70 / 160, 76 / 166))
    assert (result.interval_level, result.calibrated) == (0.5, False)


def test_without_doubt_there_is_no_interval_and_still_a_sentence_for_each_statement() -> None:
    for width in (60, 84, 100):
        for view in (View.PA, View.AP, View.UNKNOWN):
            result = measured(width, doubt=None, view=view)
            item = value_of(result)
            assert (item.interval, item.interval_level) == (None, None)
            assert all(reading_of(observation) for observation in result.observations())


LOW, BETWEEN, HIGH = 64, 84, 104  # ratios 0.400, 0.525 and 0.650


@pytest.mark.parametrize(
    ("view", "width", "polarity", "limit"),
    [
        (View.PA, LOW, Polarity.ABSENT, 0.50),
        (View.PA, 80, Polarity.UNCERTAIN, 0.50),
        (View.PA, BETWEEN, Polarity.PRESENT, 0.50),
        (View.PA, HIGH, Polarity.PRESENT, 0.50),
        (View.AP, LOW, Polarity.ABSENT, 0.55),
        (View.AP, BETWEEN, Polarity.ABSENT, 0.55),
        (View.AP, 88, Polarity.UNCERTAIN, 0.55),
        (View.AP, HIGH, Polarity.PRESENT, 0.55),
        (View.UNKNOWN, LOW, Polarity.ABSENT, 0.50),
        (View.UNKNOWN, BETWEEN, Polarity.UNCERTAIN, 0.50),
        (View.UNKNOWN, HIGH, Polarity.PRESENT, 0.55),
    ],
)
def test_heart_size_by_projection(view: View, width: int, polarity: Polarity, limit: float) -> None:
    finding = said(measured(width, view=view))["cardiomegaly"]
    assert finding.kind is EvidenceKind.FINDING
    assert finding.polarity is polarity
    assert finding.threshold in (limit, None)
    assert finding.category == view.value.lower()
    assert finding.threshold_source
    applied = {View.PA: {"limit_pa"}, View.AP: {"limit_ap"}}
    limits = {name: value for name, value in finding.details.items() if name.startswith("limit")}
    assert set(limits) == applied.get(view, {"limit_pa", "limit_ap"})
    assert limit in limits.values()
    assert reading_of(finding)


@pytest.mark.parametrize(
    ("view", "remarks"),
    [(View.PA, ()), (View.AP, ("ap_magnifies",)), (View.UNKNOWN, ("view_unknown",))],
)
def test_remarks_of_the_projection(view: View, remarks: tuple[str, ...]) -> None:
    assert said(measured(view=view))["cardiothoracic_ratio"].reasons == remarks


def test_no_millimetres_without_a_spacing() -> None:
    result = measured()
    assert value_of(result).lengths_mm == {}
    assert set(said(result)) == {"cardiothoracic_ratio", "cardiomegaly"}


def test_millimetres_come_from_the_column_spacing() -> None:
    found = said(measured(spacing=SPACING))
    assert (found["cardiac_width"].value, found["thoracic_width"].value) == (17.5, 40.0)
    assert found["cardiac_width"].unit is Unit.MILLIMETRE
    assert found["cardiac_width"].category == "in_patient"
    assert found["cardiac_width"].reasons == ()


def test_millimetres_at_the_detector_say_so() -> None:
    spacing = PixelSpacing(0.25, 0.25, SpacingKind.DETECTOR)
    width = said(measured(spacing=spacing))["cardiac_width"]
    assert (width.category, width.reasons) == ("detector_plane", ("detector_plane",))
    assert reading_of(width).endswith("in the plane of the detector.")


@pytest.mark.parametrize("shift", [0, -30, 30])
def test_lines_lie_on_the_film_and_add_up(shift: int) -> None:
    heart = rectangle(SHAPE, 65 + shift, 50, 135 + shift, 80)
    result = measure_ctr(
        film(),
        mask("heart", heart),
        mask("right_lung", rectangle(SHAPE, 20, 20, 90, 80)),
        mask("left_lung", rectangle(SHAPE, 110, 20, 180, 80)),
    )
    lines = {drawing.name: drawing.points for drawing in result.drawings}
    for points in lines.values():
        assert all(0 <= x <= 200 and 0 <= y <= 100 for x, y in points)
    (a, _), (b, _) = lines["cardiac_width_right"]
    (c, _), (d, _) = lines["cardiac_width_left"]
    assert (a, b, d - a) == (65 + shift, c, 70)
    (left, _), (right, _) = lines["thoracic_width"]
    assert (left, right) == (20, 180)
    assert {x for x, _ in lines["thorax_middle"]} == {100}


@pytest.mark.parametrize("seed", range(3))
def test_a_phantom_gives_its_true_ratio_through_the_toolbox(
    open_bank: Callable[..., Bank], seed: int
) -> None:
    spec = random_spec(np.random.default_rng(seed))
    toolbox = open_bank(scene(spec)).toolbox
    toolbox.run(ToolCall("segment_anatomy", {"film": "img-1"}))
    outcome = toolbox.run(ToolCall("measure_ctr", {"film": "img-1"}))
    assert outcome.evidence[0].value == draw(spec, 128).ctr
    assert outcome.evidence[0].provenance.model == "anatomy"
