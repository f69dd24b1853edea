"""Tools of an MCP server that is not to be trusted, over both ways, and what becomes of answers."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.errors import ConfigError
from cxr_agent.evidence import EvidenceKind, Polarity, Side
from cxr_agent.interop.outside import load_mapping, mcp_tools
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.execute import Outcome
from cxr_agent.toolbox.registry import Registry, built_in
from tests.builders import Bank
from tests.cli.program import ROOT

from .foreign_server import ORDER

PROGRAM = Path(__file__).with_name("foreign_server.py")
RATIO = {"subject": "cardiothoracic_ratio", "kind": "measurement"}
EFFUSION = {
    "subject": "pleural_effusion",
    "kind": "finding",
    "answer": {
        "score": "result.0.score",
        "present_from": 0.8,
        "absent_below": 0.2,
        "side": "result.0.where",
        "sides": {"L": "left", "R": "right"},
    },
}


def _tool(tool: str, stated: dict[str, Any] = RATIO, **more: Any) -> dict[str, Any]:
    answer = {"value": "ctr", "unit": "1", "between": [0.1, 1]} if stated is RATIO else {}
    film = {"film": "picture", "send_film": True}
    return {"tool": tool, **film, "answer": answer, **stated, **more}


TOOLS = {
    "their_effusion": _tool("effusion", EFFUSION),
    "their_absence": _tool("effusion", EFFUSION, arguments={"score": 0.1}),
    "their_doubt": _tool("effusion", EFFUSION, arguments={"score": 0.5}),
    "beyond_one": _tool("effusion", EFFUSION, arguments={"score": 7}),
    "their_ratio": _tool("ratio"),
    "unit_of_theirs": _tool(
        "ratio", answer={"value": "ctr", "unit_at": "unit", "units": {"none": "1"}}
    ),
    "unknown_unit": _tool("ratio", answer={"value": "ctr", "unit_at": "unit"}),
    "ratio_in_text": _tool("as_text"),
    "their_words": _tool("words", {"subject": "pleural_effusion", "kind": "text"}),
    **{
        name: _tool(name)
        for name in ("wrong_type", "no_number", "absurd", "nothing", "error", "huge", "crashes")
    },
    "hangs": _tool("hangs", time_limit_s=1.0),
}
Call = Callable[[str], Outcome]


@pytest.fixture(scope="module")
def registry() -> Registry:
    server = {"command": [sys.executable, str(PROGRAM)], "tools": TOOLS}
    return Registry([*built_in(), *mcp_tools({"servers": {"foreign": server}})])


@pytest.fixture
def call(open_bank: Callable[..., Bank], registry: Registry) -> Call:
    """Calls a tool on a film whose lungs are outlined."""
    bank = open_bank(registry=registry)
    bank.toolbox.run(ToolCall("segment_anatomy", {"film": "img-1"}))

    def one(tool: str) -> Outcome:
        return bank.toolbox.run(ToolCall(tool, {"film": "img-1"}))

    return one


def test_a_finding_with_its_side_is_uncalibrated(call: Call) -> None:
    (found,) = call("their_effusion").evidence
    assert found.kind is EvidenceKind.FINDING
    assert found.polarity is Polarity.PRESENT
    assert found.side is Side.LEFT
    assert found.probability is None
    assert found.provenance.model is None
    assert found.details["score"] == 0.93
    assert "uncalibrated tool from outside" in found.reading
    assert [call(name).evidence[0].polarity for name in ("their_absence", "their_doubt")] == [
        Polarity.ABSENT,
        Polarity.UNCERTAIN,
    ]


def test_a_measurement_from_json_and_from_text(call: Call) -> None:
    values = {n: call(n).evidence[0] for n in ("their_ratio", "unit_of_theirs", "ratio_in_text")}
    assert [one.value for one in values.values()] == [0.61, 0.61, 0.52]
    assert {one.kind for one in values.values()} == {EvidenceKind.MEASUREMENT}
    assert "unchecked tool from outside" in values["their_ratio"].reading


def test_words_are_quoted_masked_and_find_nothing(call: Call) -> None:
    (said,) = call("their_words").evidence
    assert said.kind is EvidenceKind.TEXT
    assert said.polarity is None
    assert "Smith" not in said.quote
    assert ORDER not in said.reading


@pytest.mark.parametrize(
    ("tool", "code"),
    [
        ("wrong_type", "tool_contract"),
        ("no_number", "tool_contract"),
        ("absurd", "tool_contract"),
        ("nothing", "tool_contract"),
        ("beyond_one", "tool_contract"),
        ("unknown_unit", "tool_contract"),
        ("error", "tool_failed"),
        ("huge", "tool_failed"),
        ("crashes", "tool_failed"),
        ("hangs", "tool_timeout"),
    ],
)
def test_what_goes_wrong_is_a_typed_error_and_no_finding(call: Call, tool: str, code: str) -> None:
    outcome = call(tool)
    assert (outcome.status, outcome.codes) == ("failed", (code,))
    assert [one.kind for one in outcome.evidence] == [EvidenceKind.LIMITATION]
    assert "Smith" not in outcome.evidence[0].reading
    assert call("their_ratio").status == "ok", "the server is started anew"


def test_no_film_leaves_before_the_lungs_are_outlined(
    open_bank: Callable[..., Bank], registry: Registry
) -> None:
    outcome = open_bank(registry=registry).toolbox.run(ToolCall("their_ratio", {"film": "img-1"}))
    assert (outcome.status, outcome.codes) == ("abstained", ("mask_missing",))


def test_what_the_planner_is_shown_is_of_the_mapping_alone(registry: Registry) -> None:
    purposes = [spec.purpose for spec in registry if spec.name in TOOLS]
    assert len(purposes) == len(TOOLS)
    assert not any("gnore" in purpose for purpose in purposes)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, PROGRAM, "--http"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    yield f"http://127.0.0.1:{int(process.stdout.readline())}/mcp"
    process.kill()
    process.wait()
    process.stdout.close()


def test_over_http(open_bank: Callable[..., Bank], address: str) -> None:
    mapping = {"servers": {"foreign": {"url": address, "tools": TOOLS}}}
    bank = open_bank(registry=Registry([*built_in(), *mcp_tools(mapping)]))
    bank.toolbox.run(ToolCall("segment_anatomy", {"film": "img-1"}))
    outcomes = {
        name: bank.toolbox.run(ToolCall(name, {"film": "img-1"}))
        for name in ("their_effusion", "huge", "their_ratio")
    }
    assert [one.status for one in outcomes.values()] == ["ok", "failed", "ok"]


def test_a_server_that_is_not_there(open_bank: Callable[..., Bank]) -> None:
    tools = {"one": _tool("ratio")}
    for server in ({"command": ["/no/such/program"]}, {"url": "http://127.0.0.1:9/mcp"}):
        specs = mcp_tools({"servers": {"gone": {**server, "tools": tools}}})
        bank = open_bank(registry=Registry([*built_in(), *specs]))
        bank.toolbox.run(ToolCall("segment_anatomy", {"film": "img-1"}))
        assert bank.toolbox.run(ToolCall("one", {"film": "img-1"})).codes == ("tool_failed",)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"send_film": False}, "send_film"),
        ({"send_film": None}, "send_film"),
        ({"subject": "no_such_thing"}, "no entry no_such_thing"),
        ({"subject": "pleural_effusion"}, "is a finding, not a measurement"),
        ({"answer": {}}, "needs answer.value"),
        ({"answer": {"value": "a", "unit": "furlong"}}, "unit"),
        ({"kind": "order"}, "kind"),
        ({"purpose": "two\nlines"}, "purpose"),
        ({"arguments": {"picture": "x"}}, "fixed value"),
        ({"more": 1}, "more"),
    ],
)
def test_a_mapping_that_is_wrong_is_told_in_one_line(change: dict[str, Any], told: str) -> None:
    tool = {name: one for name, one in _tool("ratio", **change).items() if one is not None}
    with pytest.raises(ConfigError, match=told) as error:
        mcp_tools({"servers": {"a": {"command": ["x"], "tools": {"one": tool}}}})
    assert error.value.code == "bad_mapping"
    assert "\n" not in error.value.message


@pytest.mark.parametrize(
    "server", [{}, {"command": ["x"], "url": "https://a"}, {"url": "http://example.org/mcp"}]
)
def test_a_film_goes_to_one_named_and_safe_place(server: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="bad_mapping"):
        mcp_tools({"servers": {"a": server}})


def test_the_mapping_of_the_documentation() -> None:
    page = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
    stated, naming = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    specs = mcp_tools(tomllib.loads(stated))
    assert tomllib.loads(naming) == {"outside": {"mapping": "lab.toml"}}
    assert [spec.name for spec in specs] == ["lab_effusion", "lab_ratio", "lab_words"]


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cxr_agent.interop.outside.connection", None)
    with pytest.raises(ConfigError, match="mcp_missing"):
        mcp_tools({"servers": {"a": {"command": ["x"]}}})


def test_a_mapping_file(tmp_path: Path) -> None:
    path = tmp_path / "tools.toml"
    path.write_text(
        '[servers.a]\ncommand = ["x"]\n[servers.a.tools.one]\nsubject = "pleural_effusion"\n'
        'kind = "text"\nfilm = "image"\nsend_film = true\n'
    )
    (server,) = load_mapping(path)
    assert server.tools[0].called == "one"
    path.write_bytes(b"\xff[")
    for unreadable in (path, tmp_path / "none.toml"):
        with pytest.raises(ConfigError, match="mapping_unreadable"):
            mcp_tools(unreadable)
