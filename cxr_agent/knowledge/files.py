"""The files of ``kb/``, read as they stand and checked entry by entry."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from cxr_agent.errors import ConfigError

_T = TypeVar("_T", bound=BaseModel)


class Entry(BaseModel):
    """Base of what an entry of ``kb/`` becomes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def load(name: str) -> dict[str, Any]:
    """One file of ``kb/`` as it stands; ``name`` may have folders, as ``wording/en/reasons``.

    Raises
    ------
    ConfigError
        ``bad_definition`` when it is missing or no TOML.
    """
    try:
        text = (resources.files("cxr_agent.kb") / f"{name}.toml").read_text(encoding="utf-8")
        return tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError("bad_definition", f"kb/{name}.toml cannot be read: {error}") from None


def lines(name: str) -> tuple[str, ...]:
    """The lines of a text file of ``kb/``, without empty ones and those that begin with ``#``.

    Raises
    ------
    ConfigError
        ``bad_definition``.
    """
    try:
        text = (resources.files("cxr_agent.kb") / f"{name}.txt").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("bad_definition", f"kb/{name}.txt cannot be read: {error}") from None
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


def entry(model: type[_T], name: str, raw: object) -> _T:
    """One entry, checked.

    Raises
    ------
    ConfigError
        ``bad_definition``.
    """
    try:
        return model.model_validate(raw)
    except ValidationError:
        raise malformed(name) from None


def text(name: str, raw: object) -> str:
    """An entry that is a text."""
    if not isinstance(raw, str):
        raise malformed(name)
    return raw


def malformed(name: str) -> ConfigError:
    return ConfigError("bad_definition", f"the entry {name} in kb/ is malformed")
