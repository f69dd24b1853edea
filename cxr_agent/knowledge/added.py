"""Words that plug-ins bring for codes of their own, beside those of ``kb/``.

They hold in this process from the moment that the plug-in is loaded, as a tool's contract does.
What was made from the vocabulary and kept is made anew then: see :func:`follows_words`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class AddedWords:
    """What a plug-in calls a code of its own; the same facts as an entry of ``kb/``."""

    name: str
    """As a report writes it, in small letters: ``heart area share``."""
    kind: str = "measurement"
    """``measurement`` or ``finding``."""
    section: str = "Other"
    """The heading of the report that it stands under."""
    words: tuple[str, ...] = ()
    """What a sentence says when it speaks of it; without them, the name."""
    unit: str | None = None
    """UCUM code of its values, of those of :class:`cxr_agent.evidence.Unit`."""
    decimals: int = 2
    """Digits after the point of its numbers."""
    sentences: Mapping[str, str] = field(default_factory=dict)
    """By variant as in ``kb/wording/en/sentences.toml``; a measurement needs none."""

    @property
    def spoken(self) -> tuple[str, ...]:
        """Words by which a sentence is known to speak of it."""
        return self.words or (self.name,)


class _Cached(Protocol):
    def cache_clear(self) -> None: ...


_Function = TypeVar("_Function", bound=_Cached)

_words: Final[dict[str, tuple[str, AddedWords]]] = {}
_reasons: Final[dict[str, tuple[str, str]]] = {}
_forget: Final[list[Callable[[], Any]]] = []


def follows_words(function: _Function) -> _Function:
    """Mark a cached function whose results depend on the vocabulary."""
    _forget.append(function.cache_clear)
    return function


def added_words() -> dict[str, AddedWords]:
    """By code."""
    return {code: words for code, (_, words) in _words.items()}


def added_reasons() -> dict[str, str]:
    """What the reason codes of plug-ins mean, in words."""
    return {code: text for code, (_, text) in _reasons.items()}


def owner_of(code: str) -> str | None:
    """The module that brought words, or a reason, of this code."""
    return (_words.get(code) or _reasons.get(code) or (None,))[0]


def add_words(owner: str, words: Mapping[str, AddedWords], reasons: Mapping[str, str]) -> None:
    """Take words in; the same module may bring other words for its code later.

    Parameters
    ----------
    owner
        Name of the module that they stand in.
    """
    if all(_words.get(code) == (owner, one) for code, one in words.items()) and all(
        _reasons.get(code) == (owner, one) for code, one in reasons.items()
    ):
        return
    _words.update({code: (owner, one) for code, one in words.items()})
    _reasons.update({code: (owner, one) for code, one in reasons.items()})
    for forget in _forget:
        forget()
