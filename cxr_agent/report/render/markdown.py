"""The report as Markdown, for a merge request, an issue or a note."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cxr_agent.evidence import Evidence
from cxr_agent.report.model import FilmSummary, Report, Sentence
from cxr_agent.report.render._text import lines
from cxr_agent.report.render._text import markdown as escape
from cxr_agent.report.render._timeline import ToldTimeline, told_timelines
from cxr_agent.report.render._wording import NOT_GIVEN, Words


def to_markdown(report: Report) -> str:
    """The report in CommonMark with GitHub's tables.

    Every sentence ends with the ids of its evidence; all text is escaped, and the history is
    quoted. Ends with one newline.
    """
    return "\n\n".join(_Markdown(report).blocks()) + "\n"


class _Markdown:
    """One report on its way to Markdown."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._say = Words(report.language)

    def blocks(self) -> Iterator[str]:
        report, say = self._report, self._say
        notice = f"> **{escape(report.notice)}**"
        yield f"# {say.title('report')}"
        yield notice
        if report.status == "partial":
            yield f"> **{escape(say.text('partial'))}**"
        yield f"## {say.title('exam')}"
        yield escape(report.exam)
        history = [escape(line) for line in lines(report.history) if line]
        if history:
            yield f"## {say.title('history')}"
            yield "\n>\n".join(f"> {line}" for line in history)
            yield f"*{escape(say.text('quoted'))}*"
        for section in say.sections(report):
            yield f"## {section.title}"
            for group in section.groups:
                if group.heading is not None:
                    yield f"### {say.heading(group.heading)}"
                yield self._list(group.sentences, numbered=section.key == "impression")
        for told in told_timelines(report):
            yield f"## {say.title('timeline')}"
            yield escape(say.text("timeline_means"))
            yield self._timeline(told)
            if told.notes:
                yield "\n".join(
                    f"- {escape(item.reading)} {say.citation((item.id,))}" for item in told.notes
                )
        if say.held_back(report):
            yield f"*{say.held_back(report)}*"
        if report.evidence:
            yield f"## {say.title('evidence')}"
            yield self._evidence(report.evidence)
        if report.films:
            yield f"## {say.title('films')}"
            yield self._films(report.films)
        yield f"## {say.title('run')}"
        yield self._run()
        yield notice

    def _list(self, sentences: Iterable[Sentence], *, numbered: bool) -> str:
        return "\n".join(
            f"{f'{place}.' if numbered else '-'} {self._flag(sentence)}{escape(sentence.text)} "
            f"{self._citation(sentence)}{self._quotes(sentence)}"
            for place, sentence in enumerate(sentences, start=1)
        )

    def _flag(self, sentence: Sentence) -> str:
        flag = self._say.critical(sentence)
        return f"**{escape(flag)}:** " if flag else ""

    def _citation(self, sentence: Sentence) -> str:
        """``[e7, e8]``: with no definition of that name anywhere, Markdown makes no link of it."""
        return self._say.citation(tuple(escape(identity) for identity in sentence.evidence))

    def _quotes(self, sentence: Sentence) -> str:
        quotes = self._say.quotes(self._report, sentence)
        return "".join(f"\n  > {escape(quote)}" for quote in quotes)

    def _timeline(self, told: ToldTimeline) -> str:
        say = self._say
        return _table(
            (say.label("what"), *(escape(column.title) for column in told.columns)),
            (
                (
                    row.title,
                    *(
                        f"{cell.text} {say.citation(cell.evidence)}" if cell.evidence else ""
                        for cell in row.cells
                    ),
                )
                for row in told.rows
            ),
        )

    def _evidence(self, evidence: Iterable[Evidence]) -> str:
        say = self._say
        columns = ("id", "what", "reading", "value", "threshold", "tool", "step", "model", "image")
        return _table(
            tuple(_raised(say.label(column)) for column in columns),
            (
                (
                    item.id,
                    " / ".join(part for part in (say.what(item), say.statement(item)) if part),
                    item.reading,
                    ", ".join(
                        filter(None, (say.value(item), say.interval(item), say.probability(item)))
                    ),
                    self._threshold(item),
                    say.tool(item),
                    str(item.provenance.step),
                    say.model(item),
                    f"{item.image} ({say.short(item.provenance.image_sha256)})",
                )
                for item in evidence
            ),
        )

    def _threshold(self, evidence: Evidence) -> str:
        limit = self._say.limits(evidence) or self._say.threshold(evidence)
        return f"{limit} ({evidence.threshold_source})" if evidence.threshold_source else limit

    def _films(self, films: Iterable[FilmSummary]) -> str:
        say = self._say
        return _table(
            tuple(say.label(column) for column in ("film", "view", "size", "remarks", "pixels")),
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

    def _run(self) -> str:
        report, say = self._report, self._say
        facts = (
            ("run", report.run_id),
            ("status", say.status(report)),
            ("planner", report.planner),
            ("program", f"cxr-agent {report.program_version}"),
        )
        return "\n".join(f"- {say.label(name)}: {escape(text)}" for name, text in facts)


def _raised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cells)} |"

    body = (line(escape(cell) or NOT_GIVEN for cell in row) for row in rows)
    return "\n".join((line(head), line("---" for _ in head), *body))
