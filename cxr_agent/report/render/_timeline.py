"""A timeline in words, for every renderer that shows one as a table."""

from __future__ import annotations

from dataclasses import dataclass

from cxr_agent.evidence import Change, Evidence, EvidenceKind
from cxr_agent.report.model import Report
from cxr_agent.report.render._wording import Words
from cxr_agent.report.timeline import Cell, Number, Row, Sort, Timeline, timelines


@dataclass(frozen=True, slots=True)
class Column:
    """A film."""

    handle: str
    when: str
    current: bool

    @property
    def title(self) -> str:
        return f"{self.handle}, {self.when}"


@dataclass(frozen=True, slots=True)
class ToldCell:
    """One row on one film; without evidence all of it is empty."""

    figure: str
    """The value, or the difference where that alone is known."""
    interval: str
    change: str
    changed: bool
    """Whether it has changed up to the current film."""
    evidence: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it on one line, without the evidence."""
        return "; ".join(self.parts)

    @property
    def parts(self) -> tuple[str, ...]:
        """What there is to say, in order."""
        return tuple(part for part in (self.figure, self.interval, self.change) if part)


@dataclass(frozen=True, slots=True)
class ToldRow:
    """One thing on every film."""

    name: str
    place: str
    cells: tuple[ToldCell, ...]

    @property
    def title(self) -> str:
        return f"{self.name}, {self.place}" if self.place else self.name


@dataclass(frozen=True, slots=True)
class ToldTimeline:
    """A current film and its priors, the oldest first."""

    source: Timeline
    columns: tuple[Column, ...]
    rows: tuple[ToldRow, ...]
    notes: tuple[Evidence, ...]
    """What says why films are not comparable."""
    unplotted: str
    """Which films no plot shows, empty where there are none."""


def told_timelines(report: Report) -> tuple[ToldTimeline, ...]:
    """Every timeline of a report."""
    say = Words(report.language)
    return tuple(_told(report, timeline, say) for timeline in timelines(report))


def _told(report: Report, timeline: Timeline, say: Words) -> ToldTimeline:
    cited = {one for row in timeline.rows for cell in row.cells for one in cell.evidence}
    undated = ", ".join(point.handle for point in timeline.undated)
    return ToldTimeline(
        source=timeline,
        columns=tuple(
            Column(point.handle, say.when(point.days_before, current=point.current), point.current)
            for point in timeline.points
        ),
        rows=tuple(_row(row, say) for row in timeline.rows),
        notes=tuple(
            item
            for item in report.evidence
            if item.id in cited and item.kind is EvidenceKind.LIMITATION
        ),
        unplotted=say.form("not_plotted").format(films=undated) if undated else "",
    )


def _row(row: Row, say: Words) -> ToldRow:
    key = row.key
    name, place = say.name(key.code), say.place_of(key.location, key.side)
    if row.differences_only:
        # Six zones of one name are told apart by where they are.
        name, place = place or name, f"{name}, {say.small('difference')}"
    elif row.sort is Sort.FINDING:
        place = ", ".join(part for part in (place, say.small("probability")) if part)
    elif key.location is not None and key.side is None:
        place = ""  # an organ that the name already has in it
    cells = tuple(_cell(cell, row, say) for cell in row.cells)
    return ToldRow(name[:1].upper() + name[1:], place, cells)


def _cell(cell: Cell, row: Row, say: Words) -> ToldCell:
    unit = row.key.unit

    def interval(number: Number) -> str:
        return say.between(number.interval, number.interval_level, unit)

    since = ""
    if cell.relation is not None:
        since = say.since(row.sort, cell.relation)
    elif cell.not_comparable:
        since = say.label("not_comparable")
    if cell.value is not None:
        if cell.difference is not None:
            since += f", {say.signed(cell.difference.value, unit)}"
        figure, between = say.amount(cell.value.value, unit), interval(cell.value)
    elif cell.difference is not None:
        figure, between = say.signed(cell.difference.value, unit), interval(cell.difference)
    else:
        figure = between = ""
    moved = cell.relation not in (None, Change.NO_CHANGE)
    return ToldCell(figure, between, since, moved, cell.evidence)
