"""The evidence gate: whether cited evidence supports a sentence.

What a sentence may say beyond the words of its evidence is a closed list, ``kb/words.toml``, so
a finding that nobody thought of cannot slip through either. What is not known is said in the
words of the rule alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from cxr_agent.evidence import Evidence, EvidenceKind, Polarity, Side, Unit
from cxr_agent.knowledge import (
    Wording,
    measured_for,
    plain_words,
    reasons,
    report_lexicon,
    sentences,
    vocabulary,
)
from cxr_agent.prose import Claim, ReadSentence, read_sentence, words_of, words_read
from cxr_agent.report.compose import readings, rule_texts
from cxr_agent.report.gates.agreement import (
    about,
    change_fault,
    disagreement,
    normal_fault,
    speaks_of,
)
from cxr_agent.report.gates.claims import (
    Claims,
    Number,
    read_claims,
    without_numbers,
)
from cxr_agent.report.gates.fault import Fault
from cxr_agent.report.model import Sentence
from cxr_agent.report.suggested import is_suggested

_PROVES: Final = {
    "finding": (EvidenceKind.FINDING, EvidenceKind.COMPARISON),
    "measurement": (EvidenceKind.MEASUREMENT, EvidenceKind.FINDING, EvidenceKind.COMPARISON),
}
_STATIC: Final = re.compile(r"\b(?:in|de)creased?\b|\breduced\b")
_KNOWN_OF: Final = re.compile(r"(?<!not )\bknown\b")
_UNITS: Final = frozenset(unit.value for unit in Unit)
_BARE: Final = ("", Unit.RATIO.value)
"""Units of numbers that are written without one."""


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
    if _film_fault(claims, cited, evidence.values()):
        return Fault.FILM
    suggested = [item for item in cited if is_suggested(item)]
    if suggested:
        if any(_in_the_rules_words(sentence.text, item) for item in suggested):
            return None
        # Whatever else is said must rest on the other evidence alone.
        cited = [item for item in cited if not is_suggested(item)]
        if not cited:
            return Fault.SUGGESTED
    if any(_told_by_rule(item) and sentence.text in rule_texts(item) for item in cited):
        return None
    fault = _number_fault(sentence.text, claims, cited) or _side_fault(claims, cited)
    if fault is not None:
        return fault
    read = read_sentence(sentence.text)
    return (
        _term_fault(_named(claims, read.claims), cited)
        or _claim_fault(read.claims, cited)
        or (Fault.CERTAINTY if _doubts_a_change(read, cited) else None)
        or _polarity_fault(claims, cited)
        or _quality_fault(claims, cited)
        or _unknown_fault(sentence.text, cited)
        or (Fault.CHANGE if _unsupported_change(sentence.text, claims, read, cited) else None)
        or (None if all(_names(claims, read.claims, item) for item in cited) else Fault.TERM)
        or (Fault.WORD if _says_more(claims, read, cited) else None)
    )


def _in_the_rules_words(text: str, suggestion: Evidence) -> bool:
    """Whether a sentence tells of a suggestion as the rule does: as undecided."""
    return suggestion.polarity is Polarity.UNCERTAIN and text in rule_texts(suggestion)


def _film_fault(claims: Claims, cited: Sequence[Evidence], known: Iterable[Evidence]) -> bool:
    """A sentence speaks of one film, and names it when it is a prior.

    One that compares may name the prior, and must where the run compares with several.
    """
    films = {item.image for item in cited}
    if len(films) > 1:
        return True
    compared = {item.against for item in cited if item.against is not None}
    if compared:
        priors = {item.against for item in known if item.against is not None}
        named = len(priors) < 2 or compared <= claims.films
        return not (named and claims.films <= films | compared)
    return claims.films != films if claims.films else cited[0].of_prior


@dataclass(frozen=True, slots=True)
class _Known:
    """A number of the evidence, and how coarsely a sentence may round it."""

    value: float
    unit: str
    decimals: int
    is_limit: bool = False


def _number_fault(text: str, claims: Claims, cited: Sequence[Evidence]) -> Fault | None:
    if _is_altered_rule(text, cited):
        return Fault.NUMBER
    if claims.spelled - _union(read_claims(item.reading).spelled for item in cited):
        return Fault.NUMBER
    numbers = [(item.code, tuple(_numbers(item))) for item in cited] if claims.numbers else []
    for number in claims.numbers:
        about = [those for code, those in numbers if code == number.measurement]
        about = about or [those for _, those in numbers]
        known = [k for those in about for k in those if k.is_limit is number.is_limit]
        units = {k.unit for k in known if _is(number, k)}
        if not units:
            return Fault.NUMBER
        if not (number.unit in units if number.unit else units.intersection(_BARE)):
            return Fault.UNIT
    return None


def _is_altered_rule(text: str, cited: Sequence[Evidence]) -> bool:
    """Whether these are the words of a rule with other numbers in them.

    Two numbers of the same evidence may have changed places, which no look at single ones shows.
    """
    rules = [rule for item in cited for rule in rule_texts(item)]
    if text in rules:
        return False
    bare = without_numbers(text)
    return any(bare == without_numbers(rule) and text.lower() != rule.lower() for rule in rules)


def _numbers(item: Evidence) -> Iterator[_Known]:
    """Everything that was measured or compared with."""
    decimals = sentences().get(item.code, Wording(variants={})).decimals
    unit = item.unit.value if item.unit else ""
    for number in (item.value, *(item.interval or ())):
        if number is not None:
            yield _Known(number, unit, decimals)
            if item.unit is Unit.RATIO:
                yield _Known(100 * number, "%", max(0, decimals - 2))
    if item.threshold is not None:
        yield _Known(item.threshold, unit, decimals, is_limit=True)
    if item.interval_level is not None:
        yield _Known(100 * item.interval_level, "%", 0)
    if item.probability is not None:
        yield _Known(item.probability, "", decimals)
        yield _Known(100 * item.probability, "%", 0)
    term = vocabulary().get(item.code)
    for named in read_claims(term.name).numbers if term is not None else ():
        yield _Known(named.value, named.unit, named.decimals)  # vertebra T1
    for name, number in item.details.items():
        ending = name.rpartition("_")[2]
        limit = name.startswith("limit")
        bare = unit if item.kind is EvidenceKind.COMPARISON else ""
        yield _Known(number, ending if ending in _UNITS else bare, decimals, limit)


def _is(number: Number, known: _Known) -> bool:
    """Whether ``known`` is written as ``number``, exactly or no coarser than the rule rounds."""
    if number.decimals < known.decimals:
        return math.isclose(known.value, number.value, abs_tol=1e-9)
    rounded = float(f"{known.value:.{number.decimals}f}")
    return math.isclose(rounded, number.value, abs_tol=1e-9)


def _side_fault(claims: Claims, cited: Sequence[Evidence]) -> Fault | None:
    if not claims.sides:
        return None
    sides = {side for item in cited for side in (*_sides(item), *_sides_in_name(item))}
    both = {"right", "left"} <= sides or all(
        item.polarity is Polarity.ABSENT and not _sides(item) for item in cited
    )
    for side in claims.sides:
        if side in ("bilateral", "both"):
            if not both and not any(side in read_claims(i.reading).sides for i in cited):
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


def _sides_in_name(item: Evidence) -> frozenset[str]:
    """Of what has sides in its name: "left to right area ratio of the lungs"."""
    term = vocabulary().get(item.code)
    return read_claims(term.name).sides if term is not None else frozenset()


def _named(claims: Claims, read: Iterable[Claim]) -> frozenset[str]:
    """The terms that are named; "normal" of a place is judged by what that place needs."""
    placed = any(claim.kind == "normal" for claim in read)
    return claims.terms - ({"no_finding"} if placed else set())


def _term_fault(terms: Iterable[str], cited: Sequence[Evidence]) -> Fault | None:
    """A term needs evidence of its own that can prove it; a similar case or a text cannot."""
    for code in terms:
        kinds = _PROVES[vocabulary()[code].kind]
        if not any(_speaks_of(item, code) and item.kind in kinds for item in cited):
            return Fault.TERM
    return None


def _told_by_rule(item: Evidence) -> bool:
    """Whether a rule's own words on it say what no other words could: see :func:`_names_others`.

    What was concluded from other evidence tells of that in the words of a rule as well.
    """
    return bool(item.basis) or _names_others(item)


def _names_others(item: Evidence) -> bool:
    """Whether a rule's own words on it must name what it is not itself evidence of.

    What is not known is named, and so are limits that a user changed; "no sign of poor
    inspiration" is the quality of a film in the words of a finding, and a descriptor names the
    finding that it is a sign of. What similar films show is told of them, in these words alone.
    """
    return item.kind in (
        EvidenceKind.LIMITATION,
        EvidenceKind.QUALITY,
        EvidenceKind.DESCRIPTOR,
        EvidenceKind.NEIGHBOUR,
    )


def _speaks_of(item: Evidence, code: str) -> bool:
    """Whether the evidence is of the term, or carries the value that the term names."""
    about = measured_for(item.code)
    return item.code == code or (about is not None and about.code == code)


def _names(claims: Claims, read: Iterable[Claim], item: Evidence) -> bool:
    """Whether a finding that is cited is also named, so that "not" is about it."""
    term = vocabulary().get(item.code)
    words = term is not None and bool(term.words)
    if item.kind is not EvidenceKind.FINDING or not words or item.code in claims.terms:
        return True
    return speaks_of(read, item)


def _claim_fault(read: Iterable[Claim], cited: Sequence[Evidence]) -> Fault | None:
    """The first claim that nothing which is cited bears out."""
    for claim in read:
        if claim.kind == "finding":
            fault = disagreement(claim, about(claim, cited))
        elif claim.kind == "normal":
            fault = normal_fault(claim, cited)
        else:  # its numbers are judged with all others
            fault = change_fault(claim, [item for item in cited if item.code == claim.code])
        if fault is not None:
            return fault
    return None


def _doubts_a_change(read: ReadSentence, cited: Sequence[Evidence]) -> bool:
    """ "Has possibly increased", where the comparison is sure."""
    return "doubt" in read.cues and all(
        item.kind is EvidenceKind.COMPARISON and item.polarity is None for item in cited
    )


def _polarity_fault(claims: Claims, cited: Sequence[Evidence]) -> Fault | None:
    """Negations beyond those of the findings that are cited: two of them make an assertion."""
    findings = [item for item in cited if item.kind is EvidenceKind.FINDING]
    measured = [item for item in findings if item.probability is None]
    absent = [item for item in measured if item.polarity is Polarity.ABSENT]
    if measured and len(measured) == len(findings):
        doubted = [item for item in measured if item.polarity is Polarity.UNCERTAIN]
        if not doubted and (claims.negations > len(absent) or claims.doubtful):
            return Fault.POLARITY
    if all(item.kind is EvidenceKind.QUALITY for item in cited) and not claims.quality:
        # "No evidence." of a film that is not rotated denies something else.
        return Fault.POLARITY if claims.negations else None
    plain = all(item.kind in (EvidenceKind.REGION, EvidenceKind.MEASUREMENT) for item in cited)
    return Fault.POLARITY if plain and (claims.negations or claims.doubtful) else None


def _quality_fault(claims: Claims, cited: Sequence[Evidence]) -> Fault | None:
    """A word on the film's quality must stand in a cited reading, negated there as here."""
    for word in claims.quality:
        holders = [item for item in cited if word in item.reading.lower()]
        if not holders:
            return Fault.TERM
        for item in holders:
            said = read_claims(item.reading)
            same = bool(said.negations) == bool(claims.negations)
            if item.kind is EvidenceKind.QUALITY and not (
                same and said.doubtful is claims.doubtful
            ):
                return Fault.POLARITY
    return None


