"""The manifest of an installed plug-in: its contracts as a file, read without running its code.

It lies beside the module that the entry point names: ``a/b.tools.toml`` for ``a.b``, or
``a/b/tools.toml`` where that is a package. ``cxr-agent tools show NAME --manifest`` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from cxr_agent.errors import ConfigError
from cxr_agent.given_files import parsed_toml, read_given
from cxr_agent.knowledge import AddedWords, vocabulary
from cxr_agent.toolbox.contract import Parameter, ParameterKind, ToolResult, ToolSpec
from cxr_agent.toolbox.description import parameter_facts
from cxr_agent.toolbox.isolation.places import (
    Endpoint,
    Isolation,
    OwnEnvironment,
    OwnProcess,
)
from cxr_agent.toolbox.sources.deferred import Deferred, with_code
from cxr_agent.toolbox.words import bring_words

_WORDS = TypeAdapter(AddedWords)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Parameter(_Entry):
    name: str
    kind: ParameterKind
    choices: tuple[str | bool, ...] = ()
    default: str | bool | None = None


class _Process(_Entry):
    kind: Literal["process"]

    def place(self) -> Isolation:
        return OwnProcess()


class _Environment(_Entry):
    kind: Literal["environment"]
    python: str
    requires: tuple[str, ...] = ()

    def place(self) -> Isolation:
        return OwnEnvironment(self.python, self.requires)


class _Endpoint(_Entry):
    kind: Literal["endpoint"]
    url: str

    def place(self) -> Isolation:
        return Endpoint(self.url)


_Isolation = Annotated[_Process | _Environment | _Endpoint, Field(discriminator="kind")]


class _Tool(_Entry):
    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    version: str
    purpose: str
    subject: str
    parameter: tuple[_Parameter, ...]
    model: str | None = None
    weights_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    pretrained: str | None = None
    provides: tuple[str, ...] = ()
    time_limit_s: float = Field(gt=0)
    memory_mib: int = Field(gt=0)
    deterministic: bool
    isolation: _Isolation | None = None
    words: dict[str, AddedWords] = Field(default_factory=dict)
    reasons: dict[str, str] = Field(default_factory=dict)


class _Manifest(_Entry):
    tool: tuple[_Tool, ...] = Field(min_length=1)


def read_manifest(point: metadata.EntryPoint) -> tuple[ToolSpec, ...] | None:
    """The contracts of a plug-in, whose module is imported when a tool is first called.

    Returns
    -------
    tuple of ToolSpec or None
        None where it has no manifest.

    Raises
    ------
    ConfigError
        ``bad_manifest``.
    """
    path = _place(point)
    if path is None:
        return None
    try:
        manifest = _Manifest.model_validate(parsed_toml(read_given(path, _MOST_BYTES)))
    except (OSError, ValueError) as error:  # pydantic's and TOML's are among these
        first = str(error).splitlines()[0]
        raise ConfigError("bad_manifest", f"{path.name} is no manifest: {first}") from None
    return tuple(_spec(one, point) for one in manifest.tool)


def manifest_text(spec: ToolSpec) -> str:
    """The entry of one tool, as TOML."""
    spec = with_code(spec)
    top: dict[str, Any] = {
        "name": spec.name,
        "version": spec.version,
        "purpose": spec.purpose,
        "subject": spec.subject,
        "model": spec.model,
        "weights_sha256": spec.weights_sha256,
        "pretrained": spec.pretrained,
        "provides": list(spec.provides),
        "time_limit_s": spec.time_limit_s,
        "memory_mib": spec.memory_mib,
        "deterministic": spec.deterministic,
        "isolation": spec.isolation.record() if spec.isolation else None,
    }
    lines = ["[[tool]]", *_pairs(top)]
    if spec.reasons:
        lines += ["[tool.reasons]", *_pairs(dict(spec.reasons))]
    for code, one in spec.words.items():
        lines += [f"[tool.words.{code}]", *_pairs(_WORDS.dump_python(one, mode="json"))]
    for parameter in spec.parameters:
        lines += ["[[tool.parameter]]", *_pairs(parameter_facts(parameter))]
    return "\n".join(lines) + "\n"


def _pairs(facts: dict[str, Any]) -> Iterator[str]:
    """``key = value`` of what TOML and JSON write alike; empty and missing values are left out."""
    for name, value in facts.items():
        if isinstance(value, dict):
            inner = ", ".join(_pairs(value))
            if inner:
                yield f"{name} = {{ {inner} }}"
        elif value is not None and value != []:
            yield f"{name} = {json.dumps(value, ensure_ascii=False)}"


def _place(point: metadata.EntryPoint) -> Path | None:
    if point.dist is None:
        return None
    stem = point.module.replace(".", "/")
    places = (Path(str(point.dist.locate_file(f"{stem}{end}"))) for end in _ENDS)
    return next((path for path in places if path.is_file()), None)


_ENDS = (".tools.toml", "/tools.toml")
_MOST_BYTES = 1 << 20


def _spec(one: _Tool, point: metadata.EntryPoint) -> ToolSpec:
    wrong = bring_words(point.module, one.words, one.reasons)
    if wrong is None and one.subject not in vocabulary():
        wrong = f"there are no words for its subject {one.subject}"
    films = [p for p in one.parameter if p.kind is ParameterKind.FILM]
    if wrong is None and len(films) != 1:
        wrong = f"{one.name} must take exactly one film"
    if wrong is not None:
        raise ConfigError("bad_manifest", wrong)
    return ToolSpec(
        name=one.name,
        version=one.version,
        purpose=one.purpose,
        subject=one.subject,
        function=Deferred(point.name, point.value, point.group, one.name, one.version),
        parameters=tuple(map(_parameter, one.parameter)),
        result=ToolResult,  # type: ignore[type-abstract]  # whatever its code returns
        model=one.model,
        weights_sha256=one.weights_sha256,
        pretrained=one.pretrained,
        provides=one.provides,
        time_limit_s=one.time_limit_s,
        memory_mib=one.memory_mib,
        deterministic=one.deterministic,
        isolation=one.isolation.place() if one.isolation else None,
        words=one.words,
        reasons=one.reasons,
    )


def _parameter(one: _Parameter) -> Parameter:
    if one.kind is ParameterKind.OPTIONAL_MASK:
        return Parameter(one.name, one.kind, default=None)
    if one.kind is ParameterKind.CHOICE and one.default is not None:
        return Parameter(one.name, one.kind, one.choices, one.default)
    return Parameter(one.name, one.kind, one.choices)
