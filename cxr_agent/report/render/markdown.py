"""The report as Markdown, for a merge request, an issue or a note."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cxr_agent.evidence import Evidence
from cxr_agent.report.model import FilmSummary, Report, Sentence
from cxr_agent.report.render import _wording as say
from cxr_agent.report.render._text import lines
from cxr_agent.report.render._text import markdown as escape


def to_markdown(report: Report) -> str:
    """The report in CommonMark with GitHub's tables.

    Every sentence ends with the ids of its evidence; all text is escaped, and the history is
    quoted. Ends with one newline.
    """
    return "\n\n".join(_blocks(report)) + "\n"


def _blocks(report: Report) -> Iterator[str]:
    notice = f"> **{escape(report.notice)}**"
    yield "# Chest radiograph report"
    yield notice
    if report.status == "partial":
        yield f"> **{say.PARTIAL}**"
    yield "## Exam"
    yield escape(report.exam)
    history = [escape(line) for line in lines(report.history) if line]
    if history:
        yield "## History"
        yield "\n>\n".join(f"> {line}" for line in history)
        yield "*As given with the request; quoted, not evidence.*"
    for section in say.sections(report):
        yield f"## {section.title}"
        for group in section.groups:
            if group.heading is not None:
                yield f"### {group.heading.value}"
            yield _list(group.sentences, numbered=section.key == "impression")
    if say.held_back(report):
        yield f"*{say.held_back(report)}*"
    if report.evidence:
        yield "## Evidence"
        yield _evidence(report.evidence)
    if report.films:
        yield "## Films"
        yield _films(report.films)
    yield "## Run"
    yield _run(report)
    yield notice


def _list(sentences: Iterable[Sentence], *, numbered: bool) -> str:
    return "\n".join(
        f"{f'{place}.' if numbered else '-'} {escape(sentence.text)} {_citation(sentence)}"
        for place, sentence in enumerate(sentences, start=1)
    )


def _citation(sentence: Sentence) -> str:
    """``[e7, e8]``: with no definition of that name anywhere, Markdown makes no link of it."""
    return say.citation(tuple(escape(identity) for identity in sentence.evidence))


def _evidence(evidence: Iterable[Evidence]) -> str:
    return _table(
        ("Id", "What", "Reading", "Value", "Threshold", "Tool", "Step", "Model", "Image"),
        (
            (
                item.id,
                " / ".join(part for part in (say.what(item), say.statement(item)) if part),
                item.reading,
                ", ".join(
                    filter(None, (say.value(item), say.interval(item), say.probability(item)))
                ),
                _threshold(item),
                say.tool(item),
                str(item.provenance.step),
                say.model(item),
                f"{item.image} ({say.short(item.provenance.image_sha256)})",
            )
            for item in evidence
        ),
    )


def _threshold(evidence: Evidence) -> str:
    limit = say.limits(evidence) or say.threshold(evidence)
    return f"{limit} ({evidence.threshold_source})" if evidence.threshold_source else limit


def _films(films: Iterable[FilmSummary]) -> str:
    return _table(
        ("Film", "View", "Size", "Remarks", "SHA-256 of the pixels"),
        (
            (
                say.film_title(film),
                say.film_view(film),
                say.film_size(film),
                "; ".join(say.phrase(code) for code in film.notices),
                film.sha256,
            )
            for film in films
        ),
    )


def _run(report: Report) -> str:
    facts = (
        ("Run", report.run_id),
        ("Status", report.status),
        ("Planner", report.planner),
        ("Program", f"cxr-agent {report.program_version}"),
    )
    return "\n".join(f"- {name}: {escape(text)}" for name, text in facts)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cells)} |"

    body = (line(escape(cell) or say.NOT_GIVEN for cell in row) for row in rows)
    return "\n".join((line(head), line("---" for _ in head), *body))