def _unknown_fault(text: str, cited: Sequence[Evidence]) -> Fault | None:
    """What no evidence calls known is not called known: "the projection is known"."""
    if not _KNOWN_OF.search(text.lower()):
        return None
    told = (reading.lower() for item in cited for reading in readings(item))
    return None if any(map(_KNOWN_OF.search, told)) else Fault.POLARITY


def _unsupported_change(
    text: str, claims: Claims, read: ReadSentence, cited: Sequence[Evidence]
) -> bool:
    if not claims.change or any(
        item.kind is EvidenceKind.COMPARISON or text in rule_texts(item) for item in cited
    ):
        return False
    said = text.lower()
    for phrase in read.static:
        # "heart size is increased" is no change; "is again increased" is one.
        said = said.replace(phrase, _STATIC.sub(" ", phrase))
    return read_claims(said).change


def _says_more(claims: Claims, read: ReadSentence, cited: Sequence[Evidence]) -> bool:
    """Whether a word is left that is neither plain, nor of the evidence, nor of a claim's.

    They are looked up in turn: of most sentences nothing is left after the first.
    """
    left = claims.words - plain_words()
    if any(item.kind is EvidenceKind.COMPARISON for item in cited):
        left = left.difference(report_lexicon().cue["comparing"])
    known = [item for item in cited if item.kind is not EvidenceKind.LIMITATION]
    for described in chain.from_iterable(map(_descriptions, known)):
        if not left:
            return False
        left -= words_of(described)
    return bool(left and left - words_read(read))


def _descriptions(item: Evidence) -> Iterator[str]:
    yield item.reading
    if item.location is not None:
        yield item.location.value
    term = vocabulary().get(item.code)
    if term is not None:
        yield from (term.name, *term.words)
    yield from (reasons().get(reason, "") for reason in item.reasons)


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)
