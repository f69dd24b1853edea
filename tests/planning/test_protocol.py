from __future__ import annotations

from collections.abc import Iterator

import pytest

from cxr_agent.errors import ConfigError
from cxr_agent.knowledge import coverage
from cxr_agent.planning import protocol
from cxr_agent.planning.budget import Budget, Spending
from cxr_agent.planning.planner import Situation
from cxr_agent.planning.protocol import Protocol, ProtocolPlanner, Step, load_protocol
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.execute import Outcome
from cxr_agent.toolbox.registry import known

ORDER = [
    "check_view",
    "segment_anatomy",
    "segment_cxas",
    "assess_quality",
    "assess_familiarity",
    "classify_findings",
    "describe_findings",
    "measure_inclusion",
    "measure_rotation",
    "measure_inspiration",
    "measure_projection",
    "measure_ctr",
    "measure_mediastinal_gap",
    "measure_mediastinum",
    "measure_carina_angle",
    "measure_trachea_deviation",
    "measure_aortic_knob",
    "measure_ascending_aorta",
    "measure_descending_aorta",
    "measure_aortic_tortuosity",
    "find_similar",
]
TOOLS = tuple(sorted([*ORDER, "compare_with_prior"]))
NO_STORE = tuple(name for name in TOOLS if name != "find_similar")


def steps(
    current: tuple[str, ...] = ("img-1",),
    priors: tuple[str, ...] = (),
    tools: tuple[str, ...] = TOOLS,
    planner: ProtocolPlanner | None = None,
) -> Iterator[tuple[str, str]]:
    """(tool, films) of all calls until the planner is done."""
    planner = planner or ProtocolPlanner()
    outcomes: list[Outcome] = []
    while True:
        decision = planner.decide(Situation(current, priors, tools, tuple(outcomes)))
        if not decision.calls:
            assert decision.rationale == "protocol_done"
            return
        yield decision.calls[0].tool, " ".join(decision.calls[0].films)
        outcomes.append(Outcome(len(outcomes) + 1, decision.calls[0], "failed", ("tool_failed",)))


def test_the_order_is_that_of_the_definition() -> None:
    order = [step.tool for step in load_protocol().step]
    assert [tool for tool, _ in steps()] == order[:-1]
    assert order == [*ORDER, "compare_with_prior"]
    assert [tool for tool, _ in steps(tools=NO_STORE)] == [t for t in ORDER if t in NO_STORE]


def test_films_one_after_the_other_priors_last_and_without_current_steps() -> None:
    assert list(steps(("img-1", "img-2"), ("prior-1",))) == [
        *((tool, film) for film in ("img-1", "img-2") for tool in ORDER),
        ("check_view", "prior-1"),
        ("segment_anatomy", "prior-1"),
        ("segment_cxas", "prior-1"),
        ("measure_ctr", "prior-1"),
        ("compare_with_prior", "img-1 prior-1"),
        ("compare_with_prior", "img-2 prior-1"),
    ]


def test_a_step_waits_for_what_it_needs_and_is_left_out_without_it() -> None:
    late = Protocol(
        version="9",
        step=(
            Step(tool="measure_ctr", films="all", needs="segment_anatomy"),
            Step(tool="segment_anatomy", films="all"),
        ),
    )
    planner = ProtocolPlanner(late)
    assert planner.name == "protocol 9"
    assert [tool for tool, _ in steps(planner=planner)] == ["segment_anatomy", "measure_ctr"]
    assert list(steps(tools=("measure_ctr",), planner=planner)) == []


def test_a_tool_that_is_not_there_is_not_asked_for() -> None:
    assert [tool for tool, _ in steps(tools=("assess_quality",))] == ["assess_quality"]


def test_steps_for_priors_only() -> None:
    planner = ProtocolPlanner(
        Protocol(version="1", step=(Step(tool="measure_ctr", films="prior"),))
    )
    assert list(steps(priors=("prior-1",), planner=planner)) == [("measure_ctr", "prior-1")]


def test_the_protocol_names_tools_that_there_are() -> None:
    names = {spec.name for spec in known()}
    loaded = load_protocol()
    assert {step.tool for step in loaded.step} <= names
    assert {step.needs for step in loaded.step if step.needs} <= names
    assert {tool for part in coverage().values() for tool in part.tools} <= names


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"version": "1", "step": [{"tool": "x", "films": "some"}]},
        {"version": "1", "step": [{"tool": "x", "films": "all", "when": "now"}]},
    ],
)
def test_a_malformed_protocol_is_a_configuration_error(
    monkeypatch: pytest.MonkeyPatch, raw: dict[str, object]
) -> None:
    monkeypatch.setattr(protocol, "load", lambda _: raw)
    load_protocol.cache_clear()
    with pytest.raises(ConfigError) as caught:
        load_protocol()
    load_protocol.cache_clear()
    assert caught.value.code == "bad_definition"


def test_spending() -> None:
    spending = Spending(Budget(steps=2, seconds=60, repeats=2))
    call = ToolCall("t", {"film": "img-1", "strict": True})
    same = ToolCall("t", {"strict": True, "film": "img-1"})
    spending.spend(call)
    assert spending.exhausted() is None
    assert not spending.is_repeat(same)
    spending.spend(same)
    assert spending.is_repeat(call)
    assert not spending.is_repeat(ToolCall("t", {"film": "img-2", "strict": True}))
    assert spending.exhausted() == "budget_steps"
    spending.budget = Budget(seconds=0)
    assert spending.exhausted() == "budget_seconds"
