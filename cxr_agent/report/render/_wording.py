"""Words and numbers that all renderers share, and the order of a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from cxr_agent.evidence import Evidence, EvidenceKind, Unit
from cxr_agent.knowledge import reasons, structures, vocabulary
from cxr_agent.report.model import FilmSummary, Heading, Report, Sentence

PARTIAL = "Partial report: not every step could be done. The limitations say what is missing."
NOT_GIVEN = "–"
MAP_MEANS = "a map shows what the classifier used, not where disease is"
"""Said with every map: that of an absent finding looks as lively as any other."""

_VIEWS = {
    "PA": "postero-anterior",
    "AP": "antero-posterior",
    "LATERAL": "lateral",
    "UNKNOWN": "projection not known",
}
_UNITS = {
    Unit.RATIO: "",
    Unit.MILLIMETRE: " mm",
    Unit.SQUARE_CENTIMETRE: " cm2",
    Unit.PIXEL: " px",
    Unit.DEGREE: "°",
    Unit.DAY: " d",
}
_DECIMALS = {
    Unit.RATIO: 3,
    Unit.MILLIMETRE: 1,
    Unit.SQUARE_CENTIMETRE: 0,
    Unit.PIXEL: 1,
    Unit.DEGREE: 1,
    Unit.DAY: 0,
}


@dataclass(frozen=True, slots=True)
class Group:
    """Sentences under one heading; sections without headings have one group with None."""

    heading: Heading | None
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report that has something to say."""

    key: str
    title: str
    groups: tuple[Group, ...]


def sections(report: Report) -> Iterator[Section]:
    """The answer, Technique, Comparison, Findings, Impression, Limitations, without empty ones.

    An empty section is left out rather than filled with "none": that would be a statement with
    no evidence behind it.
    """
    for key in ("answer", "technique", "comparison", "findings", "impression", "limitations"):
        sentences: tuple[Sentence, ...] = getattr(report, key)
        if sentences:
            groups = _by_heading(sentences) if key == "findings" else (Group(None, sentences),)
            title = "Clinical question" if key == "answer" else key.capitalize()
            yield Section(key, title, groups)


def _by_heading(sentences: tuple[Sentence, ...]) -> tuple[Group, ...]:
    order = {heading: rank for rank, heading in enumerate(Heading)}

    def rank(sentence: Sentence) -> int:
        return order[sentence.heading or Heading.OTHER]

    ordered = sorted(sentences, key=rank)  # stable: within a heading the report's own order
    ranked = groupby(ordered, key=rank)
    return tuple(Group(tuple(Heading)[place], tuple(part)) for place, part in ranked)


def number(value: float, unit: Unit | None) -> str:
    """A number as a table shows it: one decimal more than the sentences of a report have.

    A ratio always keeps two decimals, so that 0.5 reads 0.50.
    """
    decimals = _DECIMALS[unit] if unit is not None else 3
    whole, _, rest = f"{value:.{decimals}f}".partition(".")
    rest = rest[:2] + rest[2:].rstrip("0") if decimals > 2 else rest.rstrip("0")
    return f"{whole}.{rest}" if rest else whole


def value(evidence: Evidence) -> str:
    """Value with its unit, empty when there is none."""
    if evidence.value is None:
        return ""
    return number(evidence.value, evidence.unit) + _UNITS[evidence.unit or Unit.RATIO]


def rounded(evidence: Evidence) -> str:
    """Value with its unit as the sentences of a report have it, for headlines and labels."""
    if evidence.value is None:
        return ""
    decimals = 2 if evidence.unit is Unit.RATIO else 0
    return f"{evidence.value:.{decimals}f}{_UNITS[evidence.unit or Unit.RATIO]}"


def interval(evidence: Evidence) -> str:
    """``0.44 to 0.48 (90 %)``, empty when there is none."""
    if evidence.interval is None or evidence.interval_level is None:
        return ""
    low, high = (number(end, evidence.unit) for end in evidence.interval)
    unit = _UNITS[evidence.unit or Unit.RATIO]
    return f"{low} to {high}{unit} ({evidence.interval_level * 100:.0f} %)"


def threshold(evidence: Evidence) -> str:
    """The limit with its unit, empty when there is none.

    Where evidence has a probability, the limit is one of probability and has no unit.
    """
    if evidence.threshold is None:
        return ""
    if evidence.probability is not None or evidence.unit is None:
        return number(evidence.threshold, None)
    return number(evidence.threshold, evidence.unit) + _UNITS[evidence.unit]


def limits(evidence: Evidence) -> str:
    """``present above 0.61, absent below 0.24``, empty when it was not judged by two limits."""
    present, absent = (evidence.details.get(f"limit_{side}") for side in ("present", "absent"))
    if present is None or absent is None:
        return ""
    return f"present above {number(present, None)}, absent below {number(absent, None)}"


