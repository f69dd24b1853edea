"""What the user says of a tool from outside: the only thing about it that is believed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cxr_agent.errors import ConfigError
from cxr_agent.evidence import Code, Side, Unit
from cxr_agent.given_files import parsed_toml, read_given
from cxr_agent.knowledge import vocabulary

_LOOPBACK: Final = ("http://127.0.0.1", "http://localhost", "http://[::1]")
_LARGEST_FILE: Final = 1 << 20
Place = str
"""Where in a JSON answer something stands: names and numbers of items, joined by dots."""


class _Stated(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AnswerMapping(_Stated):
    """Where in an answer stands what; the rest of the answer is dropped."""

    value: Place | None = None
    unit: Unit | None = None
    """Of the value, where it is always the same."""
    unit_at: Place | None = None
    """Where the unit stands: a code of ours, or a word of ``units``."""
    units: dict[str, Unit] = Field(default_factory=dict)
    """Their words for our units."""
    between: tuple[float, float] | None = None
    """The values that are plausible; any other one counts as a broken answer."""
    score: Place | None = None
    """Of a finding, from 0 to 1. It is not calibrated here, whatever the tool calls it."""
    present_from: float | None = Field(default=None, gt=0, le=1)
    absent_below: float | None = Field(default=None, ge=0, lt=1)
    side: Place | None = None
    sides: dict[str, Side] = Field(default_factory=dict)
    """Their words for the patient's sides."""
    text: Place | None = None
    """What is quoted; without it, all the text of the answer."""


class ToolMapping(_Stated):
    """One tool from outside as a tool of ours."""

    name: Code
    """Ours: what the planner calls."""
    tool: str = Field(default="", max_length=200)
    """Its own name at its server; ours where it is the same."""
    subject: Code
    """What it is asked for: a code of ``kb/vocabulary.toml``."""
    kind: Literal["measurement", "finding", "text"]
    """What its answer becomes. A text is quoted and never enough for a finding."""
    purpose: str = Field(default="", max_length=200, pattern=r"^[^\r\n]*$")
    """One line in the user's words, for the planner; by rule where there is none."""
    version: str = Field(default="1", max_length=40)
    film: str = Field(max_length=100)
    """The argument that takes the film."""
    film_as: Literal["base64", "data_url", "path"] = "base64"
    """A PNG in base64, as a ``data:`` address, or as a file that is gone after the call."""
    send_film: Literal[True]
    """Has to be said: the film leaves this process, with writing painted over and all but the
    chest blacked out."""
    arguments: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Further arguments, always the same."""
    time_limit_s: float = Field(default=60.0, gt=0, le=3600)
    answer: AnswerMapping = AnswerMapping()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        known = vocabulary().get(self.subject)
        if known is None:
            raise ValueError(f"kb/vocabulary.toml has no entry {self.subject}")
        if self.kind != "text" and known.kind != self.kind:
            raise ValueError(f"{self.subject} is a {known.kind}, not a {self.kind}")
        answer = self.answer
        if self.kind == "measurement" and (
            answer.value is None or (answer.unit is None) == (answer.unit_at is None)
        ):
            raise ValueError("a measurement needs answer.value, and answer.unit or answer.unit_at")
        limits = answer.present_from, answer.absent_below
        if self.kind == "finding":
            if answer.score is None or None in limits:
                raise ValueError(
                    "a finding needs answer.score, answer.present_from and answer.absent_below"
                )
            if limits[1] > limits[0]:  # type: ignore[operator]
                raise ValueError("answer.absent_below lies above answer.present_from")
        if self.film in self.arguments:
            raise ValueError("the film's argument has a fixed value")
        return self

    @property
    def called(self) -> str:
        """Its name where it comes from."""
        return self.tool or self.name


class ServerMapping(_Stated):
    """One MCP server: a command that speaks over its standard streams, or an address."""

    command: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    """Names of variables that the command gets; beyond these it gets PATH, HOME and the like."""
    url: str = ""
    token_variable: str = ""
    """The variable that holds a bearer token for the address."""
    start_limit_s: float = Field(default=30.0, gt=0, le=600)
    tools: tuple[ToolMapping, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        """Tools are a table by name in a file."""
        if isinstance(given, Mapping) and isinstance(given.get("tools"), Mapping):
            named = [
                {**one, "name": name} if isinstance(one, Mapping) else one
                for name, one in given["tools"].items()
            ]
            return {**given, "tools": named}
        return given

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("a server needs a command or a url, and not both")
        if self.url and not self.url.startswith(("https://", *_LOOPBACK)):
            raise ValueError("a film goes to https:// addresses and to this machine alone")
        return self


class _File(_Stated):
    servers: dict[str, ServerMapping] = Field(default_factory=dict)


def load_mapping(path: Path | str) -> tuple[ServerMapping, ...]:
    """The servers of a TOML file, with their tools.

    Raises
    ------
    ConfigError
        ``mapping_unreadable``, ``bad_mapping``.
    """
    try:
        read = parsed_toml(read_given(Path(path), _LARGEST_FILE))
    except (OSError, ValueError):
        raise ConfigError(
            "mapping_unreadable",
            "the mapping of tools from outside is no readable TOML file",
            hint="docs/mcp.md has an example.",
        ) from None
    return servers_of(read)


def servers_of(stated: Mapping[str, Any]) -> tuple[ServerMapping, ...]:
    """The servers of what a mapping file holds; raises ConfigError, ``bad_mapping``."""
    try:
        return tuple(_File.model_validate(stated).servers.values())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        what = str(first["msg"]).removeprefix("Value error, ")
        raise ConfigError(
            "bad_mapping",
            f"the mapping of tools from outside is wrong at {place or 'its top'}: {what}",
            hint="A film is sent only with send_film = true; docs/mcp.md has an example.",
        ) from None
