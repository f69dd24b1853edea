from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cxr_agent.errors import ModelError
from cxr_agent.study import AgeGroup, View
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.execute import Outcome
from tests.builders import Bank, scene

OPEN = Callable[..., Bank]


def looked(open_bank: OPEN, outputs: dict[str, Any] | None = None, **film: Any) -> Outcome:
    bank = open_bank(scene(**film))
    bank.shelf.networks["view"].outputs.update(outputs or {})
    return bank.toolbox.run(ToolCall("check_view", {"film": "img-1"}))


def said(outcome: Outcome) -> list[tuple[str, str | None]]:
    return [(item.code, item.category) for item in outcome.evidence]


def test_a_usual_film_is_upright_and_that_is_all(open_bank: OPEN) -> None:
    outcome = looked(open_bank)
    assert said(outcome) == [("orientation", "upright")]
    assert outcome.evidence[0].probability == pytest.approx(0.97, abs=1e-6)


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ({"kind": [0.05, 0.02, 0.93]}, "not_frontal_chest"),
        ({"kind": [0.05, 0.93, 0.02]}, "side_view"),
        ({"turn": [0.05, 0.9, 0.03, 0.02]}, "turned_picture"),
        ({"turn": [0.02, 0.03, 0.9, 0.05]}, "turned_picture"),
        ({"flags": [0.5, 0.0, 0.95, 0.0]}, "inverted_greys"),
    ],
)
def test_a_picture_that_nothing_true_can_be_said_of(
    open_bank: OPEN, outputs: dict[str, Any], reason: str
) -> None:
    outcome = looked(open_bank, outputs)
    assert (outcome.status, outcome.codes) == ("abstained", (reason,))


def test_a_doubt_below_the_limit_refuses_nothing(open_bank: OPEN) -> None:
    doubtful = {"kind": [0.2, 0.4, 0.4], "turn": [0.2, 0.3, 0.3, 0.2], "flags": [0.5] * 4}
    assert said(looked(open_bank, doubtful)) == [("orientation", "upright")]


def test_a_mirrored_picture_is_remarked_on_and_read(open_bank: OPEN) -> None:
    outcome = looked(open_bank, {"flags": [0.5, 0.97, 0.0, 0.0]})
    assert said(outcome) == [("orientation", "mirrored")]
    assert "sides may be exchanged" in outcome.evidence[0].reading


@pytest.mark.parametrize(("ap", "view"), [(0.96, "ap"), (0.04, "pa")])
def test_the_projection_is_estimated_where_the_header_says_nothing(
    open_bank: OPEN, ap: float, view: str
) -> None:
    flags = {"flags": [ap, 0.0, 0.0, 0.0]}
    outcome = looked(open_bank, flags, view=View.UNKNOWN, view_source="none")
    assert said(outcome)[1:] == [("projection_from_pixels", view)]
    assert outcome.evidence[1].probability == pytest.approx(0.96, abs=1e-6)
    assert said(looked(open_bank, flags, view=View.PA))[1:] == []


def test_a_child_is_remarked_on_unless_the_header_says_adult(open_bank: OPEN) -> None:
    flags = {"flags": [0.5, 0.0, 0.0, 0.95]}
    assert said(looked(open_bank, flags))[1:] == [("age_from_pixels", None)]
    assert said(looked(open_bank, flags, age_group=AgeGroup.ADULT))[1:] == []


def test_a_model_that_fails_is_a_limitation(open_bank: OPEN) -> None:
    bank = open_bank(scene())
    bank.shelf.networks["view"].fails = ModelError("weights_missing", "gone")
    outcome = bank.toolbox.run(ToolCall("check_view", {"film": "img-1"}))
    assert (outcome.status, outcome.codes) == ("failed", ("model_error",))