def probability(evidence: Evidence) -> str:
    """``probability 0.874``, empty when there is none."""
    if evidence.probability is None:
        return ""
    return f"probability {number(evidence.probability, None)}"


def verdict(evidence: Evidence) -> str:
    """``0.87, present``: the probability as sentences have it, and what was made of it."""
    chance = "" if evidence.probability is None else f"{evidence.probability:.2f}"
    return ", ".join(part for part in (chance, statement(evidence)) if part)


def map_score(evidence: Evidence) -> str:
    """How true a classifier's map is, see :mod:`cxr_agent.models.saliency`."""
    score = evidence.details.get("saliency_score")
    # Adding 0.0 makes of a rounded -0.0 what it is.
    worth = "not measured" if score is None else f"{round(score, 2) + 0.0:.2f}"
    return f"insertion minus deletion {worth}"


def what(evidence: Evidence) -> str:
    """The name of what evidence is about, as the vocabulary has it."""
    term = vocabulary().get(evidence.code)
    return term.name if term else evidence.code.replace("_", " ")


def outline(structure: str) -> str:
    """The name of one member of a group that was outlined; empty where it is no structure."""
    known = structures().get(structure)
    return known.name if known else ""


def statement(evidence: Evidence) -> str:
    """What was found, in one or two words: ``absent``, ``outlined``, ``unknown``."""
    if evidence.polarity is not None:
        return evidence.polarity.value
    if evidence.kind is EvidenceKind.REGION:
        return "outlined"
    if evidence.kind is EvidenceKind.LIMITATION:
        return "limitation"
    return (evidence.category or "").replace("_", " ")


def place(evidence: Evidence) -> str:
    """Location and side, without saying the side twice."""
    location = evidence.location.value if evidence.location else ""
    side = evidence.side.value if evidence.side else ""
    if side and side not in location.split():
        return f"{location}, {side}" if location else side
    return location


def because(evidence: Evidence) -> str:
    """What the reason codes say."""
    return "; ".join(phrase(code) for code in evidence.reasons)


def phrase(code: str) -> str:
    """The words for a reason or notice code; the code itself when there are none."""
    return reasons().get(code, code.replace("_", " "))


def short(digest: str) -> str:
    """A hash cut to what fits a line."""
    return digest[:12]


def tool(evidence: Evidence) -> str:
    """Tool and its version."""
    return f"{evidence.provenance.tool} {evidence.provenance.tool_version}"


def model(evidence: Evidence) -> str:
    """Model card and the beginning of the weights' hash, empty when no model took part."""
    source = evidence.provenance
    weights = f" ({short(source.weights_sha256)})" if source.weights_sha256 else ""
    return f"{source.model or 'weights'}{weights}" if source.model or weights else ""


def film_title(film: FilmSummary) -> str:
    """``img-1`` or ``prior-1, 120 days before``."""
    if film.days_before is None:
        return film.handle
    plural = "" if film.days_before == 1 else "s"
    return f"{film.handle}, {film.days_before} day{plural} before"


def film_view(film: FilmSummary) -> str:
    """The projection in words."""
    return _VIEWS.get(film.view, film.view)


def film_size(film: FilmSummary) -> str:
    """Size in pixels and, when known, the spacing and what it is true for."""
    size = f"{film.columns} × {film.rows} px"
    if film.spacing_mm is None:
        return f"{size}, pixel spacing not known"
    row, column = film.spacing_mm
    spacing = f"{column:.3g}" if abs(row - column) < 1e-6 else f"{column:.3g} × {row:.3g}"
    plane = {"detector": " in the detector plane", "calibrated": " in the patient"}
    return f"{size}, {spacing} mm per px{plane.get(film.spacing_kind or '', '')}"


def is_prior(film: FilmSummary) -> bool:
    """Whether the film is an earlier one."""
    return film.days_before is not None or film.handle.startswith("prior-")


def citation(identities: tuple[str, ...]) -> str:
    """``[e7, e8]``."""
    return f"[{', '.join(identities)}]"


def held_back(report: Report) -> str:
    """One line about the sentences that the gates kept; their text is for the trace."""
    count = len(report.dropped)
    if not count:
        return ""
    subject = "1 sentence was" if count == 1 else f"{count} sentences were"
    return f"{subject} not let out by the gates and left out here; the trace has the text."


def headline(report: Report) -> Iterator[tuple[Evidence, Evidence | None]]:
    """Every cardiothoracic ratio of a current film, with the finding that judges it."""
    current = {film.handle for film in report.films if not is_prior(film)}
    for evidence in report.evidence:
        if evidence.code == "cardiothoracic_ratio" and evidence.value is not None:
            if evidence.image not in current:
                continue
            yield evidence, _judgement(report, evidence)


def _judgement(report: Report, ratio: Evidence) -> Evidence | None:
    for evidence in report.evidence:
        same = evidence.image == ratio.image and evidence.provenance.step == ratio.provenance.step
        if same and evidence.code == "cardiomegaly":
            return evidence
    return None
