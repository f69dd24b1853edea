"""The definitions of ``kb/``, typed and checked when first used."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import resources
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxr_agent.errors import ConfigError

KB_VERSION: Final = "1"
_T = TypeVar("_T", bound=BaseModel)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Threshold(_Entry):
    """A limit and where it comes from."""

    value: float
    source: str = Field(min_length=1)


class Term(_Entry):
    """A code of the vocabulary, with its names elsewhere."""

    name: str
    """As a report writes it."""
    kind: str
    radlex: str = ""
    snomed: str = ""
    chexpert: str = ""
    section: str = "Other"
    critical: bool = False
    words: tuple[str, ...] = ()
    """Words in a sentence that speak of this term."""


class Wording(_Entry):
    """The sentences that a code can be put into."""

    decimals: int = Field(default=2, ge=0)
    """Digits after the point of the numbers in them."""
    variants: dict[str, str]


@lru_cache(maxsize=32)
def threshold(name: str) -> Threshold:
    """One entry of ``kb/thresholds.toml``."""
    try:
        return _thresholds()[name]
    except KeyError:
        raise ConfigError("unknown_threshold", f"kb/thresholds.toml has no entry {name}") from None


@lru_cache(maxsize=1)
def vocabulary() -> dict[str, Term]:
    """``kb/vocabulary.toml`` by code."""
    return {code: _entry(Term, code, raw) for code, raw in load("vocabulary").items()}


@lru_cache(maxsize=1)
def reasons() -> dict[str, str]:
    """``kb/reasons.toml``: what a reason code means, in words."""
    return {code: _text(code, text) for code, text in load("reasons").items()}


@lru_cache(maxsize=1)
def sentences() -> dict[str, Wording]:
    """``kb/sentences.toml`` by code."""
    return {code: _wording(code, raw) for code, raw in load("sentences").items()}


@lru_cache(maxsize=1)
def plain_words() -> frozenset[str]:
    """``kb/words.toml``: words that claim nothing by themselves."""
    return frozenset(
        word for name, text in load("words").items() for word in _text(name, text).split()
    )


@lru_cache(maxsize=1)
def _thresholds() -> dict[str, Threshold]:
    return {name: _entry(Threshold, name, raw) for name, raw in load("thresholds").items()}


def load(name: str) -> dict[str, Any]:
    """One file of ``kb/`` as it stands.

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


def _wording(code: str, raw: object) -> Wording:
    if not isinstance(raw, dict):
        raise ConfigError("bad_definition", f"the entry {code} in kb/ is malformed")
    variants = {name: text for name, text in raw.items() if name != "decimals"}
    decimals = {"decimals": raw["decimals"]} if "decimals" in raw else {}
    return _entry(Wording, code, {**decimals, "variants": variants})


def _text(name: str, raw: object) -> str:
    if not isinstance(raw, str):
        raise ConfigError("bad_definition", f"the entry {name} in kb/ is malformed")
    return raw


def _entry(model: type[_T], name: str, raw: object) -> _T:
    try:
        return model.model_validate(raw)
    except ValidationError:
        raise ConfigError("bad_definition", f"the entry {name} in kb/ is malformed") from None
