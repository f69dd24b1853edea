"""What a report states, once each: the unit that judges by rule compare.

A report says a finding in its findings and again in its impression. Here both are one statement,
with all that either says of it; a report that contradicts itself keeps both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from cxr_agent.evidence import Change, Polarity, Severity, Side
from cxr_agent.knowledge import report_lexicon
from cxr_agent.prose import Claim
from cxr_agent.prose.structure import StructuredSentence, structure

_ZONES: Final = frozenset(
    {
        "upper_zone",
        "mid_zone",
        "lower_zone",
        "apex",
        "costophrenic_angle",
        "hila",
        "aorta",
        "trachea",
        "carina",
        "svc",
        "clavicle",
        "spine",
        "abdomen",
    }
)
"""Places that two statements can differ in; the others ("lung", "pleura") hold all of these."""
STATING: Final = ("findings", "impression", "unlabelled")
"""Sections that say something of the film."""
_OTHER: Final[dict[Side | None, Side]] = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a report says of the film."""

    kind: Literal["finding", "normal", "measurement"]
    code: str
    """Of a finding or measurement in ``kb/``; of ``normal``, that of the place."""
    polarity: Polarity
    side: Side | None
    zones: frozenset[str]
    severity: frozenset[Severity]
    change: Change | None
    values: frozenset[tuple[float, str]]
    """Numbers with their unit."""
    text: str
    """The sentence that says it, the first of several."""

    @property
    def said(self) -> bool:
        """Whether it says that a finding is or may be there."""
        return self.kind == "finding" and self.polarity is not Polarity.ABSENT

    @property
    def wording(self) -> str:
        """It in a few plain words, as ``possible mild left pleural effusion, worsened``."""
        doubt = {Polarity.ABSENT: "no", Polarity.UNCERTAIN: "possible", Polarity.PRESENT: ""}
        words = [
            "normal" if self.kind == "normal" else doubt[self.polarity],
            *sorted(self.severity),
            self.side or "",
            name_of(self.kind, self.code),
        ]
        if self.zones:
            words.append("in " + ", ".join(zone.replace("_", " ") for zone in sorted(self.zones)))
        words += [f"{value:g} {unit}".strip() for value, unit in sorted(self.values)]
        told = " ".join(word for word in words if word)
        return told if self.change is None else f"{told}, {self.change.value.replace('_', ' ')}"


def name_of(kind: str, code: str) -> str:
    """What a statement is about, in the program's own words."""
    if kind == "finding":
        return report_lexicon().finding[code].name
    return code.replace("_", " ")


@lru_cache(maxsize=4096)
def statements_of(text: str) -> tuple[Statement, ...]:
    """What a report states, in the order of the text; what it tells as history is left out.

    Raises
    ------
    UsageError
        ``report_too_long`` beyond 200,000 characters.
    """
    return merged(
        statement
        for sentence in structure(text).sentences
        if sentence.section in STATING
        for statement in of_sentence(sentence)
    )


def of_sentence(sentence: StructuredSentence) -> Iterator[Statement]:
    """A statement per claim."""
    for claim in sentence.claims:
        if not claim.past:
            yield _statement(claim, sentence.text)


def _statement(claim: Claim, text: str) -> Statement:
    return Statement(
        kind=claim.kind,
        code=claim.code,
        polarity=claim.polarity,
        side=claim.side,
        zones=frozenset(claim.places) & _ZONES,
        severity=frozenset(claim.severity),
        change=claim.change,
        values=frozenset((one.value, one.unit) for one in claim.quantities),
        text=text,
    )


def merged(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """Statements that say the same, or less, of the same finding become one."""
    kept: list[Statement] = []
    for new in statements:
        place = next((n for n, old in enumerate(kept) if _same(old, new)), None)
        if place is None:
            kept.append(new)
        else:
            kept[place] = _joined(kept[place], new)
    return tuple(_bilateral(kept))


def _bilateral(statements: list[Statement]) -> list[Statement]:
    """What is said of the right and, otherwise alike, of the left is bilateral."""
    kept: list[Statement] = []
    for new in statements:
        mirrored = replace(new, side=_OTHER.get(new.side), text="") if new.side in _OTHER else None
        place = next((n for n, old in enumerate(kept) if replace(old, text="") == mirrored), None)
        if place is None:
            kept.append(new)
        else:
            kept[place] = replace(kept[place], side=Side.BILATERAL)
    return kept


def _same(one: Statement, other: Statement) -> bool:
    return (
        (one.kind, one.code) == (other.kind, other.code)
        and (one.polarity is Polarity.ABSENT) == (other.polarity is Polarity.ABSENT)
        and _agree(one.side, other.side)
        and (not one.zones or not other.zones or bool(one.zones & other.zones))
        and (not one.severity or not other.severity or bool(one.severity & other.severity))
        and _agree(one.change, other.change)
        and (not one.values or not other.values or bool(one.values & other.values))
    )


def _agree(one: object, other: object) -> bool:
    return one is None or other is None or one == other


def _joined(one: Statement, other: Statement) -> Statement:
    """All that either says of a finding; of two denials the one that denies more."""
    if one.polarity is Polarity.ABSENT:
        return replace(
            one,
            side=one.side if one.side == other.side else None,
            zones=one.zones & other.zones,
            severity=one.severity & other.severity,
            change=one.change if one.change == other.change else None,
        )
    sure = Polarity.PRESENT in (one.polarity, other.polarity)
    return replace(
        one,
        polarity=Polarity.PRESENT if sure else one.polarity,
        side=one.side or other.side,
        zones=one.zones | other.zones,
        severity=one.severity | other.severity,
        change=one.change or other.change,
        values=one.values | other.values,
    )


@lru_cache(maxsize=512)
def also_said(code: str) -> frozenset[str]:
    """A finding and all that a sentence of it says as well: a consolidation is an opacity."""
    words = report_lexicon().finding[code]
    return frozenset({code}).union(*(also_said(more) for more in words.is_a))


def denied_by(statement: Statement) -> frozenset[str]:
    """Findings that a statement denies, outright or by calling a place normal."""
    if statement.kind == "normal":
        return frozenset(report_lexicon().anatomy[statement.code].means_absent)
    if statement.kind == "finding" and statement.polarity is Polarity.ABSENT:
        return frozenset({statement.code})
    return frozenset()
