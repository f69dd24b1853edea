from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

import pytest

from cxr_agent.errors import ToolError
from cxr_agent.evidence import Observation
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import Image
from cxr_agent.toolbox.arguments import ToolCall, bind
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.contract import Abstain, Mask, ToolResult, ToolSpec, spec_of, tool
from tests.builders import mask, scene


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class Answer(ToolResult):
    def observations(self) -> Iterable[Observation]:
        return ()


@tool(version="1", purpose="p", subject="cardiothoracic_ratio")
def probe(
    film: Image,
    shelf: Shelf,
    level: Level,
    heart: Mask,
    right_lung: Mask | None = None,
    strict: bool = False,
) -> Answer:
    return Answer()


@pytest.fixture
def spec() -> ToolSpec:
    found = spec_of(probe)
    assert found is not None
    return found


@pytest.fixture
def bench() -> Bench:
    made = scene(None, None, size=64)
    bench = Bench(made.study, made.shelf)
    bench.put_masks("img-1", {"heart": mask("heart", made.phantoms["img-1"].masks["heart"])})
    return bench


def call(**arguments: Any) -> ToolCall:
    return ToolCall("probe", {"film": "img-1", "level": "low", **arguments})


def test_a_good_call_is_filled_in(spec: ToolSpec, bench: Bench) -> None:
    bound = bind(spec, call(strict=True), bench)
    assert bound.film is bench.study.image("img-1")
    assert bound.keywords == {
        "film": bound.film,
        "shelf": bench.shelf,
        "level": Level.LOW,
        "heart": bench.mask("img-1", "heart"),
        "right_lung": None,
        "strict": True,
    }


def test_a_default_is_used(spec: ToolSpec, bench: Bench) -> None:
    assert bind(spec, call(), bench).keywords["strict"] is False


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": "/etc/passwd"},
        {"shelf": "mine"},
        {"heart": "img-1"},
        {"film": "img-9"},
        {"film": "../img-1"},
        {"film": "IMG-1"},
        {"film": True},
        {"film": None},
        {"film": ["img-1"]},
        {"level": "extreme"},
        {"level": "LOW"},
        {"level": Level},
        {"strict": "true"},
        {"strict": 1},
        {"strict": None},
    ],
)
def test_what_is_outside_the_contract_is_refused(
    spec: ToolSpec, bench: Bench, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ToolError) as caught:
        bind(spec, call(**arguments), bench)
    assert caught.value.code == "bad_arguments"


@pytest.mark.parametrize("missing", ["film", "level"])
def test_a_missing_argument_is_refused(spec: ToolSpec, bench: Bench, missing: str) -> None:
    arguments = {k: v for k, v in call().arguments.items() if k != missing}
    with pytest.raises(ToolError) as caught:
        bind(spec, ToolCall("probe", arguments), bench)
    assert caught.value.code == "bad_arguments"


def test_a_missing_mask_is_an_abstention(spec: ToolSpec, bench: Bench) -> None:
    with pytest.raises(Abstain) as caught:
        bind(spec, call(film="img-2"), bench)  # the mask of another film does not do
    assert (caught.value.subject, caught.value.reasons) == (
        "cardiothoracic_ratio",
        ("mask_missing",),
    )


def test_a_message_cuts_what_the_planner_wrote(spec: ToolSpec, bench: Bench) -> None:
    with pytest.raises(ToolError) as caught:
        bind(spec, call(**{"x" * 4000: "y"}), bench)
    assert len(caught.value.message) < 120


def test_a_later_mask_replaces_an_earlier(bench: Bench) -> None:
    first = bench.mask("img-1", "heart")
    assert first is not None
    later = mask("heart", ~first.plane)
    bench.put_masks("img-1", {"heart": later})
    assert bench.mask("img-1", "heart") is later
    assert bench.masks("img-1") == {"heart": later}
    assert bench.masks("img-2") == {}
