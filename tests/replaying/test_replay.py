"""A report from its record, tools run again, and what another planner would have done."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.chat.corrections import correct_finding
from cxr_agent.chat.opening import new_chat
from cxr_agent.errors import CxrAgentError, TraceError
from cxr_agent.evidence import Polarity
from cxr_agent.planning.planner import Decision, Situation
from cxr_agent.reading import Agent
from cxr_agent.replaying import branch, rebuild_report, rerun_tools
from cxr_agent.replaying.following import equal
from cxr_agent.replaying.recorded import decisions_of
from cxr_agent.testing.stub_server import Reply, Request, StubServer
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.registry import Registry, built_in
from cxr_agent.trace import ReportDrafted, RunStarted, ToolCalled, read_trace, verify
from cxr_agent.trace.layout import LINES
from tests.cli.program import run_program

from .conftest import INDICATION, Films, Whole


def test_the_report_comes_back_byte_for_byte(whole: Whole) -> None:
    rebuilt = rebuild_report(whole.trace)
    assert rebuilt.data == rebuilt.recorded
    assert rebuilt.report.impression == whole.report.impression


def test_a_report_after_a_correction_comes_back_too(
    agent: Agent, films: Films, tmp_path: Path
) -> None:
    with new_chat(agent, [films.now], name="") as chat:
        correct_finding(
            chat.run, "img-1", "pleural_effusion", Polarity.PRESENT, who="Dr A", why="meniscus"
        )
        folder = chat.run.trace.directory
    rebuilt = rebuild_report(read_trace(folder))
    assert rebuilt.same
    assert any("as the reader put it" in s.text for s in rebuilt.report.findings)


def test_a_report_that_a_model_worded_needs_no_model(films: Films, tmp_path: Path) -> None:
    def answer(request: Request) -> Reply:
        if "tools" in request.body:
            return Reply.calls([("finish", {})])
        shown = request.body["messages"][1]["content"]
        line = next(one for one in shown.splitlines() if "cardiomegaly on img-1" in one)
        return Reply.said(f"Impression: The heart is large. [{line.split()[0]}]")

    with (
        StubServer(answer) as server,
        Agent(traces=tmp_path, model="openai/stub", api_base=server.url) as other,
    ):
        report = other.read(films.now)
    assert report.trace is not None
    rebuilt = rebuild_report(read_trace(Path(report.trace)))
    assert rebuilt.same


def test_a_changed_draft_gives_another_report(whole: Whole) -> None:
    events = list(whole.trace.events)
    place = next(n for n, e in enumerate(events) if isinstance(e, ReportDrafted))
    drafted = events[place]
    assert isinstance(drafted, ReportDrafted)
    events[place] = drafted.model_copy(update={"sentences": drafted.sentences[:-3]})

    class Changed:
        run_id, started = whole.trace.run_id, whole.trace.started
        artifact = staticmethod(whole.trace.artifact)

    changed = Changed()
    changed.events = tuple(events)  # type: ignore[attr-defined]
    assert not rebuild_report(changed).same  # type: ignore[arg-type]


def test_tools_give_what_they_gave(agent: Agent, films: Films, whole: Whole) -> None:
    assert rerun_tools(agent, whole.trace, [films.now], [films.before]) == []


def test_a_tool_that_gives_something_else_is_named(
    agent: Agent, films: Films, whole: Whole, tmp_path: Path
) -> None:
    run = tmp_path / whole.trace.run_id
    shutil.copytree(whole.trace.directory, run)
    file = run / LINES
    lines = file.read_text().splitlines()
    for number, line in enumerate(lines):
        told = json.loads(line)
        event = told["event"]
        if event["type"] == "tool_returned" and event["tool"] == "measure_ctr":
            event["result"]["items"][0]["value"] += 0.01
            lines[number] = json.dumps(told)
            break
    file.write_text("\n".join(lines) + "\n")
    found = rerun_tools(agent, read_trace(run), [films.now], [films.before])
    (one,) = found
    assert (one.tool, one.what) == ("measure_ctr", "items.0.value")
    assert one.then == pytest.approx(one.now + 0.01)
    loose = rerun_tools(agent, read_trace(run), [films.now], [films.before], tolerance=0.05)
    assert loose == []


def test_a_tool_that_is_gone_is_a_difference(films: Films, whole: Whole, tmp_path: Path) -> None:
    fewer = Registry(spec for spec in built_in() if spec.name != "measure_ctr")
    with Agent(traces=tmp_path, registry=fewer, model="none") as other:
        found = rerun_tools(other, whole.trace, [films.now], [films.before])
    assert {(one.tool, one.now) for one in found} == {("measure_ctr", "no such tool")}


class Short:
    """Measures the heart, then is done."""

    name, corrigible = "short", False

    def decide(self, situation: Situation) -> Decision:
        made = {outcome.call.tool for outcome in situation.outcomes}
        wanted = () if "measure_ctr" in made else (ToolCall("measure_ctr", {"film": "img-1"}),)
        return Decision(wanted, "protocol_order")


def calls(trace_folder: str | None) -> list[str]:
    assert trace_folder is not None
    events = read_trace(Path(trace_folder)).events
    return [event.tool for event in events if isinstance(event, ToolCalled)]


def step_of(whole: Whole, place: int) -> int:
    """The step of a call by its place among the calls."""
    return [event.step for event in whole.trace.events if isinstance(event, ToolCalled)][place]


def test_another_planner_from_a_step_on(films: Films, whole: Whole, tmp_path: Path) -> None:
    tools = calls(whole.report.trace)
    step = step_of(whole, 4)
    with Agent(traces=tmp_path, planner=Short(), model="none") as other:
        report = branch(other, whole.trace, step, [films.now], [films.before], INDICATION)
    assert calls(report.trace) == [*tools[:4], "measure_ctr"]
    assert report.trace is not None
    made = read_trace(Path(report.trace))
    assert verify(made).intact
    started = made.events[0]
    assert isinstance(started, RunStarted)
    assert started.config["parent"] == {
        "run": whole.trace.run_id,
        "step": step,
        "head": whole.trace.digests[-1],
    }


def test_the_same_planner_branches_into_the_same_run(
    agent: Agent, films: Films, whole: Whole
) -> None:
    report = branch(agent, whole.trace, step_of(whole, 6), [films.now], [films.before], INDICATION)
    assert report.evidence == whole.report.evidence
    assert report.impression == whole.report.impression
    assert calls(report.trace) == calls(whole.report.trace)


@pytest.mark.parametrize("step", [0, 10_000])
def test_no_such_step(agent: Agent, films: Films, whole: Whole, step: int) -> None:
    with pytest.raises(CxrAgentError, match="no_such_step"):
        branch(agent, whole.trace, step, [films.now], [films.before])


def test_decisions_are_those_that_were_made(whole: Whole) -> None:
    made = [e.tool for e in whole.trace.events if isinstance(e, ToolCalled)]
    found = decisions_of(whole.trace.events)
    assert [call.tool for one in found for call in one.calls] == made
    assert not found[-1].calls
    some = decisions_of(whole.trace.events, before_step=step_of(whole, 3))
    assert [call.tool for one in some for call in one.calls] == made[:3]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=8))
def test_what_is_equal_to_itself(value: object) -> None:
    assert equal(value, value)
    assert not equal([value], value) or value == [value]


@given(st.floats(1e-2, 1e6), st.floats(1e-3, 0.2))
def test_numbers_within_a_share(value: float, share: float) -> None:
    assert equal({"a": value}, {"a": value * (1 + share / 2)}, share)
    assert not equal({"a": value}, {"a": value * (1 + 3 * share)}, share)
    assert not equal({"a": value}, {"b": value})
    assert not equal(True, 1.0) or np.bool_(True)


def test_a_run_without_a_report(agent: Agent, whole: Whole, tmp_path: Path) -> None:
    run = tmp_path / whole.trace.run_id
    shutil.copytree(whole.trace.directory, run)
    lines = (run / LINES).read_bytes().splitlines(keepends=True)
    (run / LINES).write_bytes(b"".join(lines[:20]))
    with pytest.raises(TraceError, match="no_report"):
        rebuild_report(read_trace(run))


@pytest.mark.slow
def test_the_program_replays(films: Films, whole: Whole, tmp_path: Path) -> None:
    traces = whole.trace.directory.parent
    run = whole.trace.run_id
    plain = run_program("trace", "replay", run, traces=traces)
    assert plain.status == 0, plain.err
    assert "byte for byte" in plain.out
    assert run_program("trace", "replay", run, "--json", traces=traces).json["same"] is True
    again = ("trace", "replay", run, films.now, "--prior", films.before)
    tools = run_program(*again, "--tools", traces=traces)
    assert tools.status == 0, tools.err
    assert "Every tool gives what it gave." in tools.out
    lost = run_program("trace", "replay", run, "--tools", traces=traces)
    assert (lost.status, "films_unknown" in lost.err) == (2, True)
    both = run_program(*again, "--tools", "--from-step", "3", traces=traces)
    assert (both.status, "one_replay" in both.err) == (2, True)
    step = str(step_of(whole, 3))
    made = run_program(*again, "--from-step", step, "--json", traces=traces)
    assert made.status == 0, made.err
    assert made.json["run_id"] != run
