"""Both planners use a plug-in by its contract, and both gates judge what it states."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest

from cxr_agent.evidence import EvidenceKind, Observation, Unit
from cxr_agent.planning.protocol import load_protocol, with_plug_ins
from cxr_agent.planning.schemas import schemas
from cxr_agent.reading import Agent
from cxr_agent.report.translate import in_language
from cxr_agent.study import Image
from cxr_agent.testing.phantom import draw
from cxr_agent.testing.stub_server import Reply, StubServer
from cxr_agent.toolbox import AddedWords, Mask, Registry, ToolResult, built_in, spec_of, tool
from cxr_agent.toolbox.contract import Prior, ToolSpec
from cxr_agent.trace import Plan, read_trace
from tests.cli.program import levels, save

CODE = "cardiac_tallness"
WORDS = {CODE: AddedWords("cardiac tallness", section="Cardiovascular", unit="1")}


class Tallness(ToolResult):
    share: float
    said: str = CODE

    def observations(self) -> Iterator[Observation]:
        yield Observation(
            kind=EvidenceKind.MEASUREMENT, code=self.said, value=self.share, unit=Unit.RATIO
        )


@tool(version="1", purpose="Height of the heart over the film.", subject=CODE, words=WORDS)
def cardiac_height(film: Image, heart: Mask) -> Tallness:
    return Tallness(share=float(heart.plane.any(axis=1).mean()))


@tool(version="1", purpose="Needs what nothing outlines.", subject=CODE, words=WORDS)
def needs_more(film: Image, trachea: Mask) -> Tallness:
    return Tallness(share=0.1)


@tool(version="1", purpose="Outlines it.", subject="trachea", provides=("trachea",))
def outlines_more(film: Image, heart: Mask) -> Tallness:
    return Tallness(share=0.1)


@tool(version="1", purpose="Compares.", subject=CODE, words=WORDS)
def compares_height(film: Image, prior: Prior) -> Tallness:
    return Tallness(share=0.1)


@tool(version="1", purpose="Speaks of the film's quality.", subject="exposure")
def greys_of_film(film: Image) -> Tallness:
    return Tallness(share=0.1)


class Half(Enum):
    UPPER = "upper"
    LOWER = "lower"


@tool(version="1", purpose="Wants to be told which.", subject=CODE, words=WORDS)
def wants_a_choice(film: Image, half: Half) -> Tallness:
    return Tallness(share=0.1)


def spec(function: object) -> ToolSpec:
    found = spec_of(function)
    assert found is not None
    return found


def added(*functions: object) -> list[tuple[str, str]]:
    """Steps that a registry with these beside the built-in tools adds."""
    registry = built_in()
    for function in functions:
        registry.add(spec(function))
    protocol = load_protocol()
    steps = with_plug_ins(protocol, registry).step
    assert steps[: len(protocol.step)] == protocol.step
    return [(step.tool, step.films) for step in steps[len(protocol.step) :]]


def test_it_is_placed_by_its_contract() -> None:
    assert added() == []
    assert added(cardiac_height, compares_height) == [
        ("cardiac_height", "current"),
        ("compares_height", "pairs"),
    ]
    assert added(greys_of_film, wants_a_choice, needs_more) == []


def test_who_outlines_goes_before_who_needs_the_outline() -> None:
    assert [name for name, _ in added(needs_more, outlines_more)] == ["outlines_more", "needs_more"]


def test_a_language_model_is_offered_its_purpose() -> None:
    (offered, _) = schemas([spec(cardiac_height)], ["img-1"])
    assert offered["function"]["description"] == "Height of the heart over the film."


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("film") / "film.png", levels(draw().pixels, 8))


def test_it_is_read_said_and_asked_for(film: Path, tmp_path: Path) -> None:
    with Agent(traces=tmp_path, tools=[cardiac_height], plugins="none") as agent:
        report = agent.read(film, indication="What is the cardiac tallness?")
    (item,) = (one for one in report.evidence if one.code == CODE)
    assert [one.text for one in report.answer] == [item.reading]
    assert item.id in {identity for one in report.findings for identity in one.evidence}
    assert report.dropped == ()
    german = in_language(report, "de")  # which has no name for it
    assert item.reading.replace(".33", ",33") in {one.text for one in german.findings}


def test_the_caller_s_registry_is_left_as_it_is(tmp_path: Path) -> None:
    registry = Registry([spec(needs_more)])
    with Agent(traces=tmp_path, registry=registry, tools=[cardiac_height]) as agent:
        assert [one.name for one in agent.setup.registry] == ["needs_more", "cardiac_height"]
    assert len(registry) == 1


def test_a_language_model_plans_with_it(film: Path, tmp_path: Path) -> None:
    """Chosen by the model in a reading that it leads, judged by the gates, and said."""
    on_film = {"film": "img-1"}
    plan = [
        Reply.calls([("segment_anatomy", on_film)]),
        Reply.calls([("cardiac_height", on_film)]),
        Reply.said(""),
    ]
    with (
        StubServer(plan) as server,
        Agent(
            traces=tmp_path,
            tools=[cardiac_height],
            plugins="none",
            model="openai/stub",
            api_base=server.url,
        ) as agent,
    ):
        report = agent.read(film)
    offered = [one["function"]["name"] for one in server.requests[0].body["tools"]]
    assert "cardiac_height" in offered
    (item,) = (one for one in report.evidence if one.code == CODE)
    assert item.id in {identity for one in report.findings for identity in one.evidence}
    events = read_trace(next(tmp_path.iterdir())).events
    led = [one.decision for one in events if isinstance(one, Plan) and one.model == "openai/stub"]
    assert "cardiac_height" in led
