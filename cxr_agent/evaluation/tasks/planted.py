"""Faults planted in the sentences of a report, to measure how much a judge of them would see."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from cxr_agent.report.model import Sentence

_SIDES: Final = {"right": "left", "left": "right", "Right": "Left", "Left": "Right"}
_SIDE: Final = re.compile(r"\b(right|left|Right|Left)\b")
_NUMBER: Final = re.compile(r"\b\d+\.\d+\b")
_POLARITY: Final = (
    (re.compile(r"\bis not\b"), "is"),
    (re.compile(r"^No sign of "), "Signs of "),
    (re.compile(r"^No "), ""),
    (re.compile(r"\bunlikely\b"), "present"),
    (re.compile(r"\bpresent\b"), "absent"),
)


def planted(sentences: Sequence[Sentence]) -> dict[str, list[Sentence]]:
    """By kind, each sentence that can have such a fault, with it."""
    return {
        kind: [
            one.model_copy(update={"text": text})
            for one in sentences
            if (text := change(one.text)) is not None and text != one.text
        ]
        for kind, change in _CHANGES.items()
    }


def _other_side(text: str) -> str | None:
    sides = set(_SIDE.findall(text.lower()))
    # "right and left": the sentence says the same with the sides exchanged.
    return _SIDE.sub(lambda found: _SIDES[found[0]], text) if len(sides) == 1 else None


def _other_number(text: str) -> str | None:
    found = _NUMBER.search(text)
    if found is None:
        return None
    digits = len(found[0].partition(".")[2])
    changed = float(found[0]) * 1.3 + 2 * 10**-digits
    return f"{text[: found.start()]}{changed:.{digits}f}{text[found.end() :]}"


def _other_polarity(text: str) -> str | None:
    for pattern, instead in _POLARITY:
        changed, count = pattern.subn(instead, text, count=1)
        if count:
            return changed[:1].upper() + changed[1:]
    return None


def _without_evidence(text: str) -> str | None:
    return f"{text.rstrip('.')} and a pneumothorax."


_CHANGES: Final[dict[str, Callable[[str], str | None]]] = {
    "other_side": _other_side,
    "other_number": _other_number,
    "other_polarity": _other_polarity,
    "added_finding": _without_evidence,
}
