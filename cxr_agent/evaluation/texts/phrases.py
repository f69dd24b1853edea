"""Phrases of a report, each with one finding and, of a grounded report, its boxes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cxr_agent.evaluation.texts.statements import STATING, Statement, merged, of_sentence
from cxr_agent.prose.structure import structure

NormalBox = tuple[float, float, float, float]
"""(left, top, right, bottom) as shares of the film's width and height, in [0, 1]."""
_MOST_CHARACTERS: Final = 2_000
_MOST_PHRASES: Final = 500
_MOST_BOXES: Final = 100


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase."""

    text: str
    boxes: tuple[NormalBox, ...] | None = None
    """None where the phrase has no place on the film."""
    about: Statement | None = None
    """What it states, where a rule made the phrase."""


def phrases_of(text: str) -> tuple[Phrase, ...]:
    """A free text as phrases with one finding each.

    RadFact has a language model do this. Here every statement of the text (see
    :mod:`~cxr_agent.evaluation.texts.statements`) becomes a phrase in plain words; a sentence with
    none that is read becomes a phrase as it stands. Sentences that only advise are left out, as
    RadFact leaves them out.
    """
    said: list[Statement] = []
    unread: dict[str, Phrase] = {}
    for sentence in structure(text).sentences:
        if sentence.section not in STATING:
            continue
        found = list(of_sentence(sentence))
        said += found
        if not found and not sentence.recommends and not sentence.claims:
            unread.setdefault(plain(sentence.text), Phrase(sentence.text))
    read = (Phrase(statement.wording, about=statement) for statement in merged(said))
    return (*read, *unread.values())


def plain(text: str) -> str:
    """Lower case, one space between words, no point at the end."""
    return " ".join(text.lower().split()).rstrip(".;,: ")


def phrases_from(rows: Iterable[object]) -> tuple[Phrase, ...]:
    """Phrases as a file gives them: ``{"text": ..., "boxes": [[...], ...] or null}``.

    Raises
    ------
    ValueError
        For anything else; its text says what is wrong and holds nothing of the file.
    """
    return tuple(_phrases(rows))


def _phrases(rows: Iterable[object]) -> Iterator[Phrase]:
    for number, row in enumerate(rows, start=1):
        if number > _MOST_PHRASES:
            raise ValueError(f"there are more than {_MOST_PHRASES} phrases")
        text = row.get("text") if isinstance(row, Mapping) else None
        if not isinstance(row, Mapping) or not isinstance(text, str) or not text.strip():
            raise ValueError(f"phrase {number} has no text")
        if len(text) > _MOST_CHARACTERS:
            raise ValueError(f"phrase {number} has more than {_MOST_CHARACTERS:,} characters")
        boxes = row.get("boxes")
        yield Phrase(text, None if boxes is None else _boxes(number, boxes))


def _boxes(number: int, rows: object) -> tuple[NormalBox, ...]:
    if not isinstance(rows, list) or not 0 < len(rows) <= _MOST_BOXES:
        raise ValueError(f"the boxes of phrase {number} are no list of 1 to {_MOST_BOXES}")
    return tuple(_box(number, row) for row in rows)


def _box(number: int, row: object) -> NormalBox:
    if not isinstance(row, list) or len(row) != 4:
        raise ValueError(f"a box of phrase {number} has not four numbers")
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in row):
        raise ValueError(f"a box of phrase {number} has not four numbers")
    left, top, right, bottom = (float(one) for one in row)
    inside = all(math.isfinite(one) and 0 <= one <= 1 for one in (left, top, right, bottom))
    if not inside or left >= right or top >= bottom:
        raise ValueError(f"a box of phrase {number} is empty or lies outside the film")
    return left, top, right, bottom
