"""Whether a claim agrees with evidence: polarity, certainty, side, place, degree, change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from cxr_agent.evidence import Change, Evidence, EvidenceKind, Location, Polarity, Side
from cxr_agent.knowledge import certainty_levels, certainty_of, report_lexicon, vocabulary
from cxr_agent.prose import Claim, Status
from cxr_agent.report.gates.fault import Fault

_OPENS: Final = (EvidenceKind.FINDING, EvidenceKind.COMPARISON)
_ROUGH: Final = "possible"
"""The level that every doubt without a level of its own counts as."""
_SIDES: Final = ("right", "left")
_ZONES: Final = ("apical zone", "upper lung zone", "mid lung zone", "lower lung zone")
_BASE: Final = ("lower lung zone", "costophrenic angle", "hemidiaphragm")
"""Places that are one another's neighbours at the base: a fluid there is at each of them."""
_NATURAL: Final = {
    "Cardiovascular": (Location.CARDIAC_SILHOUETTE, Location.AORTIC_ARCH, Location.MEDIASTINUM),
    "Hila and Mediastinum": (
        Location.MEDIASTINUM,
        Location.UPPER_MEDIASTINUM,
        Location.AORTIC_ARCH,
        Location.TRACHEA,
        Location.CARDIAC_SILHOUETTE,
    ),
    "Lungs and Airways": (Location.RIGHT_LUNG, Location.LEFT_LUNG, Location.CARINA),
    "Pleura": (
        Location.RIGHT_LUNG,
        Location.LEFT_LUNG,
        Location.RIGHT_COSTOPHRENIC_ANGLE,
        Location.LEFT_COSTOPHRENIC_ANGLE,
    ),
    "Abdominal": (
        Location.ABDOMEN,
        Location.RIGHT_HEMIDIAPHRAGM,
        Location.LEFT_HEMIDIAPHRAGM,
    ),
    "Musculoskeletal and Chest Wall": (Location.SPINE,),
    "Tubes, Catheters, and Support Devices": (Location.SVC, Location.CARINA, Location.TRACHEA),
}
"""Where a finding of a section is anyway: naming that says nothing more."""


def about(claim: Claim, evidence: Iterable[Evidence]) -> list[Evidence]:
    """The evidence that a claim on a finding can rest on.

    A narrower finding bears out a wider one that is present, and the wider one's absence that of
    the narrower.
    """
    lexicon = report_lexicon().finding
    wider = lexicon[claim.code].is_a if claim.code in lexicon else ()
    found: list[Evidence] = []
    for item in evidence:
        if item.kind not in _OPENS:
            continue
        narrower = item.code in lexicon and claim.code in lexicon[item.code].is_a
        absent = claim.polarity is Polarity.ABSENT
        if (
            item.code == claim.code
            or (narrower and not absent and item.polarity is not Polarity.ABSENT)
            or (absent and item.code in wider and item.polarity is Polarity.ABSENT)
        ):
            found.append(item)
    return found


def disagreement(claim: Claim, evidence: Sequence[Evidence]) -> Fault | None:
    """The fault of a claim on a finding; None where one piece of the evidence bears it out.

    Parameters
    ----------
    evidence
        What it may rest on, of one film, as :func:`about` gives it.
    """
    if not evidence:
        return Fault.TERM
    if change_fault(claim, evidence) is not None:
        return Fault.CHANGE
    faults = [_fault(claim, item) for item in evidence]
    # Of one that says the opposite of the same thing, another that agrees is no excuse.
    same = [item for item in evidence if item.code == claim.code and _may_meet(claim.side, item)]
    if any(_certainty_fault(claim, item) is Fault.POLARITY for item in same):
        return Fault.POLARITY
    return None if None in faults else max((f for f in faults if f is not None), key=_near)


def change_fault(claim: Claim, evidence: Iterable[Evidence]) -> Fault | None:
    """Whether a claim tells of a change that no comparison in the evidence bears out."""
    compared = [item for item in evidence if item.kind is EvidenceKind.COMPARISON]
    told = claim.change is None or any(item.category == claim.change for item in compared)
    return None if told else Fault.CHANGE


def normal_fault(claim: Claim, evidence: Sequence[Evidence]) -> Fault | None:
    """The fault of a normal statement: everything that it denies must have been looked for."""
    denied = report_lexicon().anatomy[claim.code].means_absent
    if not denied:
        return Fault.TERM
    for code in denied:
        looked_at = [item for item in evidence if item.code == code and item.kind in _OPENS]
        if not looked_at:
            return Fault.TERM
        if any(item.polarity is not Polarity.ABSENT for item in looked_at):
            return Fault.POLARITY
        if any(item.probability is not None and item.value is None for item in looked_at):
            return Fault.CERTAINTY
        if not all(_side_fits(claim.side, item) or item.side is None for item in looked_at):
            return Fault.SIDE
    return None


def speaks_of(read: Iterable[Claim], item: Evidence) -> bool:
    """Whether one of a sentence's claims is about a finding, by whichever of its names."""
    return any(item in about(claim, [item]) or denies(claim, item.code) for claim in read)


def denies(claim: Claim, code: str) -> bool:
    """Whether a normal statement speaks of a finding."""
    return claim.kind == "normal" and code in report_lexicon().anatomy[claim.code].means_absent


