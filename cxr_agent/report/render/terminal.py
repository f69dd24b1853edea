"""The report in a terminal, or as plain text where there is none."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from cxr_agent.evidence import Evidence
from cxr_agent.report.model import Report, Sentence
from cxr_agent.report.render._text import clean, lines
from cxr_agent.report.render._timeline import ToldTimeline, told_timelines
from cxr_agent.report.render._wording import Words

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

_WIDTH: Final = 80
_WIDEST: Final = 100
"""Longer lines are hard to read, however wide the window."""
_SCALE: Final = (0.30, 0.70)
"""Cardiothoracic ratios that the drawn scale shows."""
_SCALE_CELLS: Final = 41


def render_terminal(report: Report, console: Console) -> None:
    """Print a report.

    On a terminal: laid out, with evidence ids dim. Elsewhere (a pipe, a file): the plain text
    of :func:`to_text`. No text of the report can set a style: all of it is shown as it stands,
    without control characters.
    """
    if not console.is_terminal:
        console.print(to_text(report), markup=False, highlight=False, emoji=False, soft_wrap=True)
        return
    width = min(console.width, _WIDEST)
    for part in _parts(report):
        console.print(part, width=width, highlight=False)


def to_text(report: Report, width: int = _WIDTH) -> str:
    """The report as plain text of ``width`` columns, without colours and box characters."""

    say = Words(report.language)

    def wrap(text: str, first: str = "  ", rest: str = "  ") -> str:
        return textwrap.fill(
            text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
        )

    def blocks() -> Iterator[str]:
        notice = wrap(clean(report.notice), "", "")
        yield say.title("report").upper()
        yield notice
        if report.status == "partial":
            yield wrap(f"** {say.text('partial')}", "", "   ")
        yield f"{say.title('exam').upper()}\n{wrap(clean(report.exam))}"
        history = [line for line in lines(report.history) if line]
        if history:
            quoted = "\n".join(wrap(line, "  > ", "  > ") for line in history)
            aside = wrap(f"({say.text('quoted')})")
            yield f"{say.title('history').upper()}\n{quoted}\n{aside}"
        for ratio, judged in say.headline(report):
            yield wrap(_headline(say, ratio, judged), "", "  ")
        for section in say.sections(report):
            body = [section.title.upper()]
            for group in section.groups:
                if group.heading is not None:
                    body.append(f"  {say.heading(group.heading)}:")
                for place, sentence in enumerate(group.sentences, start=1):
                    mark = f"{place}. " if section.key == "impression" else "- "
                    flag = f"[{say.critical(sentence)}] " if sentence.tier is not None else ""
                    cited = clean(say.citation(sentence.evidence))
                    text = f"{flag}{clean(sentence.text)} {cited}"
                    body.append(wrap(text, f"  {mark}", "  " + " " * len(mark)))
                    body += [
                        wrap(clean(q), "    > ", "    > ") for q in say.quotes(report, sentence)
                    ]
            yield "\n".join(body)
        for told in told_timelines(report):
            aside = wrap(f"({say.text('timeline_means')})")
            rows = (wrap(text, f"  {mark}", "    ") for mark, text in _course(say, told))
            yield "\n".join((say.title("timeline").upper(), aside, *rows))
        if say.held_back(report):
            yield wrap(say.held_back(report), "", "")
        if report.evidence:
            rows = (wrap(_source(say, item), "  ", "      ") for item in report.evidence)
            yield "\n".join((say.title("evidence").upper(), *rows))
        yield "\n".join(f"{name}: {clean(text)}" for name, text in _run(say, report))
        yield notice

    return "\n\n".join(blocks())


def _headline(say: Words, ratio: Evidence, judged: Evidence | None) -> str:
    parts = [f"{say.form('headline').upper()} {say.rounded(ratio)}"]
    if say.interval(ratio):
        parts.append(f"{say.label('interval').lower()} {say.interval(ratio)}")
    if judged is not None and judged.threshold is not None:
        parts.append(f"{say.label('limit')} {say.threshold(judged)}")
    ids = (ratio.id, judged.id) if judged is not None else (ratio.id,)
    return f"{', '.join(parts)} {say.citation(ids)}"


def _source(say: Words, evidence: Evidence) -> str:
    facts = (
        " ".join(part for part in (say.what(evidence), say.statement(evidence)) if part),
        " ".join(part for part in (say.value(evidence), say.interval(evidence)) if part),
        say.probability(evidence),
        _limits(say, evidence),
        f"{say.tool(evidence)}, {say.label('step')} {evidence.provenance.step}",
        say.model(evidence),
        evidence.image,
    )
    return clean(f"{evidence.id}  " + "; ".join(fact for fact in facts if fact))


def _limits(say: Words, evidence: Evidence) -> str:
    if say.limits(evidence):
        return f"{say.label('limits').lower()}: {say.limits(evidence)}"
    return (
        f"{say.label('limit')} {say.threshold(evidence)}" if evidence.threshold is not None else ""
    )


def _course(say: Words, told: ToldTimeline) -> Iterator[tuple[str, str]]:
    """Lines of a timeline where there is no room for a table: a row, then its films."""
    for row in told.rows:
        yield "", f"{clean(row.title)}:"
        for column, cell in zip(told.columns, row.cells, strict=True):
            if cell.evidence:
                yield "- ", clean(f"{column.title}: {cell.text} {say.citation(cell.evidence)}")
    for item in told.notes:
        yield "", clean(f"{item.reading} {say.citation((item.id,))}")


def _run(say: Words, report: Report) -> Iterator[tuple[str, str]]:
    yield say.label("run"), f"{report.run_id} ({say.status(report)})"
    yield say.label("planner"), report.planner
    yield say.label("program"), f"cxr-agent {report.program_version}"
    if report.trace:
        yield say.label("trace"), report.trace


def _parts(report: Report) -> Iterator[RenderableType]:
    from rich.box import ROUNDED
    from rich.padding import Padding
    from rich.panel import Panel
    from rich.text import Text

    say = Words(report.language)

    def notice() -> RenderableType:
        return Panel(Text(clean(report.notice), "bold"), border_style="yellow", box=ROUNDED)

    yield notice()
    if report.status == "partial":
        yield Panel(Text(say.text("partial"), "bold"), border_style="red", box=ROUNDED)
    yield _title(say.title("exam"))
    yield Padding(Text(clean(report.exam)), (0, 0, 0, 2))
    history = [line for line in lines(report.history) if line]
    if history:
        yield _title(say.title("history"))
        yield Padding(Text("\n".join(f"│ {line}" for line in history), "italic"), (0, 0, 0, 2))
        yield Padding(Text(say.text("quoted"), "dim"), (0, 0, 0, 2))
    for ratio, judged in say.headline(report):
        yield Padding(_gauge(say, ratio, judged), (1, 0, 0, 0))
    for section in say.sections(report):
        yield _title(section.title)
        for group in section.groups:
            if group.heading is not None:
                yield Padding(Text(say.heading(group.heading), "cyan"), (0, 0, 0, 2))
            numbered = section.key == "impression"
            told = _sentences(say, report, group.sentences, numbered=numbered)
            yield Padding(told, (0, 0, 0, 2))
    for timeline in told_timelines(report):
        yield _title(say.title("timeline"))
        yield Padding(Text(say.text("timeline_means"), "dim"), (0, 0, 0, 2))
        yield Padding(_timeline(say, timeline), (0, 0, 0, 2))
        for item in timeline.notes:
            note = clean(f"{item.reading} {say.citation((item.id,))}")
            yield Padding(Text(note, "dim"), (0, 0, 0, 2))
    if say.held_back(report):
        yield Padding(Text(say.held_back(report), "dim"), (1, 0, 0, 0))
    if report.evidence:
        yield _title(say.title("evidence"))
        yield Padding(_table(say, report.evidence), (0, 0, 0, 2))
    yield Text(
        "\n" + "\n".join(f"{name}: {clean(text)}" for name, text in _run(say, report)), "dim"
    )
    yield notice()


def _title(title: str) -> RenderableType:
    from rich.text import Text

    return Text(f"\n{title.upper()}", "bold")


def _sentences(
    say: Words, report: Report, sentences: tuple[Sentence, ...], *, numbered: bool
) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for place, sentence in enumerate(sentences, start=1):
        mark = Text(f"{place}." if numbered else "•", "bold" if numbered else "dim")
        text = Text()
        if sentence.tier is not None:
            text.append(f"{say.critical(sentence)}: ", "bold red")
        text.append(clean(sentence.text), "bold" if numbered else "")
        text.append(f" {clean(say.citation(sentence.evidence))}", "not bold dim")
        grid.add_row(mark, text)
        for quote in say.quotes(report, sentence):
            grid.add_row("", Text(clean(quote), "dim italic"))
    return grid


def _gauge(say: Words, ratio: Evidence, judged: Evidence | None) -> RenderableType:
    """The cardiothoracic ratio as a number and on a scale: interval, value, limit."""
    from rich.box import ROUNDED
    from rich.panel import Panel
    from rich.text import Text

    text = Text(f"{say.form('headline')} ")
    text.append(say.rounded(ratio), "bold")
    if say.interval(ratio):
        text.append(f"   {say.interval(ratio)}")
    if judged is not None and judged.threshold is not None:
        text.append(f"   {say.label('limit')} {say.threshold(judged)}")
    ids = (ratio.id, judged.id) if judged is not None else (ratio.id,)
    text.append(f"   {say.citation(ids)}", "dim")
    text.append("\n")
    text.append_text(_scale(ratio, judged.threshold if judged is not None else None))
    return Panel(text, box=ROUNDED, border_style="dim", expand=False)


def _scale(ratio: Evidence, limit: float | None) -> Text:
    from rich.text import Text

    first, last = _SCALE

    def cell(number: float) -> int:
        share = (number - first) / (last - first)
        return min(max(round(share * (_SCALE_CELLS - 1)), 0), _SCALE_CELLS - 1)

    cells = [("─", "dim")] * _SCALE_CELLS
    if ratio.interval is not None:
        low, high = (cell(end) for end in ratio.interval)
        cells[low : high + 1] = [("━", "bold cyan")] * (high - low + 1)
    if limit is not None:
        cells[cell(limit)] = ("┃", "yellow")
    if ratio.value is not None:
        cells[cell(ratio.value)] = ("●", "bold cyan")
    return Text.assemble(
        (f"{first:.2f} ", "dim"), *cells, (f" {last:.2f}", "dim"), ("   ┃ limit", "dim")
    )


def _timeline(say: Words, told: ToldTimeline) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(say.label("what"), overflow="fold")
    for column in told.columns:
        table.add_column(Text(f"{clean(column.handle)}\n{clean(column.when)}"), overflow="fold")
    for row in told.rows:
        name = Text(clean(row.name))
        if row.place:
            name.append(f"\n{clean(row.place)}", "dim")
        cells = []
        for cell in row.cells:
            text = Text("\n".join(clean(part) for part in cell.parts))
            if cell.evidence:
                text.append(f"\n{clean(say.citation(cell.evidence))}", "dim")
            cells.append(text)
        table.add_row(name, *cells)
    return table


def _table(say: Words, evidence: tuple[Evidence, ...]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for key in ("id", "what", "stated_value", "tool_step", "film"):
        table.add_column(say.label(key), overflow="fold", no_wrap=key in {"id", "film"})
    for item in evidence:
        figure = "\n".join(
            part
            for part in (
                ", ".join(filter(None, (say.statement(item), say.value(item)))),
                say.interval(item),
                say.probability(item),
                _limits(say, item),
            )
            if part
        )
        table.add_row(
            Text(clean(item.id), "dim"),
            Text(clean(say.what(item))),
            Text(figure),
            Text(clean(f"{item.provenance.tool}, {item.provenance.step}"), "dim"),
            Text(clean(item.image), "dim"),
        )
    return table
