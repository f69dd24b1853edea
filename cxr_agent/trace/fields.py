"""Types that the events share: codes, hashes, and JSON that survives a round trip."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Final

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

_MAX_DEPTH: Final = 64
_MAX_INTEGER: Final = 2**63


def _storable(value: object, depth: int = 0) -> None:
    """Raise ValueError unless JSON takes a value and gives it back as it was."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"nested deeper than {_MAX_DEPTH}")
    if isinstance(value, str):
        _encodable(value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number must be finite")
    elif isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise ValueError("a name in JSON is text")
            _encodable(name)
            _storable(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _storable(item, depth + 1)
    elif value is None or isinstance(value, bool):
        return
    elif isinstance(value, int):
        if not -_MAX_INTEGER <= value < _MAX_INTEGER:
            raise ValueError("an integer must fit in 64 bits")
    else:
        raise ValueError(f"no JSON is made of {type(value).__name__}")


def _encodable(text: str) -> str:
    # A lone surrogate is valid in Python but in no UTF-8 file.
    if not text.isascii():
        text.encode("utf-8")
    return text


def _checked(value: dict[str, Any]) -> dict[str, JsonValue]:
    if not _plainly_storable(value):
        _storable(value)  # raises with what is wrong, where anything is
    return value


def _plainly_storable(value: dict[str, Any]) -> bool:
    """Whether it surely is, told ten times as fast: a film has some thousand values to be asked."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)
    except TypeError:
        return False
    shallow = text.count(b"{") + text.count(b"[") <= _MAX_DEPTH
    return shallow and bool(orjson.loads(text) == value)


def fields_of(model: object) -> dict[str, Any]:
    """What is written of a model, as its ``model_dump`` gives it, for orjson's ``default``.

    Orjson makes JSON of what is in the fields by itself, in a third of the time that it takes to
    dump them before. Of models without serializers of their own, as all are that are written here.

    Raises
    ------
    TypeError
        When it is no model.
    """
    if not isinstance(model, BaseModel):
        raise TypeError(f"no JSON is made of {type(model).__name__}")
    fields = vars(model)
    left_out = [name for name, unneeded in _conditions(type(model)) if unneeded(fields[name])]
    if not left_out:
        return fields
    return {name: value for name, value in fields.items() if name not in left_out}


@cache
def _conditions(kind: type[BaseModel]) -> tuple[tuple[str, Callable[[Any], bool]], ...]:
    """Fields that are not always written, each with when it is left out."""
    fields = kind.model_fields.items()
    return tuple((name, field.exclude_if) for name, field in fields if field.exclude_if)


# Pydantic's own JsonValue asks Python for the kind of each value, and so does the check.
JsonObject = Annotated[dict[str, Any], AfterValidator(_checked)]
"""A JSON object that reads back as it was written: finite, UTF-8, not too deep."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 as lower-case hex."""
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
"""A stable identifier, never free text."""
Name = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_encodable)]
"""A short name: of a tool, a planner, a version."""
Text = Annotated[str, AfterValidator(_encodable)]
"""Text for a person, as data."""
Step = Annotated[int, Field(ge=1)]
"""Number of a step within its run."""
Seconds = Annotated[float, Field(ge=0)]
"""A duration."""


class Frozen(BaseModel):
    """Base of all that is written to a trace."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
