"""The evidence gate: whether cited evidence supports a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum

from cxr_agent.evidence import Evidence, EvidenceKind, Polarity, Side
from cxr_agent.report.gates.claims import Claims, Number, read_claims
from cxr_agent.report.model import Sentence


class Fault(StrEnum):
    """Why a sentence is not supported."""

    NO_EVIDENCE = "no_evidence"
    UNKNOWN_EVIDENCE = "unknown_evidence"
    NUMBER = "number_not_measured"
    UNIT = "unit_not_measured"
    SIDE = "side_not_supported"
    TERM = "term_not_supported"
    POLARITY = "polarity_not_supported"
    CHANGE = "change_not_supported"
    FILM = "film_not_supported"


def fault_of(sentence: Sentence, evidence: Mapping[str, Evidence]) -> Fault | None:
    """The first fault of a sentence; None when its evidence supports it.

    Parameters
    ----------
    evidence
        All evidence of the run, by id.
    """
    if not sentence.evidence:
        return Fault.NO_EVIDENCE
    if any(identity not in evidence for identity in sentence.evidence):
        return Fault.UNKNOWN_EVIDENCE
    cited = [evidence[identity] for identity in sentence.evidence]
    claims = read_claims(sentence.text)
    if _names_other_film(sentence.text, cited):
        return Fault.FILM
    return (
        _number_fault(claims, cited)
        or _side_fault(claims, cited)
        or _term_fault(sentence.text, claims, cited)
        or (Fault.CHANGE if _unsupported_change(sentence.text, claims, cited) else None)
    )


def _names_other_film(text: str, cited: Sequence[Evidence]) -> bool:
    words = text.lower().replace(":", " ").replace(",", " ").replace(".", " ").split()
    named = {word for word in words if word.startswith(("img-", "prior-"))}
    return not named <= {item.image for item in cited}


def _number_fault(claims: Claims, cited: Sequence[Evidence]) -> Fault | None:
    if claims.spelled_number and not _written_by_rule(claims, cited):
        return Fault.NUMBER
    known = [pair for item in cited for pair in _numbers(item)]
    for number in claims.numbers:
        same = [unit for value, unit in known if _is(number, value)]
        if not same:
            return Fault.NUMBER
        if number.unit and number.unit not in same:
            return Fault.UNIT
    return None


def _written_by_rule(claims: Claims, cited: Sequence[Evidence]) -> bool:
    """A spelled number is let through only where a rule's own reading spells it."""
    return any(read_claims(item.reading).spelled_number for item in cited)


def _numbers(item: Evidence) -> list[tuple[float, str]]:
    """(number, unit) of everything that was measured or compared with."""
    unit = item.unit.value if item.unit else ""
    found = [
        (v, unit) for v in (item.value, item.threshold, *(item.interval or ())) if v is not None
    ]
    if item.interval_level is not None:
        found.append((100 * item.interval_level, "%"))
    if item.probability is not None:
        found += [(item.probability, ""), (100 * item.probability, "%")]
    for name, value in item.details.items():
        found.append((value, name.rpartition("_")[2] if "_" in name else ""))
    return found


def _is(number: Number, value: float) -> bool:
    """Whether ``value`` is written as ``number`` when rounded to its decimals."""
    return math.isclose(float(f"{value:.{number.decimals}f}"), number.value, abs_tol=1e-9)


def _side_fault(claims: Claims, cited: Sequence[Evidence]) -> Fault | None:
    sides = {side for item in cited for side in _sides(item)}
    both = {"right", "left"} <= sides
    for side in claims.sides:
        if side in ("bilateral", "bilaterally", "both"):
            if not both and not any(_whole_film(item) for item in cited):
                return Fault.SIDE
        elif side not in sides:
            return Fault.SIDE
    return None


def _sides(item: Evidence) -> set[str]:
    if item.side is Side.BILATERAL:
        return {"right", "left"}
    named = " ".join(
        (
            item.side.value if item.side else "",
            item.location.value if item.location else "",
            item.category or "",
            item.code.replace("_", " "),
            *(reason.replace("_", " ") for reason in item.reasons),
        )
    )
    return {side for side in ("right", "left") if side in named.split()}


def _whole_film(item: Evidence) -> bool:
    return item.kind in (EvidenceKind.QUALITY, EvidenceKind.LIMITATION)


def _term_fault(text: str, claims: Claims, cited: Sequence[Evidence]) -> Fault | None:
    if any(item.kind is EvidenceKind.LIMITATION and _repeats(text, item) for item in cited):
        return None  # a rule's own words on what is not known name what they must
    known = {item.code: item for item in cited}
    for code in claims.terms:
        item = known.get(code)
        if item is None:
            return Fault.TERM
        if item.kind is EvidenceKind.FINDING and not _polarity_fits(claims, item):
            return Fault.POLARITY
    return None


def _polarity_fits(claims: Claims, item: Evidence) -> bool:
    match item.polarity:
        case Polarity.PRESENT:
            return not claims.negated and not claims.doubtful
        case Polarity.ABSENT:
            return claims.negated and not claims.doubtful
        case _:
            return claims.doubtful


def _unsupported_change(text: str, claims: Claims, cited: Sequence[Evidence]) -> bool:
    if not claims.change or any(item.kind is EvidenceKind.COMPARISON for item in cited):
        return False
    return not any(item.kind is EvidenceKind.LIMITATION and _repeats(text, item) for item in cited)


def _repeats(text: str, item: Evidence) -> bool:
    """Whether the sentence is the rule-written reading, with or without the film named."""
    return text.lower().endswith(item.reading.lower()) and len(text) - len(item.reading) <= 16
