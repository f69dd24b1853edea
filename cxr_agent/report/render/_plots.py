"""Rows of a timeline laid out for drawing: days to the right, values up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from cxr_agent.evidence import Interval
from cxr_agent.report.render._timeline import Column, ToldCell, ToldRow, ToldTimeline
from cxr_agent.report.render._wording import Words
from cxr_agent.report.timeline import Cell, Number, Row, Sort

WIDTH: Final = 300
HEIGHT: Final = 178
LEFT: Final = 38
RIGHT: Final = 286
TOP: Final = 16
BOTTOM: Final = 134
"""The frame of a plot, in units of the drawing; its axis has room for a number and its meaning."""
_SHARE_OF_ROOM: Final = 0.14
"""Left free above and below what is drawn."""
_LEAST: Final = 0.2
"""Of the largest value is on the axis at least: what hardly moves shall look like it."""
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_TICKS: Final = 5
_CHARACTER: Final = 6.2
"""Width of a digit at the size of the labels."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on an axis; without a label where another one stands."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One film's value."""

    x: float
    y: float
    bar: tuple[float, float] | None
    """Upper and lower end of the interval."""
    kind: Literal["prior", "now", "apart"]
    """A film that is not comparable with the current one stands apart from the line."""
    title: str
    evidence: str
    """Id of what it rests on first."""


@dataclass(frozen=True, slots=True)
class Plot:
    """One row over time."""

    key: str
    name: str
    detail: str
    """Place and unit."""
    description: str
    marks: tuple[Mark, ...]
    days: tuple[Tick, ...]
    values: tuple[Tick, ...]
    band: tuple[float, float] | None
    """Top and bottom of what measuring the current film again may differ by."""
    zero: float | None
    """Where there is no difference, in a row of differences."""

    @property
    def line(self) -> str:
        """Through what is comparable, as SVG wants it."""
        return " ".join(f"{mark.x},{mark.y}" for mark in self.marks if mark.kind != "apart")


def plots(told: ToldTimeline, say: Words, key: str) -> tuple[Plot, ...]:
    """A plot for each row that at least two dated films have a number in.

    Parameters
    ----------
    key
        Sets the plots of one timeline apart from those of another on the same page.
    """
    made = (
        _plot(f"{key}-{place}", row, words, told, say)
        for place, (row, words) in enumerate(zip(told.source.rows, told.rows, strict=True), start=1)
    )
    return tuple(plot for plot in made if plot is not None)


@dataclass(frozen=True, slots=True)
class _Dated:
    days: int
    number: Number
    comparable: bool
    cell: ToldCell
    column: Column

    @property
    def kind(self) -> Literal["prior", "now", "apart"]:
        if self.column.current:
            return "now"
        return "prior" if self.comparable else "apart"


def _plot(key: str, row: Row, words: ToldRow, told: ToldTimeline, say: Words) -> Plot | None:
    dated = tuple(_dated(row, words, told))
    longest = max((one.days for one in dated), default=0)
    if len(dated) < 2 or longest == 0:
        return None
    band = _band(row)
    lowest, highest = _range(row, dated, band)

    def x(days: int) -> float:
        return round(RIGHT - (RIGHT - LEFT) * days / longest, 1)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (value - lowest) / (highest - lowest), 1)

    return Plot(
        key=key,
        name=words.name,
        detail=", ".join(part for part in (words.place, say.unit(row.key.unit)) if part),
        description=". ".join(_said(one) for one in dated),
        marks=tuple(
            Mark(
                x=x(one.days),
                y=y(one.number.value),
                bar=_bar(one.number.interval, y),
                kind=one.kind,
                title=_said(one),
                evidence=one.cell.evidence[0],
            )
            for one in dated
        ),
        days=tuple(_day_ticks(sorted({point.days for point in dated} | {0}), x)),
        values=tuple(
            Tick(y(value), say.number(value, row.key.unit)) for value in _steps(lowest, highest)
        ),
        band=(y(min(band[1], highest)), y(max(band[0], lowest))) if band is not None else None,
        zero=y(0.0) if row.differences_only else None,
    )


def _dated(row: Row, words: ToldRow, told: ToldTimeline) -> Iterator[_Dated]:
    for point, column, cell, said in zip(
        told.source.points, told.columns, row.cells, words.cells, strict=True
    ):
        number = _number(cell, row)
        if number is not None and point.days_before is not None:
            yield _Dated(point.days_before, number, not cell.not_comparable, said, column)


def _number(cell: Cell, row: Row) -> Number | None:
    return cell.difference if row.differences_only else cell.value


def _said(one: _Dated) -> str:
    return f"{one.column.title}: {one.cell.text}"


def _band(row: Row) -> Interval | None:
    """Around the current film's value, or around no difference."""
    now = row.cells[-1].value
    middle = 0.0 if row.differences_only else now.value if now is not None else None
    if middle is None or row.repeatability is None:
        return None
    return middle - row.repeatability, middle + row.repeatability


def _range(row: Row, dated: tuple[_Dated, ...], band: Interval | None) -> Interval:
    """Lowest and highest value of the axis; of a probability all that it can be."""
    if row.sort is Sort.FINDING and not row.differences_only:
        return 0.0, 1.0
    ends = [end for one in dated for end in (one.number.value, *(one.number.interval or ()))]
    ends += band or ()
    lowest, highest = min(ends), max(ends)
    least = _LEAST * max(map(abs, ends)) or 1.0
    room = max(_SHARE_OF_ROOM * (highest - lowest), (least - (highest - lowest)) / 2)
    return lowest - room, highest + room


def _bar(interval: Interval | None, y: Callable[[float], float]) -> tuple[float, float] | None:
    return (y(interval[1]), y(interval[0])) if interval is not None else None


def _steps(lowest: float, highest: float) -> Iterator[float]:
    """Round numbers within the axis, few enough to be read."""
    rough = (highest - lowest) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * share for share in _STEPS if power * share >= rough * 0.999)
    for place in range(math.ceil(lowest / step), math.floor(highest / step) + 1):
        yield place * step


def _day_ticks(days: list[int], x: Callable[[int], float]) -> Iterator[Tick]:
    """The current film's day always has its label; others where there is room beside the later."""
    free = math.inf
    for day in days:
        half = len(str(day)) * _CHARACTER / 2
        fits = x(day) + half <= free
        yield Tick(x(day), str(day) if fits else "")
        free = x(day) - half - _CHARACTER if fits else free
