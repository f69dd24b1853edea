"""What is answered to other agents: every answer is one of these, and holds nothing of who."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cxr_agent.evidence import Evidence
from cxr_agent.report.model import NOTICE, Report, Sentence


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Statement(_Answer):
    """One piece of evidence."""

    id: str
    kind: str
    code: str
    reading: str
    """In plain language, written by rule."""
    film: str
    side: str | None = None
    location: str | None = None
    polarity: str | None = None
    severity: str | None = None
    category: str | None = None
    value: float | None = None
    unit: str | None = None
    interval: tuple[float, float] | None = None
    interval_level: float | None = None
    probability: float | None = None
    reasons: tuple[str, ...] = ()
    step: int
    tool: str

    @classmethod
    def of(cls, item: Evidence) -> Statement:
        return cls(
            id=item.id,
            kind=item.kind,
            code=item.code,
            reading=item.reading,
            film=item.image,
            side=item.side,
            location=item.location,
            polarity=item.polarity,
            severity=item.severity,
            category=item.category,
            value=item.value,
            unit=item.unit,
            interval=item.interval,
            interval_level=item.interval_level,
            probability=item.probability,
            reasons=item.reasons,
            step=item.provenance.step,
            tool=item.provenance.tool,
        )

    def text(self) -> str:
        return f"{self.reading} [{self.id}]"


class SaidSentence(_Answer):
    """A sentence of a report, and the evidence that it rests on."""

    id: str
    """What ``explain`` takes: ``s1``, ``s2`` ... in the order of the report."""
    text: str
    evidence: tuple[str, ...]
    heading: str | None = None
    tier: int | None = None
    """Of a critical finding: 1 within minutes, 2 within hours."""

    def __str__(self) -> str:
        return f"- {self.text} [{self.id}: {', '.join(self.evidence)}]"


class FilmFacts(_Answer):
    """A film of an open study."""

    handle: str
    rows: int
    columns: int
    view: str
    """``UNKNOWN`` where the header does not tell."""
    days_before: int | None = None
    """For a prior: whole days before the current film."""


class OpenAnswer(_Answer):
    """A study that is open."""

    notice: str = NOTICE
    study: str
    films: tuple[FilmFacts, ...]

    def text(self) -> str:
        handles = ", ".join(film.handle for film in self.films)
        return f"{self.study} is open with {handles}.\n{self.notice}"


class ReadAnswer(_Answer):
    """A report."""

    notice: str = NOTICE
    study: str
    run: str
    """Name of the trace on the machine that read it."""
    status: Literal["complete", "partial"]
    exam: str
    answer: tuple[SaidSentence, ...]
    """To the clinical question."""
    technique: tuple[SaidSentence, ...]
    comparison: tuple[SaidSentence, ...]
    findings: tuple[SaidSentence, ...]
    impression: tuple[SaidSentence, ...]
    context: tuple[SaidSentence, ...]
    limitations: tuple[SaidSentence, ...]
    measurements: tuple[Statement, ...]
    evidence: tuple[Statement, ...]

    @classmethod
    def of(cls, study: str, report: Report) -> ReadAnswer:
        names = {id(one): f"s{n}" for n, one in enumerate(report.sentences(), 1)}

        def said(sentences: tuple[Sentence, ...]) -> tuple[SaidSentence, ...]:
            return tuple(
                SaidSentence(
                    id=names[id(one)],
                    text=one.text,
                    evidence=one.evidence,
                    heading=one.heading,
                    tier=one.tier,
                )
                for one in sentences
            )

        stated = tuple(map(Statement.of, report.evidence))
        return cls(
            notice=report.notice,
            study=study,
            run=report.run_id,
            status=report.status,
            exam=report.exam,
            answer=said(report.answer),
            technique=said(report.technique),
            comparison=said(report.comparison),
            findings=said(report.findings),
            impression=said(report.impression),
            context=said(report.context),
            limitations=said(report.limitations),
            measurements=tuple(one for one in stated if one.kind == "measurement"),
            evidence=stated,
        )

    def text(self) -> str:
        parts = [self.notice]
        for name in ("answer", "comparison", "findings", "impression", "limitations"):
            sentences: tuple[SaidSentence, ...] = getattr(self, name)
            if sentences:
                parts.append(f"{name.capitalize()}:")
                parts += map(str, sentences)
        return "\n".join(parts)


class Drawn(_Answer):
    """What a tool drew, as a resource of the server: outlines and measured lines."""

    name: str
    uri: str
    media_type: str


class ToolAnswer(_Answer):
    """What came of one call of a tool."""

    notice: str = NOTICE
    study: str
    film: str
    tool: str
    version: str
    step: int
    outcome: Literal["ok", "abstained", "failed"]
    codes: tuple[str, ...]
    """Why it abstained or failed."""
    first_ran: tuple[str, ...]
    """Tools that were run before it, for the outlines that it looks at."""
    result: dict[str, Any] | None
    """What the tool returned; nothing unless the outcome is ``ok``."""
    evidence: tuple[Statement, ...]
    drawn: tuple[Drawn, ...]

    def text(self) -> str:
        said = [one.text() for one in self.evidence] or [f"{self.tool}: {self.outcome}"]
        return "\n".join([*said, self.notice])


class Support(_Answer):
    """Where one piece of evidence comes from, back to the film."""

    evidence: Statement
    step: int
    tool: str
    tool_version: str
    model: str | None
    weights_sha256: str | None
    film: str
    image_sha256: str
    """Hash of the pixels that were looked at."""


class ExplainAnswer(_Answer):
    """A sentence, and what it rests on."""

    notice: str = NOTICE
    study: str
    sentence: str
    text_of_sentence: str
    rests_on: tuple[Support, ...]

    def text(self) -> str:
        lines = [self.text_of_sentence]
        for one in self.rests_on:
            model = f", model {one.model}" if one.model else ""
            lines.append(
                f"- {one.evidence.text()}: step {one.step}, {one.tool} {one.tool_version}{model}, "
                f"on {one.film}"
            )
        return "\n".join([*lines, self.notice])


class Refusal(_Answer):
    """Why a call was refused or failed."""

    code: str
    """Stable: of ``cxr_agent/errors.py``."""
    message: str
    hint: str = ""


class ErrorAnswer(_Answer):
    """An answer that is an error."""

    error: Refusal = Field()
