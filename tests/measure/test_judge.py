"""How comparisons with limits, and the doubt of a value, become a verdict."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from cxr_agent.evidence import Interval, Polarity
from cxr_agent.knowledge import Comparison, Decision, definition, threshold
from cxr_agent.measure.geometry import Geometry
from cxr_agent.measure.judge import Verdict, quantity_of, verdict
from cxr_agent.study import View

PRESENT, ABSENT, UNCERTAIN = Polarity.PRESENT, Polarity.ABSENT, Polarity.UNCERTAIN


def _decision(*when: dict[str, str], combine: Literal["any", "all"] = "any") -> Decision:
    return Decision(
        kind="quality",
        code="inclusion",
        when=tuple(Comparison.model_validate(one) for one in when),
        combine=combine,
        present="yes",
        absent="no",
        uncertain="open",
    )


def _judged(
    decision: Decision,
    value: float = 0.0,
    interval: Interval | None = None,
    view: View = View.PA,
    intervals: dict[str, Interval] | None = None,
    **quantities: float,
) -> Verdict:
    known = dict(intervals or {})
    if interval is not None:
        known["value"] = interval
    return verdict(decision, Geometry(value, quantities), known, view)


FROM = _decision({"from": "ctr_pa"})
BELOW = _decision({"below": "ctr_pa"})
BAND = _decision({"low": "carina_angle_low", "high": "carina_angle_high"})
SHARE = _decision({"from": "ascending_aorta_share", "fails_at_most": "ascending_aorta_share_none"})
DOME = _decision({"below": "dome_margin_cut", "fails_from": "dome_margin"})
HYSTERESIS = _decision({"from": "ctr_ap", "fails_below": "ctr_pa"})


@pytest.mark.parametrize(
    ("decision", "value", "interval", "polarity"),
    [
        # From a limit of 0.50 on.
        (FROM, 0.50, None, PRESENT),
        (FROM, 0.499, None, ABSENT),
        (FROM, 0.50, (0.50, 0.60), PRESENT),
        (FROM, 0.49, (0.40, 0.49), ABSENT),
        (FROM, 0.52, (0.49, 0.55), UNCERTAIN),
        (FROM, 0.48, (0.45, 0.50), UNCERTAIN),
        # Below 0.50.
        (BELOW, 0.499, None, PRESENT),
        (BELOW, 0.50, None, ABSENT),
        (BELOW, 0.49, (0.48, 0.50), UNCERTAIN),
        (BELOW, 0.52, (0.50, 0.55), ABSENT),
        # Outside of 40 to 80; the limits themselves lie inside.
        (BAND, 39.9, None, PRESENT),
        (BAND, 40.0, None, ABSENT),
        (BAND, 80.0, None, ABSENT),
        (BAND, 80.1, None, PRESENT),
        (BAND, 60.0, (40.0, 80.0), ABSENT),
        (BAND, 60.0, (39.0, 70.0), UNCERTAIN),
        (BAND, 60.0, (30.0, 90.0), UNCERTAIN),
        (BAND, 90.0, (81.0, 99.0), PRESENT),
        (BAND, 30.0, (20.0, 39.0), PRESENT),
        # From 0.1 on; fails only at 0.
        (SHARE, 0.10, None, PRESENT),
        (SHARE, 0.0, None, ABSENT),
        (SHARE, 0.05, None, UNCERTAIN),
        (SHARE, 0.0, (0.0, 0.01), UNCERTAIN),
        # Below 0.03; fails only from 0.09 on.
        (DOME, 0.029, None, PRESENT),
        (DOME, 0.03, None, UNCERTAIN),
        (DOME, 0.089, None, UNCERTAIN),
        (DOME, 0.09, None, ABSENT),
        (DOME, 0.10, (0.08, 0.12), UNCERTAIN),
        (DOME, 0.02, (0.01, 0.03), UNCERTAIN),
        # From 0.55 on; fails only below 0.50.
        (HYSTERESIS, 0.55, None, PRESENT),
        (HYSTERESIS, 0.50, None, UNCERTAIN),
        (HYSTERESIS, 0.499, None, ABSENT),
        (HYSTERESIS, 0.49, (0.47, 0.50), UNCERTAIN),
    ],
)
def test_one_comparison(
    decision: Decision, value: float, interval: Interval | None, polarity: Polarity
) -> None:
    found = _judged(decision, value, interval)
    assert found.polarity is polarity
    assert found.category == {PRESENT: "yes", ABSENT: "no", UNCERTAIN: "open"}[polarity]


def test_an_interval_across_the_limit_leaves_the_nearest_answer() -> None:
    found = _judged(FROM, 0.52, (0.49, 0.55))
    assert (found.polarity, found.category) == (UNCERTAIN, "open")
    assert (found.nearest, found.nearest_category) == (PRESENT, "yes")


ONE = {"quantity": "one", "from": "ctr_pa", "reason": "right_apex_cut_off"}
TWO = {"quantity": "two", "from": "ctr_pa", "reason": "left_apex_cut_off"}


@pytest.mark.parametrize(
    ("combine", "one", "two", "polarity"),
    [
        ("any", 0.6, 0.6, PRESENT),
        ("any", 0.6, 0.4, PRESENT),
        ("any", 0.4, 0.4, ABSENT),
        ("all", 0.6, 0.6, PRESENT),
        ("all", 0.6, 0.4, UNCERTAIN),
        ("all", 0.4, 0.4, ABSENT),
    ],
)
def test_several_comparisons(
    combine: Literal["any", "all"], one: float, two: float, polarity: Polarity
) -> None:
    found = _judged(_decision(ONE, TWO, combine=combine), one=one, two=two)
    assert found.polarity is polarity


def test_of_any_one_in_doubt_is_open_unless_another_holds() -> None:
    decision = _decision(ONE, TWO)
    doubt = {"one": (0.45, 0.55)}
    assert _judged(decision, one=0.5, two=0.4, intervals=doubt).polarity is UNCERTAIN
    assert _judged(decision, one=0.5, two=0.6, intervals=doubt).polarity is PRESENT


def test_reasons_are_those_that_hold_by_the_value_alone() -> None:
    decision = _decision(ONE, TWO)
    assert _judged(decision, one=0.6, two=0.4).reasons == ("right_apex_cut_off",)
    both = _judged(decision, one=0.6, two=0.6, intervals={"two": (0.4, 0.7)})
    assert both.reasons == ("right_apex_cut_off", "left_apex_cut_off")
    assert _judged(decision, one=0.4, two=0.4).reasons == ()


def test_one_reason_of_two_comparisons_is_given_once() -> None:
    decision = _decision(ONE, {**TWO, "reason": ONE["reason"]})
    assert _judged(decision, one=0.6, two=0.6).reasons == ("right_apex_cut_off",)


def test_a_quantity_that_is_not_given_is_not_compared() -> None:
    decision = _decision(ONE, TWO, combine="all")
    found = _judged(decision, two=0.6)
    assert found.polarity is PRESENT
    assert found.limits == {"limit": threshold("ctr_pa").value}
    assert found.reasons == ("left_apex_cut_off",)


BY_VIEW = _decision({"from": "ctr_pa", "view": "PA"}, {"from": "ctr_ap", "view": "AP"})


@pytest.mark.parametrize(
    ("view", "value", "interval", "polarity"),
    [
        (View.PA, 0.52, None, PRESENT),
        (View.AP, 0.52, None, ABSENT),
        (View.UNKNOWN, 0.49, None, ABSENT),
        (View.UNKNOWN, 0.52, None, UNCERTAIN),
        (View.UNKNOWN, 0.56, None, PRESENT),
        (View.UNKNOWN, 0.56, (0.54, 0.58), UNCERTAIN),
    ],
)
def test_both_projections_must_agree_where_it_is_unknown(
    view: View, value: float, interval: Interval | None, polarity: Polarity
) -> None:
    assert _judged(BY_VIEW, value, interval, view).polarity is polarity


@pytest.mark.parametrize(
    ("decision", "given", "limits"),
    [
        (FROM, {}, {"limit": 0.50}),
        (BAND, {}, {"limit_low": 40, "limit_high": 80}),
        (BY_VIEW, {"view": View.PA}, {"limit_pa": 0.50}),
        (BY_VIEW, {"view": View.AP}, {"limit_ap": 0.55}),
        (BY_VIEW, {"view": View.UNKNOWN}, {"limit_pa": 0.50, "limit_ap": 0.55}),
        (
            _decision(ONE, {**TWO, "from": "ctr_ap"}),
            {"one": 0.4, "two": 0.4},
            {"limit_ctr_pa": 0.50, "limit_ctr_ap": 0.55},
        ),
    ],
)
def test_the_limits_that_decided_have_names(
    decision: Decision, given: dict[str, Any], limits: dict[str, float]
) -> None:
    assert _judged(decision, 0.4, **given).limits == limits


def test_each_source_is_named_once() -> None:
    both = _judged(BY_VIEW, 0.4, view=View.UNKNOWN).source
    assert both == f"{threshold('ctr_pa').source}; {threshold('ctr_ap').source}"
    assert _judged(BAND, 60).source == threshold("carina_angle_low").source


def test_the_value_is_a_quantity_by_its_name() -> None:
    geometry = Geometry(0.3, {"row": 0.2})
    assert (quantity_of(geometry, "value"), quantity_of(geometry, "row")) == (0.3, 0.2)
    with pytest.raises(KeyError):
        quantity_of(geometry, "column")


@pytest.mark.parametrize(
    ("margins", "polarity", "reasons"),
    [
        ({"apex_right": 0.02, "side_right": 0.02, "dome_right": 0.10}, ABSENT, ()),
        ({"apex_right": 0.02, "side_right": 0.02, "dome_right": 0.05}, UNCERTAIN, ()),
        (
            {"apex_right": 0.005, "side_right": 0.001, "dome_right": 0.05},
            PRESENT,
            ("right_apex_cut_off", "right_side_cut_off"),
        ),
    ],
)
def test_the_decision_on_inclusion(
    margins: dict[str, Any], polarity: Polarity, reasons: tuple[str, ...]
) -> None:
    decision = definition("inclusion").decision
    assert decision is not None
    found = _judged(decision, **margins)
    assert (found.polarity, found.reasons) == (polarity, reasons)
