"""Calls of one decision run side by side, and come out as if one after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cxr_agent.study import Image
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.contract import Abstain, ToolResult, spec_of, tool
from cxr_agent.toolbox.registry import Registry, built_in
from cxr_agent.trace import ToolCalled, ToolReturned
from tests.builders import Bank

OPEN = Callable[..., Bank]


def slow_tools(work: Callable[[str], ToolResult]) -> Registry:
    specs = []
    for name in ("first", "second", "third"):

        def look(film: Image, name: str = name) -> ToolResult:
            return work(name)

        def named(film: Image) -> ToolResult:
            raise NotImplementedError

        named.__name__ = name
        made = spec_of(tool(version="1", purpose="Looks.", subject="anatomy")(named))
        assert made is not None
        object.__setattr__(made, "function", look)
        specs.append(made)
    return Registry(specs)


def calls(*names: str) -> list[ToolCall]:
    return [ToolCall(name, {"film": "img-1"}) for name in names]


def test_they_run_at_the_same_time_and_stand_in_order(open_bank: OPEN) -> None:
    meeting = threading.Barrier(3, timeout=10)

    def work(name: str) -> ToolResult:
        meeting.wait()
        time.sleep({"first": 0.2, "second": 0.1, "third": 0.0}[name])
        raise Abstain("anatomy", "mask_missing")

    bank = open_bank(registry=slow_tools(work))
    outcomes = bank.toolbox.run_all(calls("first", "second", "third"))
    assert [o.call.tool for o in outcomes] == ["first", "second", "third"]
    assert [o.status for o in outcomes] == ["abstained"] * 3
    assert [o.step for o in outcomes] == [1, 2, 3]
    returned = [e.tool for e in bank.events if isinstance(e, ToolReturned)]
    assert returned == ["first", "second", "third"]
    assert [int(o.evidence[0].id[1:]) for o in outcomes] == [1, 2, 3]


def test_calls_are_on_the_disk_before_a_tool_runs_and_results_before_the_next(
    open_bank: OPEN,
) -> None:
    found: list[list[str]] = []

    def work(name: str) -> ToolResult:
        events = [e for e in bank.events if isinstance(e, ToolCalled | ToolReturned)]
        found.append([f"{event.type} {event.tool}" for event in events])
        raise Abstain("anatomy", "mask_missing")

    bank = open_bank(registry=slow_tools(work))
    bank.toolbox.run_all(calls("first"))
    bank.toolbox.run_all(calls("second", "third"))
    once = ["tool_called first"]
    both = [*once, "tool_returned first", "tool_called second", "tool_called third"]
    assert found == [once, both, both]


def test_what_looks_at_an_outline_waits_for_it(open_bank: OPEN) -> None:
    bank = open_bank(registry=built_in())
    outcomes = bank.toolbox.run_all(calls("segment_anatomy", "measure_ctr", "check_view"))
    assert [o.status for o in outcomes] == ["ok", "ok", "ok"]
    kinds = [
        (type(e).__name__, e.tool) for e in bank.events if isinstance(e, ToolCalled | ToolReturned)
    ]
    assert kinds[:2] == [("ToolCalled", "segment_anatomy"), ("ToolReturned", "segment_anatomy")]


def test_one_that_fails_costs_the_others_nothing(open_bank: OPEN) -> None:
    def work(name: str) -> ToolResult:
        if name == "second":
            raise RuntimeError("no")
        raise Abstain("anatomy", "mask_missing")

    bank = open_bank(registry=slow_tools(work))
    outcomes = bank.toolbox.run_all(calls("first", "second", "third"))
    assert [o.status for o in outcomes] == ["abstained", "failed", "abstained"]
