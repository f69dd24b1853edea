"""A report's claims against the evidence of a reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cxr_agent.checking.model import Kind, Remark, Verdict
from cxr_agent.checking.numbers import judge_number, numbers_agree
from cxr_agent.evidence import Change, Evidence, EvidenceKind, Polarity, Severity
from cxr_agent.knowledge import Basis, report_lexicon
from cxr_agent.prose import Claim, Status
from cxr_agent.prose.structure import StructuredReport, StructuredSentence
from cxr_agent.report.compose import overruled, rests_on
from cxr_agent.report.gates.agreement import about, disagreement, sides_of
from cxr_agent.report.gates.fault import Fault
from cxr_agent.report.suggested import is_suggested

_CHECKED: Final = ("findings", "impression", "unlabelled")
_WEIGHT: Final[tuple[Basis, ...]] = ("reader", "measured", "classified")
_KINDS: Final = {
    Fault.SIDE: Kind.LOCATION,
    Fault.LOCATION: Kind.LOCATION,
    Fault.SEVERITY: Kind.SEVERITY,
    Fault.CERTAINTY: Kind.CERTAINTY,
    Fault.CHANGE: Kind.SPURIOUS_COMPARISON,
}


class AgainstFilm:
    """Checks claims against evidence.

    Parameters
    ----------
    evidence
        Of one reading; what is on a prior film alone and what a rule decided against is left out.
    compared
        Whether the study has a prior film.
    """

    def __init__(self, evidence: Sequence[Evidence], *, compared: bool) -> None:
        current = [item for item in evidence if not item.of_prior]
        lost = overruled(current)
        undecided = {
            code
            for item in current
            if item.code == "conflict" and item.category is None
            for code in item.reasons
        }
        self.evidence = [
            item
            for item in current
            if item.id not in lost and item.code not in undecided and not is_suggested(item)
        ]
        self.compared = compared
        self.verdicts: list[Verdict] = []
        self.errors: list[Remark] = []

    def check(self, report: StructuredReport) -> None:
        """Judge every claim of a report, and what it leaves out."""
        sentences = [one for one in report.sentences if one.section in _CHECKED]
        for sentence in sentences:
            for claim in sentence.claims:
                if not claim.past:
                    self._judge(sentence, claim)
        self.errors += self._omissions([c for one in sentences for c in one.claims])

    def _judge(self, sentence: StructuredSentence, claim: Claim) -> None:
        if claim.kind == "finding":
            self._finding(sentence, claim)
        elif claim.kind == "normal":
            self._normal(sentence, claim)
        else:
            self._measurement(sentence, claim)

    def _finding(self, sentence: StructuredSentence, claim: Claim) -> None:
        found = about(claim, self.evidence)
        if not found:
            self._comparison(sentence, claim)
            self._verdict(sentence, claim, "unsupported", missing="finding")
            return
        unsaid = _unsaid(claim, found)
        fault = _fault_of(_bare(claim, unsaid), found)
        if fault is Fault.CHANGE:
            self._comparison(sentence, claim, found)
            fault = _fault_of(_bare(claim, {*unsaid, "change"}), found)
            if fault is None:
                return
        if fault is None and not numbers_agree(claim, sentence.text, found):
            self._error(sentence, claim, Kind.NUMBER, found, significant=True)
            return
        if fault is None:
            missing = ", ".join(sorted(unsaid))
            verdict = "unsupported" if unsaid else "supported"
            self._verdict(sentence, claim, verdict, missing=missing, evidence=found)
            return
        kind = _KINDS.get(fault) or _of_polarity(claim)
        # A reader may be surer than a classifier; that alone changes nothing.
        self._error(sentence, claim, kind, found, significant=kind is not Kind.CERTAINTY)

    def _normal(self, sentence: StructuredSentence, claim: Claim) -> None:
        denied = report_lexicon().anatomy[claim.code].means_absent
        found = [item for item in self.evidence if item.code in denied and _is_finding(item)]
        present = [
            item
            for item in found
            if item.polarity is Polarity.PRESENT
            and (claim.side is None or not sides_of(item) or claim.side.value in sides_of(item))
        ]
        if present:
            self._error(sentence, claim, Kind.OMISSION, present, significant=True)
        elif claim.change is not None and not self.compared:
            self._comparison(sentence, claim)
        else:
            all_absent = {i.code for i in found if i.polarity is Polarity.ABSENT} >= set(denied)
            verdict = "supported" if denied and all_absent else "unsupported"
            missing = "" if verdict == "supported" else "finding"
            self._verdict(sentence, claim, verdict, missing=missing, evidence=found)

    def _measurement(self, sentence: StructuredSentence, claim: Claim) -> None:
        measured = [
            item
            for item in self.evidence
            if item.value is not None
            and item.kind in (EvidenceKind.MEASUREMENT, EvidenceKind.COMPARISON)
            and item.code == claim.code
            and (claim.side is None or not sides_of(item) or claim.side.value in sides_of(item))
        ]
        if not measured:
            self._verdict(sentence, claim, "unsupported", missing="finding")
            return
        kind = judge_number(claim.quantities[0], measured)
        changes = [item for item in measured if item.kind is EvidenceKind.COMPARISON]
        if claim.change is not None and claim.change not in {c.category for c in changes}:
            self._comparison(sentence, claim, changes)
        elif kind is None:
            self._verdict(sentence, claim, "supported", evidence=measured)
        if kind is not None:
            self._error(sentence, claim, kind, measured, significant=True)

    def _comparison(
        self, sentence: StructuredSentence, claim: Claim, found: Sequence[Evidence] = ()
    ) -> None:
        """A change that nothing bears out: without a prior film there is nothing that could."""
        if claim.change is None:
            return
        against = [item for item in found if item.kind is EvidenceKind.COMPARISON]
        if against or not self.compared:
            self._error(
                sentence,
                claim,
                Kind.SPURIOUS_COMPARISON,
                against,
                significant=bool(against),
                otherwise="no prior film was given",
            )
        else:
            self._verdict(sentence, claim, "unsupported", missing="comparison")

    def _omissions(self, claims: Sequence[Claim]) -> Iterator[Remark]:
        """Findings that are present and not spoken of, and changes that are not told."""
        told = [claim for claim in claims if claim.kind == "finding"]
        normal = {
            code
            for claim in claims
            if claim.kind == "normal"
            for code in report_lexicon().anatomy[claim.code].means_absent
        }
        for item in self.evidence:
            spoken = [claim for claim in told if _names(claim, item)]
            if item.kind is EvidenceKind.COMPARISON:
                measured = [c for c in claims if c.kind == "measurement" and c.code == item.code]
                changed = [c for c in (*spoken, *measured) if c.change is not None]
                if item.category != Change.NO_CHANGE and not changed:
                    yield _remark(Kind.OMITTED_COMPARISON, None, item.code, [item], True)
            elif (
                item.polarity is Polarity.PRESENT
                and _is_finding(item)
                and not spoken
                and item.code not in normal
            ):
                yield _remark(Kind.OMISSION, None, item.code, [item], True)

    def _verdict(
        self,
        sentence: StructuredSentence,
        claim: Claim,
        verdict: str,
        *,
        missing: str = "",
        evidence: Iterable[Evidence] = (),
    ) -> None:
        self.verdicts.append(
            Verdict.model_validate(
                {
                    "sentence": sentence.id,
                    "code": claim.code,
                    "text": claim.text,
                    "verdict": verdict,
                    "missing": missing,
                    "evidence": tuple(item.id for item in evidence),
                }
            )
        )

    def _error(
        self,
        sentence: StructuredSentence,
        claim: Claim,
        kind: Kind,
        evidence: Sequence[Evidence],
        *,
        significant: bool,
        otherwise: str = "",
    ) -> None:
        self._verdict(sentence, claim, "contradicted", evidence=evidence)
        self.errors.append(
            _remark(kind, sentence, claim.code, evidence, significant, otherwise=otherwise)
        )


def _remark(
    kind: Kind,
    sentence: StructuredSentence | None,
    code: str,
    evidence: Sequence[Evidence],
    significant: bool,
    *,
    otherwise: str = "",
) -> Remark:
    return Remark(
        kind=kind,
        significant=significant,
        sentence=sentence.id if sentence is not None else None,
        text=sentence.text if sentence is not None else "",
        code=code,
        evidence=tuple(item.id for item in evidence),
        against=" ".join(item.reading for item in evidence) or otherwise,
    )


def _fault_of(claim: Claim, evidence: Sequence[Evidence]) -> Fault | None:
    """None where one tool bears the claim out; else what the weightiest of them has against it."""
    weightiest = sorted(evidence, key=lambda item: _WEIGHT.index(rests_on(item)))
    faults = [disagreement(claim, [item]) for item in weightiest]
    if None in faults:
        return None
    # A tool that is undecided makes no statement of a person's false.
    undecided = weightiest[0].polarity is Polarity.UNCERTAIN
    return Fault.CERTAINTY if undecided and faults[0] is Fault.POLARITY else faults[0]


def _of_polarity(claim: Claim) -> Kind:
    return Kind.OMISSION if claim.status is Status.NEGATIVE else Kind.FALSE_FINDING


def _is_finding(item: Evidence) -> bool:
    return item.kind is EvidenceKind.FINDING


def _names(claim: Claim, item: Evidence) -> bool:
    """Whether a claim speaks of the finding, by whichever of its names."""
    lexicon = report_lexicon().finding
    wider = lexicon[item.code].is_a if item.code in lexicon else ()
    narrower = item.code in lexicon[claim.code].is_a
    return claim.code == item.code or claim.code in wider or narrower


def _unsaid(claim: Claim, evidence: Sequence[Evidence]) -> set[str]:
    """What a claim tells and the evidence says nothing of: it is neither true nor false."""
    unsaid = set()
    placed = [item for item in evidence if item.location is not None or item.side is not None]
    if not any(sides_of(item) for item in evidence) and claim.side is not None:
        unsaid.add("side")
    if claim.places and not placed:
        unsaid.add("location")
    if claim.severity and not any(item.severity is not None for item in evidence):
        unsaid.add("severity")
    return unsaid


def _bare(claim: Claim, without: Iterable[str]) -> Claim:
    """The claim without what nothing is known of."""
    empty: dict[str, object] = {}
    for name in without:
        if name == "side":
            empty |= {"side": None, "locations": (), "places": ()}
        elif name == "location":
            empty |= {"locations": (), "places": ()}
        elif name == "severity":
            empty["severity"] = tuple[Severity, ...]()
        else:
            empty["change"] = None
    return claim.model_copy(update=empty)
