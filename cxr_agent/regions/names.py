"""From words, English or German, to the codes of places."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cxr_agent.errors import UsageError
from cxr_agent.evidence import Side
from cxr_agent.knowledge import names, region_book, structures
from cxr_agent.knowledge.wording import languages

MOST_CHARACTERS: Final = 120
_SUGGESTIONS: Final = 3
_ALIKE: Final = 0.6
_MARKS: Final = ("nodule", "tube_tip")
"""Structures that a reader points at; no text names one."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Codes by side, of one name."""

    name: str
    """As it is written in a suggestion."""
    code: str = ""
    right: str = ""
    left: str = ""


def codes_of(text: str) -> tuple[str, ...]:
    """The places that a text names; two where it names both sides.

    Raises
    ------
    UsageError
        ``unknown_structure`` with the nearest names; ``ambiguous_structure`` where the side is
        not said; ``no_such_side`` where what has none is given one.
    """
    side, bare = _split(text)
    if bare in _both() and side in (None, "both"):
        place = _both()[bare]
        return place.right, place.left
    found = _places().get(bare) or _both().get(bare)
    if found is None:
        raise _unknown(text, bare, side)
    if found.code:
        if side is not None:
            raise UsageError(
                "no_such_side",
                f"the {found.name} is in the midline and has no {side} side",
                hint=f"Write {found.name!r}.",
            )
        return (found.code,)
    if side == "both":
        return found.right, found.left
    if side is None:
        raise UsageError(
            "ambiguous_structure",
            f"there is a {found.name} on each side",
            hint=f"Write 'right {found.name}', 'left {found.name}' or 'both {found.name}'.",
        )
    return (found.right if side == "right" else found.left,)


def nameable() -> frozenset[str]:
    """Every code that a text can name."""
    return frozenset(
        code
        for place in _places().values()
        for code in (place.code, place.right, place.left)
        if code
    )


def _split(text: str) -> tuple[str | None, str]:
    """The side, and the words without it and without words that tell nothing."""
    book = region_book()
    sides: set[str] = set()
    kept: list[str] = []
    for word in _plain(text[:MOST_CHARACTERS]).split():
        side = next((name for name, words in book.side.items() if word in words), None)
        if side is not None:
            sides.add(side)
        elif word not in book.silent["words"]:
            kept.append(word)
    said = None if not sides else sides.pop() if len(sides) == 1 else "both"
    return said, " ".join(kept)


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(re.findall(r"[a-z0-9]+", bare))


def _spellings(name: str) -> set[str]:
    """A name, and the same where umlauts are written as two letters."""
    plain = _split(name)[1]
    two = name.lower()
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
        two = two.replace(umlaut, letters)
    return {plain, _split(two)[1]}


@lru_cache(maxsize=1)
def _places() -> dict[str, _Place]:
    """By name without its side."""
    found: dict[str, _Place] = {}
    for name, code, side in _own_names():
        for bare in _spellings(name):
            before = found.get(bare, _Place(bare))
            found[bare] = (
                _Place(bare, code)
                if side is None
                else _Place(
                    bare,
                    "",
                    code if side is Side.RIGHT else before.right,
                    code if side is Side.LEFT else before.left,
                )
            )
    for region in region_book().region.values():
        first = region.names[0]
        for name in region.names:
            for bare in _spellings(name):
                found[bare] = _Place(first, region.code, region.right, region.left)
    return found


@lru_cache(maxsize=1)
def _both() -> dict[str, _Place]:
    return {
        bare: _Place(region.names[0], "", region.right, region.left)
        for region in region_book().region.values()
        for name in region.both
        for bare in _spellings(name)
    }


def _own_names() -> Iterator[tuple[str, str, Side | None]]:
    """What each language calls each structure."""
    for code, one in structures().items():
        if code in _MARKS:
            continue
        for language in languages():
            known = names(language)
            if code in known:
                yield known[code].name, code, one.side


def _unknown(text: str, bare: str, side: str | None) -> UsageError:
    known = {**_both(), **_places()}
    near = difflib.get_close_matches(bare, known, 3 * _SUGGESTIONS, _ALIKE)
    told = dict.fromkeys(_suggested(known[one], side) for one in near)
    nearest = ", ".join(repr(one) for one in list(told)[:_SUGGESTIONS])
    shown = "".join(c for c in text[:60] if c.isprintable())
    return UsageError(
        "unknown_structure",
        f"there is no structure named {shown!r}",
        hint=f"Nearest: {nearest}." if nearest else "Write its name, as 'left lung' or 'heart'.",
    )


def _suggested(place: _Place, side: str | None) -> str:
    return place.name if place.code or side is None else f"{side} {place.name}"