def _near(fault: Fault) -> int:
    """How far a claim came before it failed: the later fault tells more of what is wrong."""
    return (Fault.POLARITY, Fault.CERTAINTY, Fault.SIDE, Fault.LOCATION, Fault.SEVERITY).index(
        fault
    )


def _fault(claim: Claim, item: Evidence) -> Fault | None:
    return (
        _certainty_fault(claim, item)
        or (Fault.SIDE if not _side_fits(claim.side, item) else None)
        or (Fault.LOCATION if not _place_fits(claim, item) else None)
        or _severity_fault(claim, item)
    )


def _certainty_fault(claim: Claim, item: Evidence) -> Fault | None:
    if item.kind is EvidenceKind.COMPARISON and item.polarity is None:
        return _comparison_fault(claim, item)
    if item.probability is not None and item.value is None:
        return _scale_fault(claim, item.probability)
    match item.polarity:
        case Polarity.PRESENT:
            if claim.status is Status.NEGATIVE:
                return Fault.POLARITY
            return Fault.CERTAINTY if claim.tentative else None
        case Polarity.ABSENT:
            if claim.status is Status.POSITIVE:
                return Fault.POLARITY
            return Fault.CERTAINTY if claim.tentative else None
        case _:
            return None if claim.level == _ROUGH else Fault.CERTAINTY


def _comparison_fault(claim: Claim, item: Evidence) -> Fault | None:
    """What has resolved is not there now; what has changed otherwise is."""
    gone = item.category == Change.RESOLVED
    if claim.status is Status.NEGATIVE and not gone:
        return Fault.POLARITY
    if claim.status is Status.POSITIVE and gone and claim.change is None:
        return Fault.POLARITY
    return Fault.CERTAINTY if claim.tentative else None


def _scale_fault(claim: Claim, probability: float) -> Fault | None:
    """Whether the words stand as high on the scale of certainty as the probability does.

    They may be one step nearer to "possible", never further from it.
    """
    said, true = _step(claim), _middle(certainty_of(probability))
    if said * true < 0:
        return Fault.POLARITY
    if said == true or (abs(said) < abs(true) and abs(said - true) <= 1):
        return None
    return Fault.CERTAINTY


def _step(claim: Claim) -> int:
    """From 3, stated as a fact, over 0, possible, to -3, denied as a fact."""
    if claim.level is None:
        return 3 if claim.status is Status.POSITIVE else -3
    return _middle(claim.level)


def _middle(level: str) -> int:
    """Steps above "possible"."""
    levels = list(certainty_levels())
    return levels.index(_ROUGH) - levels.index(level)


def sides_of(item: Evidence) -> set[str]:
    """The sides that evidence is about, by its side or its place."""
    if item.side is Side.BILATERAL:
        return {"right", "left"}
    named = f"{item.side or ''} {item.location or ''}".split()
    return {side for side in ("right", "left") if side in named}


def _may_meet(side: Side | None, item: Evidence) -> bool:
    """Whether a claim and evidence may be about the same side."""
    sides = sides_of(item)
    if side is None or not sides or side is Side.BILATERAL:
        return True
    return side.value in sides


def _side_fits(side: Side | None, item: Evidence) -> bool:
    if side is None or side is Side.MIDLINE:
        return True
    if side is Side.BILATERAL and item.polarity is Polarity.ABSENT and not sides_of(item):
        return True  # absent from the film is absent from both sides
    wanted = {"right", "left"} if side is Side.BILATERAL else {side.value}
    return wanted <= sides_of(item)


def _place_fits(claim: Claim, item: Evidence) -> bool:
    if not all(_is_at(place, item, claim) for place in claim.locations):
        return False
    anatomy = report_lexicon().anatomy
    if any(anatomy[code].narrow for code in claim.places):
        return False
    unsided = [
        template
        for code in claim.places
        for template in anatomy[code].locations
        if "{side}" in template and claim.side is None
    ]
    return all(
        any(_is_at(Location(template.format(side=side)), item, claim) for side in _SIDES)
        for template in unsided
    )


def _is_at(place: Location, item: Evidence, claim: Claim) -> bool:
    term = vocabulary().get(item.code)
    natural = _NATURAL.get(term.section if term else "", ())
    if item.location is None:
        return place in natural
    if place is item.location or _holds(place, item.location):
        return True
    central = not any(side in place.split() for side in ("right", "left"))
    return central and place in natural and item.location in natural and claim.kind == "finding"


def _holds(wide: Location, narrow: Location) -> bool:
    """Whether one place holds, or at the base of a lung adjoins, the other."""
    side, _, rest = wide.partition(" ")
    other, _, inner = narrow.partition(" ")
    if side != other or side not in ("right", "left"):
        return wide is Location.MEDIASTINUM and narrow is Location.UPPER_MEDIASTINUM
    if rest == "lung":
        return inner in (*_ZONES, "costophrenic angle", "hilar structures")
    if rest == "upper lung zone":
        return inner == "apical zone"
    return rest in _BASE and inner in _BASE


def _severity_fault(claim: Claim, item: Evidence) -> Fault | None:
    said = set(claim.severity)
    return Fault.SEVERITY if said - ({item.severity} if item.severity else set()) else None
