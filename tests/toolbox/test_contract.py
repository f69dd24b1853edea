from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Any, Optional

import pytest

from cxr_agent.errors import ConfigError
from cxr_agent.evidence import Observation
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import Mask, ParameterKind, ToolResult, spec_of, tool
from cxr_agent.toolbox.registry import Registry, built_in, known, lacking


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class Answer(ToolResult):
    number: float = 1.0

    def observations(self) -> Iterable[Observation]:
        return ()


def declared(function: Callable[..., Any], subject: str = "heart") -> Any:
    return tool(version="1", purpose="p", subject=subject)(function)


def good(
    film: Image,
    heart: Mask,
    shelf: Shelf,
    level: Level,
    right_lung: Mask | None = None,
    left_lung: Optional[Mask] = None,  # noqa: UP045 - the older spelling must work
    *,
    strict: bool = False,
) -> Answer:
    return Answer()


def test_a_signature_is_read_as_a_contract() -> None:
    spec = spec_of(declared(good))
    assert spec is not None
    assert (spec.name, spec.result) == ("good", Answer)
    assert [(p.name, p.kind) for p in spec.parameters] == [
        ("film", ParameterKind.FILM),
        ("heart", ParameterKind.MASK),
        ("shelf", ParameterKind.SHELF),
        ("level", ParameterKind.CHOICE),
        ("right_lung", ParameterKind.OPTIONAL_MASK),
        ("left_lung", ParameterKind.OPTIONAL_MASK),
        ("strict", ParameterKind.CHOICE),
    ]
    by_name = {p.name: p for p in spec.parameters}
    assert by_name["level"].choices == (Level.LOW, Level.HIGH)
    assert by_name["level"].default is by_name["level"].empty
    assert by_name["strict"].choices == (True, False)
    assert by_name["strict"].default is False
    assert spec.film_parameter.name == "film"
    assert spec.required_masks == ("heart",)


def test_the_function_stays_callable() -> None:
    assert declared(good) is good


def no_film(heart: Mask) -> Answer:
    return Answer()


def two_films(film: Image, other: Image) -> Answer:
    return Answer()


def no_result(film: Image) -> None: ...


def wrong_result(film: Image) -> dict[str, float]:
    return {}


def no_annotation(film: Image, extra) -> Answer:  # type: ignore[no-untyped-def]
    return Answer()


def free_text(film: Image, words: str) -> Answer:
    return Answer()


def a_number(film: Image, factor: float = 1.0) -> Answer:
    return Answer()


def another_union(film: Image, heart: Mask | str) -> Answer:
    return Answer()


def many_films(*film: Image) -> Answer:
    return Answer()


def anything(film: Image, **masks: Mask) -> Answer:
    return Answer()


def by_place(film: Image, /) -> Answer:
    return Answer()


def unknown_type(film: Image, heart: Mosk) -> Answer:  # type: ignore[name-defined]  # noqa: F821
    return Answer()


@pytest.mark.parametrize(
    "function",
    [
        no_film,
        two_films,
        no_result,
        wrong_result,
        no_annotation,
        free_text,
        a_number,
        another_union,
        many_films,
        anything,
        by_place,
        unknown_type,
    ],
)
def test_what_is_no_contract_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        declared(function)
    assert caught.value.code == "bad_tool_contract"
    assert function.__name__ in caught.value.message
    assert caught.value.hint


def test_a_subject_that_nothing_can_be_said_about_is_refused() -> None:
    with pytest.raises(ConfigError, match="no entry telepathy"):
        declared(good, "telepathy")


def test_what_is_no_tool_has_no_contract() -> None:
    assert spec_of(no_film) is None
    assert spec_of(42) is None


def test_two_tools_of_one_name_are_refused() -> None:
    spec = spec_of(declared(good))
    assert spec is not None
    with pytest.raises(ConfigError) as caught:
        Registry([spec, spec])
    assert caught.value.code == "tool_name_taken"


def test_the_built_in_tools() -> None:
    registry = known()
    files = (Path(__file__).parents[2] / "tools").glob("[a-z]*.py")
    assert {spec.name for spec in registry} == {path.stem for path in files}
    able = {s.name for s in registry if not lacking(s)}
    assert {spec.name for spec in built_in(library=True, vision=True)} == able
    assert able - {spec.name for spec in built_in()} == {"find_similar", "ask_vlm"}
    assert registry.get("read_minds") is None
    for spec in registry:
        assert spec.function.__doc__
        assert spec.purpose.endswith(".")
        assert "\n" not in spec.purpose


def test_listing_tools_imports_no_model_library() -> None:
    heavy = "{'torch', 'onnxruntime', 'monai', 'transformers', 'scipy'}"
    code = (
        "import sys; from cxr_agent.toolbox.registry import built_in; built_in();"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"
