"""What a list of labels, or else a report, says of the findings that this program knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from cxr_agent.evidence import Polarity
from cxr_agent.knowledge import vocabulary
from cxr_agent.prose import passages_of, read_sentence, sentence_spans

_BY_NUMBER: Final = {1.0: Polarity.PRESENT, 0.0: Polarity.ABSENT, -1.0: Polarity.UNCERTAIN}
"""CheXpert's notation (Irvin et al., AAAI 2019)."""
_OTHER_NAMES: Final = {
    "effusion": "pleural effusion",
    "edema": "pulmonary edema",
    "mass": "lung lesion",
}
"""ChestX-ray14's and CheXpert's short names."""
_FIRM: Final = (Polarity.PRESENT, Polarity.UNCERTAIN, Polarity.ABSENT)
"""Of several statements on one finding the first of these counts."""
_NOT_THE_FILM: Final = ("history", "technique", "comparison", "exam")
_REPORT_AT_MOST: Final = 10_000
"""Characters of a report that are read."""


def code_of(name: str) -> str | None:
    """The finding that a column or a label is named after; None for one that is not known."""
    return _names().get(_plain(name))


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for code, term in vocabulary().items():
        if term.kind != "finding" or code == "no_finding":
            continue
        for name in (code, term.name, term.chexpert, *term.words):
            if name:
                found.setdefault(_plain(name), code)
    return found


def _plain(name: str) -> str:
    words = re.sub(r"[\W_]+", " ", name.lower()).strip()
    return _OTHER_NAMES.get(words, words)


def of_cell(text: str) -> Polarity | None:
    """A cell of a column of one finding: 1, 0, -1, yes, no, or empty for not mentioned."""
    plain = text.strip().lower()
    if plain in ("yes", "true", "positive", "present"):
        return Polarity.PRESENT
    if plain in ("no", "false", "negative", "absent"):
        return Polarity.ABSENT
    try:
        return _BY_NUMBER.get(float(plain))
    except ValueError:
        return None


def of_list(text: str) -> tuple[dict[str, Polarity], int]:
    """A cell with a list of findings that are present, and how many of its names are unknown."""
    names = [name for name in re.split(r"[|,;]", text) if name.strip()]
    known = {code: Polarity.PRESENT for name in names if (code := code_of(name)) is not None}
    empty = sum(_plain(name) in ("no finding", "no findings", "normal") for name in names)
    return known, len([name for name in names if code_of(name) is None]) - empty


def of_report(text: str) -> dict[str, Polarity]:
    """What the findings and impression of a report say, read by rule."""
    said: dict[str, set[Polarity]] = {}
    text = text[:_REPORT_AT_MOST]
    for passage in passages_of(text):
        if passage.section in _NOT_THE_FILM:
            continue
        for span in sentence_spans(text, passage.body.start, passage.body.end):
            for claim in read_sentence(text[span.start : span.end]).claims:
                if claim.kind == "finding" and claim.code in vocabulary() and not claim.past:
                    said.setdefault(claim.code, set()).add(claim.polarity)
    return {code: _firmest(many) for code, many in sorted(said.items())}


def _firmest(many: Iterable[Polarity]) -> Polarity:
    return min(many, key=_FIRM.index)
