"""Words and numbers that all renderers share, in the report's language, and its order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from cxr_agent.evidence import Change, Evidence, EvidenceKind, Interval, Location, Side, Unit
from cxr_agent.knowledge import language, names, reasons, structures
from cxr_agent.report.draft import Section as Place
from cxr_agent.report.model import FilmSummary, Heading, Report, Sentence
from cxr_agent.report.phrasing import quoted

NOT_GIVEN = "–"
_UNITS = {
    Unit.RATIO: "",
    Unit.MILLIMETRE: " mm",
    Unit.SQUARE_CENTIMETRE: " cm2",
    Unit.PIXEL: " px",
    Unit.DEGREE: "°",
    Unit.DAY: " d",
}
"""Units as tables and labels have them."""
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


class Words:
    """What a report is told with, in one language."""

    NOT_GIVEN = NOT_GIVEN

    def __init__(self, code: str) -> None:
        self._code = code
        self._language = language(code)

    def title(self, key: str) -> str:
        """The title of a part of the report."""
        return self._language.title[key]

    def heading(self, heading: Heading) -> str:
        """A header under Findings."""
        return self._language.heading[heading]

    def text(self, key: str) -> str:
        """A fixed text, as the notice."""
        return self._language.text[key]

    def label(self, key: str) -> str:
        """The head of a column, or the name of a fact."""
        return self._language.label[key]

    def small(self, key: str) -> str:
        """A label within a line, small where the language writes nouns so."""
        label = self.label(key)
        return label[:1].lower() + label[1:] if self._language.small_names else label

    def status(self, report: Report) -> str:
        """Whether the report is whole."""
        return self._language.status[report.status]

    def _form(self, key: str, **fields: object) -> str:
        return self._language.form[key].format(**fields)

    def form(self, key: str) -> str:
        """A text of renderers without fields."""
        return self._language.form[key]

    def critical(self, sentence: Sentence) -> str:
        """The flag of a critical finding, empty for all else."""
        if sentence.tier is None:
            return ""
        return self._language.text["critical"].format(tier=sentence.tier)

    def sections(self, report: Report) -> Iterator[Section]:
        """The report's sections in their order, without empty ones.

        An empty section is left out rather than filled with "none": that would be a statement with
        no evidence behind it.
        """
        for key in Place:
            sentences: tuple[Sentence, ...] = getattr(report, key)
            if sentences:
                groups = (
                    self._by_heading(sentences) if key == "findings" else (Group(None, sentences),)
                )
                yield Section(key, self.title(key), groups)

    def _by_heading(self, sentences: tuple[Sentence, ...]) -> tuple[Group, ...]:
        order = {heading: rank for rank, heading in enumerate(Heading)}

        def rank(sentence: Sentence) -> int:
            return order[sentence.heading or Heading.OTHER]

        ordered = sorted(sentences, key=rank)  # stable: within a heading the report's own order
        ranked = groupby(ordered, key=rank)
        return tuple(Group(tuple(Heading)[place], tuple(part)) for place, part in ranked)

    def number(self, value: float, unit: Unit | None) -> str:
        """A number as a table shows it: one decimal more than the sentences of a report have.

        A ratio always keeps two decimals, so that 0.5 reads 0.50.
        """
        decimals = _DECIMALS[unit] if unit is not None else 3
        whole, _, rest = f"{value:.{decimals}f}".partition(".")
        rest = rest[:2] + rest[2:].rstrip("0") if decimals > 2 else rest.rstrip("0")
        return f"{whole}{self._language.decimal}{rest}" if rest else whole

    def value(self, evidence: Evidence) -> str:
        """Value with its unit, empty when there is none."""
        return "" if evidence.value is None else self.amount(evidence.value, evidence.unit)

    def amount(self, value: float, unit: Unit | None) -> str:
        """A number with its unit."""
        return self.number(value, unit) + _UNITS[unit or Unit.RATIO]

    def unit(self, unit: Unit) -> str:
        """A unit alone; empty for a ratio."""
        return _UNITS[unit].strip()

    def signed(self, value: float, unit: Unit) -> str:
        """A difference with its sign and unit; what rounds to nought has none."""
        told = self.amount(abs(value), unit)
        sign = "±" if told == self.amount(0.0, unit) else "+" if value > 0 else "-"
        return f"{sign}{told}"

    def rounded(self, evidence: Evidence) -> str:
        """Value with its unit as the sentences of a report have it, for headlines and labels."""
        if evidence.value is None:
            return ""
        decimals = 2 if evidence.unit is Unit.RATIO else 0
        number = self._language.number(evidence.value, decimals)
        return number + _UNITS[evidence.unit or Unit.RATIO]

    def interval(self, evidence: Evidence) -> str:
        """``0.44 to 0.48 (90 %)``, empty when there is none."""
        return self.between(evidence.interval, evidence.interval_level, evidence.unit)

    def between(self, interval: Interval | None, level: float | None, unit: Unit | None) -> str:
        """An interval as :meth:`interval` tells it."""
        if interval is None or level is None:
            return ""
        low, high = (self.number(end, unit) for end in interval)
        return self._form(
            "interval",
            low=low,
            high=high,
            unit=_UNITS[unit or Unit.RATIO],
            level=f"{level * 100:.0f}",
        )

    def threshold(self, evidence: Evidence) -> str:
        """The limit with its unit, empty when there is none.

        Where evidence has a probability, the limit is one of probability and has no unit.
        """
        if evidence.threshold is None:
            return ""
        if evidence.probability is not None or evidence.unit is None:
            return self.number(evidence.threshold, None)
        return self.number(evidence.threshold, evidence.unit) + _UNITS[evidence.unit]

    def limits(self, evidence: Evidence) -> str:
        """``present above 0.61, absent below 0.24``, empty when it was not judged by two limits."""
        present, absent = (evidence.details.get(f"limit_{side}") for side in ("present", "absent"))
        if present is None or absent is None:
            return ""
        return self._form(
            "limits", present=self.number(present, None), absent=self.number(absent, None)
        )

    def probability(self, evidence: Evidence) -> str:
        """``probability 0.874``, empty when there is none."""
        if evidence.probability is None:
            return ""
        value = self.number(evidence.probability, None)
        return self._language.phrase["with_probability"].format(value=value)

    def verdict(self, evidence: Evidence) -> str:
        """``0.87, present``: the probability as sentences have it, and what was made of it."""
        chance = ""
        if evidence.probability is not None:
            chance = self._language.number(evidence.probability, 2)
        return ", ".join(part for part in (chance, self.statement(evidence)) if part)

    def map_score(self, evidence: Evidence) -> str:
        """How true a classifier's map is, see :mod:`cxr_agent.models.saliency`."""
        score = evidence.details.get("saliency_score")
        # Adding 0.0 makes of a rounded -0.0 what it is.
        worth = self._language.form["not_measured"]
        if score is not None:
            worth = self._language.number(round(score, 2) + 0.0, 2)
        return self._form("map_score", worth=worth)

    def what(self, evidence: Evidence) -> str:
        """The name of what evidence is about, as the vocabulary has it."""
        return self.name(evidence.code)

    def outline(self, structure: str) -> str:
        """The name of one member of a group that was outlined; empty where it is no structure."""
        return self._name(structure) if structure in structures() else ""

    def name(self, code: str) -> str:
        """What a code is called; the code itself when it has no name."""
        return self._name(code) or code.replace("_", " ")

    def side(self, side: Side) -> str:
        """A side's name."""
        return self._language.side[side]

    def score(self, value: float) -> str:
        """A score in [0, 1]."""
        return self._language.number(value, 2)

    def location(self, location: Location) -> str:
        """A location's name."""
        return self._language.location.get(location, location.value)

    def change(self, value: str) -> str:
        """Chest ImaGenome's word for a change; empty is a contradiction."""
        return self._language.form[f"change_{value.replace(' ', '_') or 'mixed'}"]

    def _name(self, code: str) -> str:
        known = names(self._code).get(code)
        return known.name if known else ""

    def statement(self, evidence: Evidence) -> str:
        """What was found, in one or two words: ``absent``, ``outlined``, ``unknown``."""
        if evidence.polarity is not None:
            return self._language.phrase[f"said_{evidence.polarity}"]
        if evidence.kind is EvidenceKind.REGION:
            return self._language.statement["outlined"]
        if evidence.kind is EvidenceKind.LIMITATION:
            return self._language.statement["limitation"]
        return (evidence.category or "").replace("_", " ")

    def place(self, evidence: Evidence) -> str:
        """Location and side, without saying the side twice."""
        return self.place_of(evidence.location, evidence.side)

    def place_of(self, location: Location | None, side: Side | None) -> str:
        """A location and a side, without saying the side twice."""
        place = self.location(location) if location else ""
        if side and side not in (location.value.split() if location else ()):
            return f"{place}, {self.side(side)}" if place else self.side(side)
        return place

    def because(self, evidence: Evidence) -> str:
        """What the reason codes say."""
        return "; ".join(self.phrase(code) for code in evidence.reasons)

    def phrase(self, code: str) -> str:
        """The words for a reason or notice code; the code itself when there are none."""
        return reasons(self._code).get(code, code.replace("_", " "))

    def short(self, digest: str) -> str:
        """A hash cut to what fits a line."""
        return digest[:12]

    def tool(self, evidence: Evidence) -> str:
        """Tool and its version."""
        return f"{evidence.provenance.tool} {evidence.provenance.tool_version}"

    def model(self, evidence: Evidence) -> str:
        """Model card and the beginning of the weights' hash, empty when no model took part."""
        source = evidence.provenance
        weights = f" ({self.short(source.weights_sha256)})" if source.weights_sha256 else ""
        return f"{source.model or 'weights'}{weights}" if source.model or weights else ""

    def film_title(self, film: FilmSummary) -> str:
        """``img-1`` or ``prior-1, 120 days before``."""
        if film.days_before is None:
            return film.handle
        form = "day_before" if film.days_before == 1 else "days_before"
        return self._form(form, handle=film.handle, count=film.days_before)

    def when(self, days_before: int | None, *, current: bool) -> str:
        """How long before the current film a film was taken."""
        if current:
            return self.form("when_current")
        if days_before is None:
            return self.form("when_unknown")
        return self._form("when_day" if days_before == 1 else "when_days", count=days_before)

    def since(self, sort: str, relation: Change) -> str:
        """What became of something up to the current film."""
        return self.form(f"since_{sort}_{relation}")

    def film_view(self, film: FilmSummary) -> str:
        """The projection in words."""
        return self._language.view.get(film.view, film.view)

    def film_size(self, film: FilmSummary) -> str:
        """Size in pixels and, when known, the spacing and what it is true for."""
        size = f"{film.columns} × {film.rows} px"
        if film.spacing_mm is None:
            return self._form("no_spacing", size=size)
        row, column = film.spacing_mm
        spacing = f"{column:.3g}" if abs(row - column) < 1e-6 else f"{column:.3g} × {row:.3g}"
        spacing = spacing.replace(".", self._language.decimal)
        plane = self._language.form.get(film.spacing_kind or "", "")
        return self._form("spacing", size=size, spacing=spacing, plane=plane)

    def is_prior(self, film: FilmSummary) -> bool:
        """Whether the film is an earlier one."""
        return film.days_before is not None or film.handle.startswith("prior-")

    def citation(self, identities: tuple[str, ...]) -> str:
        """``[e7, e8]``."""
        return f"[{', '.join(identities)}]"

    def quotes(self, report: Report, sentence: Sentence) -> list[str]:
        """Texts that go with what a sentence cites, each in quotation marks and masked."""
        cited = [item for item in report.evidence if item.id in sentence.evidence]
        return [quoted(item, self._code) for item in cited if item.quote]

    def held_back(self, report: Report) -> str:
        """One line about the sentences that the gates kept; their text is for the trace."""
        count = len(report.dropped)
        if not count:
            return ""
        return self._form("one_held_back" if count == 1 else "held_back", count=count)

    def headline(self, report: Report) -> Iterator[tuple[Evidence, Evidence | None]]:
        """Every cardiothoracic ratio of a current film, with the finding that judges it."""
        current = {film.handle for film in report.films if not self.is_prior(film)}
        for evidence in report.evidence:
            if evidence.code == "cardiothoracic_ratio" and evidence.value is not None:
                if evidence.image not in current:
                    continue
                yield evidence, self._judgement(report, evidence)

    def _judgement(self, report: Report, ratio: Evidence) -> Evidence | None:
        for evidence in report.evidence:
            same = (
                evidence.image == ratio.image and evidence.provenance.step == ratio.provenance.step
            )
            if same and evidence.code == "cardiomegaly":
                return evidence
        return None
