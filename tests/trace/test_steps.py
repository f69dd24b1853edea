"""Steps out of events, and their views."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import takewhile

from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.trace import Event, Line, Plan, ReportDrafted, ToolCalled, ToolReturned, read_trace
from cxr_agent.trace.render_steps import HEAD, opened, step_line, step_record, steps_text
from cxr_agent.trace.steps import Step, spent, steps_of

from .example import RUN_ID
from .golden import VERSION_2
from .runs import Did, run_of, trace_of
from .strategies import events
from .test_render import is_plain


def steps(*written: Event) -> list[Step]:
    return list(steps_of(trace_of(written).lines))


def plan(step: int, tool: str) -> Plan:
    return Plan(step=step, planner="llm", latency_s=0, decision=tool, rationale="why")


def called(step: int, tool: str) -> ToolCalled:
    return ToolCalled(step=step, tool=tool, tool_version="1")


def returned(step: int, tool: str) -> ToolReturned:
    return ToolReturned(step=step, tool=tool, outcome="ok", seconds=0.5)


def test_a_plain_run() -> None:
    found = list(steps_of(run_of([Did("ctr"), Did("gap", film="img-2", outcome="failed")]).lines))
    assert [(s.number, s.name, s.films, s.outcome, len(s.evidence)) for s in found] == [
        (1, "ctr", ("img-1",), "ok", 1),
        (2, "gap", ("img-2",), "failed", 1),
    ]


def test_tools_side_by_side() -> None:
    found = steps(
        *(plan(n, t) for n, t in ((1, "a"), (2, "b"))),
        *(called(n, t) for n, t in ((1, "a"), (2, "b"))),
        *(returned(n, t) for n, t in ((1, "a"), (2, "b"))),
        plan(3, "finish"),
    )
    assert [(s.number, s.name, s.outcome, len(s.lines)) for s in found] == [
        (1, "a", "ok", 3),
        (2, "b", "ok", 3),
        (3, "finish", "done", 1),
    ]


def test_a_refused_plan_shares_the_number_of_what_came_next() -> None:
    (one,) = steps(plan(1, "b"), plan(1, "a"), called(1, "a"), returned(1, "a"))
    assert one.name == "a"
    assert [p.decision for p in one.refused] == ["b"]
    (one,) = steps(plan(1, "b"))
    assert one.outcome == "refused"
    assert one.refused == one.plans


def test_a_step_that_was_cut_off() -> None:
    (one,) = steps(plan(1, "a"), called(1, "a"))
    assert one.outcome == "unfinished"
    assert one.seconds is None


def test_steps_come_as_soon_as_they_are_over() -> None:
    """A step ends with the next one's plan, not with the run."""
    lines = run_of([Did("ctr"), Did("gap")]).lines
    read: list[Line] = []

    def watched() -> Iterator[Line]:
        for line in lines:
            read.append(line)
            yield line

    first = next(steps_of(watched()))
    assert first.name == "ctr"
    assert isinstance(read[-1].event, Plan)
    before = list(takewhile(lambda line: not isinstance(line.event, ReportDrafted), lines))
    assert len(read) < len(before)


def test_golden_version_2() -> None:
    lines = read_trace(VERSION_2 / RUN_ID).lines
    found = list(steps_of(lines))
    assert [(s.number, s.name, s.outcome, len(s.evidence), s.cost) for s in found] == [
        (1, "cardiothoracic_ratio", "ok", 1, 0.0021),
        (2, "correction of heart", "corrected", 0, None),
        (3, "correction of cardiomegaly", "corrected", 1, None),
    ]
    assert spent(lines) == 0.0021
    assert steps_text(read_trace(VERSION_2 / RUN_ID)).splitlines() == [
        HEAD,
        "   1 cardiothoracic_ratio        img-1         ok            169        1 0.0021",
        "   2 correction of heart         img-1         corrected",
        "   3 correction of cardiomegaly  img-1         corrected                1",
        "3 steps, 2 pieces of evidence, 0.0021 USD, partial (partial_reading) in 2.50 s",
    ]
    text = "\n".join(opened(found[0]))
    for part in (
        "scripted asked to plan",
        "level: 0.9",
        "heart_mm: 161.5",
        "artifacts/959644",
        "e1",
    ):
        assert part in text
    assert "the outline took in the fat pad" in "\n".join(opened(found[1]))


@given(st.lists(events, max_size=12))
def test_any_events_give_steps(written: list[Event]) -> None:
    found = steps(*written)
    lines = [line.seq for step in found for line in step.lines]
    assert len(lines) == len(set(lines))
    for step in found:
        assert is_plain(step_line(step))
        assert "\n" not in step_line(step)
        assert is_plain("\n".join(opened(step)))
        json.dumps(step_record(step))
    assert is_plain(steps_text(trace_of(written)))
