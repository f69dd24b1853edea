"""What several prior films and the current one say of the same thing, in the order of time.

Everything in it rests on evidence: on a measurement of a film, or on the comparison of the current
film with a prior one, which knows the values of both. Of the grey levels of the lungs a comparison
knows the difference alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cxr_agent.evidence import (
    Change,
    Evidence,
    EvidenceKind,
    Interval,
    Location,
    Side,
    Unit,
)
from cxr_agent.knowledge import vocabulary
from cxr_agent.report.model import FilmSummary, Report

_FEWEST_PRIORS: Final = 2
_GREY: Final = "lung_density"
_GREYS: Final = (_GREY, "lung_opacity")
"""A zone that changed is told as an opacity, one that did not as a grey level: one row for both."""
_LUNGS: Final = (Location.RIGHT_LUNG, Location.LEFT_LUNG)
_ALL: Final = (None, "films")
"""Categories of a ``prior_comparison`` limitation that stand against comparing anything."""


class Sort(StrEnum):
    """What a row is of; decides the words for a change, and what stands against comparing it."""

    SIZE = "size"
    DENSITY = "density"
    FINDING = "finding"


_STANDS_AGAINST: Final = {Sort.SIZE: "sizes", Sort.DENSITY: "density"}


@dataclass(frozen=True, slots=True)
class Point:
    """A film in time."""

    handle: str
    days_before: int | None
    """The current film; None where the date of one of the two is not known."""
    current: bool


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its interval, where it has one."""

    value: float
    interval: Interval | None = None
    interval_level: float | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One row on one film; all of it rests on ``evidence``, and without any it is empty."""

    value: Number | None = None
    difference: Number | None = None
    """What the current film has more than this one."""
    relation: Change | None = None
    """What became of it from this film to the current one."""
    not_comparable: tuple[str, ...] = ()
    """Reasons for which the current film was not compared with this one."""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """What a row is about."""

    code: str
    side: Side | None
    location: Location | None
    unit: Unit


@dataclass(frozen=True, slots=True)
class Row:
    """One thing on every film, in the order of the points."""

    key: Key
    sort: Sort
    cells: tuple[Cell, ...]
    repeatability: float | None
    """The largest of its comparisons, in the unit of the row; None for a finding, where it is one
    of log odds."""

    @property
    def differences_only(self) -> bool:
        """Whether the films' own values are not known."""
        return all(cell.value is None for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A current film and its priors, the oldest first; those without a date before all others."""

    points: tuple[Point, ...]
    rows: tuple[Row, ...]

    @property
    def undated(self) -> tuple[Point, ...]:
        """Priors that have no place in time."""
        return tuple(point for point in self.points if point.days_before is None)


def timelines(report: Report) -> tuple[Timeline, ...]:
    """A timeline for every current film that has a part in one; none with fewer than two priors."""
    priors = [film for film in report.films if film.handle.startswith("prior-")]
    if len(priors) < _FEWEST_PRIORS:
        return ()
    handles = [film.handle for film in report.films if film not in priors]
    made = (_Builder(report, handle, priors) for handle in handles)
    return tuple(timeline for builder in made if (timeline := builder.build()) is not None)


class _Builder:
    """Gathers what is known of one current film and of all priors."""

    def __init__(self, report: Report, current: str, priors: list[FilmSummary]) -> None:
        self._points = (
            *(Point(film.handle, film.days_before, current=False) for film in _by_age(priors)),
            Point(current, 0, current=True),
        )
        self._own: dict[Key, dict[str, Evidence]] = {}
        self._compared: dict[Key, dict[str, Evidence]] = {}
        self._against: list[Evidence] = []
        handles = {point.handle for point in self._points}
        for item in report.evidence:
            if item.image in handles and _is_measured(item):
                # What the protocol measures comes before what was added to it.
                self._own.setdefault(_key(item), {}).setdefault(item.image, item)
            elif item.image == current and item.against in handles:
                if item.kind is EvidenceKind.COMPARISON and item.value is not None:
                    self._compared.setdefault(_key(item), {}).setdefault(item.against, item)
                elif item.code == "prior_comparison":
                    self._against.append(item)
        self._current = current
        self._ids_of_current = {item.id for item in report.evidence if item.image == current}

    def build(self) -> Timeline | None:
        rows = tuple(row for key in {**self._own, **self._compared} if (row := self._row(key)))
        cited = {one for row in rows for cell in row.cells for one in cell.evidence}
        if cited.isdisjoint(self._ids_of_current):
            return None
        return Timeline(self._points, rows)

    def _row(self, key: Key) -> Row | None:
        own, compared = self._own.get(key, {}), self._compared.get(key, {})
        sort = _sort(key)
        cells = tuple(
            self._now(own, compared) if point.current else self._before(point, sort, own, compared)
            for point in self._points
        )
        values = sum(cell.value is not None for cell in cells)
        if values < 2 and all(cell.difference is None for cell in cells):
            return None
        known = [item.details.get("repeatability") for item in compared.values()]
        limits = [limit for limit in known if limit is not None]
        return Row(
            key=key,
            sort=sort,
            cells=cells,
            repeatability=max(limits) if limits and sort is not Sort.FINDING else None,
        )

    def _now(self, own: dict[str, Evidence], compared: dict[str, Evidence]) -> Cell:
        measured = own.get(self._current)
        if measured is not None:
            return Cell(value=_number(measured), evidence=(measured.id,))
        told = [item for item in compared.values() if "now" in item.details]
        if not told:
            return Cell()
        ids = tuple(item.id for item in told)
        return Cell(value=Number(told[0].details["now"]), evidence=ids)

    def _before(
        self, point: Point, sort: Sort, own: dict[str, Evidence], compared: dict[str, Evidence]
    ) -> Cell:
        measured, change = own.get(point.handle), compared.get(point.handle)
        value = _number(measured) if measured is not None else None
        if change is not None and value is None and "before" in change.details:
            value = Number(change.details["before"])
        obstacles = () if change is not None else tuple(self._obstacles(point, sort))
        rests_on = (measured, change, *obstacles)
        return Cell(
            value=value,
            difference=_number(change) if change is not None else None,
            relation=Change(change.category or "") if change is not None else None,
            not_comparable=tuple(dict.fromkeys(code for one in obstacles for code in one.reasons)),
            evidence=tuple(item.id for item in rests_on if item is not None),
        )

    def _obstacles(self, point: Point, sort: Sort) -> Iterator[Evidence]:
        for item in self._against:
            stands = item.category in _ALL or item.category == _STANDS_AGAINST.get(sort)
            if item.against == point.handle and stands:
                yield item


def _by_age(priors: list[FilmSummary]) -> list[FilmSummary]:
    dated = [film for film in priors if film.days_before is not None]
    undated = [film for film in priors if film.days_before is None]
    return undated + sorted(dated, key=lambda film: -(film.days_before or 0))


def _is_measured(item: Evidence) -> bool:
    # Lengths in pixels of different films say nothing of one another.
    known = item.value is not None and item.unit is not Unit.PIXEL
    return item.kind is EvidenceKind.MEASUREMENT and known


def _key(item: Evidence) -> Key:
    assert item.unit is not None
    grey = item.code in _GREYS and item.location is not None
    # Of a whole lung the side says it, and not every tool names the place as well.
    location = None if item.location in _LUNGS and item.side is not None else item.location
    return Key(_GREY if grey else item.code, item.side, location, item.unit)


def _sort(key: Key) -> Sort:
    if key.code == _GREY:
        return Sort.DENSITY
    term = vocabulary().get(key.code)
    return Sort.FINDING if term is not None and term.kind == "finding" else Sort.SIZE


def _number(item: Evidence) -> Number:
    assert item.value is not None
    return Number(item.value, item.interval, item.interval_level)
