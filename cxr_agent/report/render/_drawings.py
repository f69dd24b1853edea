"""Measured lines out of an SVG artifact: points and titles, and nothing else of it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

from cxr_agent.report.render._text import clean

Point = tuple[float, float]

_SVG: Final = "{http://www.w3.org/2000/svg}"
_MAX_BYTES: Final = 256 * 1024
_MAX_LINES: Final = 64
_MAX_POINTS: Final = 4096
_MAX_LABEL: Final = 60
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NUMBER: Final = r"-?\d{1,6}(?:\.\d{1,6})?"
_POINTS: Final = re.compile(rf"{_NUMBER},{_NUMBER}(?: {_NUMBER},{_NUMBER})*")


class OverlayError(Exception):
    """An artifact cannot be drawn over its film. The message holds nothing out of the file."""


@dataclass(frozen=True, slots=True)
class Line:
    """A polyline in film pixels."""

    label: str
    points: tuple[Point, ...]
    name: str = ""
    """What was measured along it, as ``cardiac_width_left``; empty where it is no code."""

    @property
    def attribute(self) -> str:
        """The points as SVG wants them."""
        return " ".join(f"{x:g},{y:g}" for x, y in self.points)

    @property
    def middle(self) -> Point:
        """Middle of the box around the points, where the label goes."""
        columns, rows = zip(*self.points, strict=True)
        return (min(columns) + max(columns)) / 2, (min(rows) + max(rows)) / 2

    def ticks(self, length: float) -> tuple[tuple[Point, Point], ...]:
        """Short strokes across both ends, as callipers have; none for more than two points."""
        if len(self.points) != 2:
            return ()
        (x0, y0), (x1, y1) = self.points
        reach = math.hypot(x1 - x0, y1 - y0)
        if reach == 0:
            return ()
        dx, dy = -(y1 - y0) / reach * length / 2, (x1 - x0) / reach * length / 2
        return tuple(((x - dx, y - dy), (x + dx, y + dy)) for x, y in self.points)


def read_lines(data: bytes, rows: int, columns: int) -> tuple[Line, ...]:
    """The polylines of a drawing made by :func:`cxr_agent.toolbox.artifacts.drawings_svg`.

    A tool may come from anywhere, so its SVG is never shown: a script, a link or a style in it
    would run in the report. Anything but polylines with a title is refused.

    Parameters
    ----------
    data
        The SVG file.
    rows, columns
        Size of the film; its view box has to be the same.

    Raises
    ------
    OverlayError
        When the file is not what the toolbox writes.
    """
    if len(data) > _MAX_BYTES:
        raise OverlayError("the drawing is too large")
    if b"<!" in data or b"<?" in data or b"\0" in data:
        # No declaration, entity, comment or processing instruction is ever written by us; in
        # UTF-16, which has zero bytes, the parser would see those that are not seen here.
        raise OverlayError("the drawing holds more than lines")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - it declares no entities, see above
    except (ElementTree.ParseError, ValueError, LookupError):
        raise OverlayError("the drawing is damaged") from None
    if root.tag != f"{_SVG}svg" or root.get("viewBox") != f"0 0 {columns} {rows}":
        raise OverlayError("the drawing was not made for this film")
    if len(root) > _MAX_LINES:
        raise OverlayError("the drawing has too many lines")
    return tuple(_line(element) for element in root)


def _line(element: ElementTree.Element) -> Line:
    if element.tag != f"{_SVG}polyline" or any(child.tag != f"{_SVG}title" for child in element):
        raise OverlayError("the drawing holds more than lines")
    text = element.get("points", "")
    if not _POINTS.fullmatch(text) or text.count(" ") >= _MAX_POINTS:
        raise OverlayError("a line of the drawing is damaged")
    points = tuple((float(x), float(y)) for x, y in (pair.split(",") for pair in text.split(" ")))
    label = clean(element.findtext(f"{_SVG}title") or "")
    name = element.get("data-name", "")
    return Line(label[:_MAX_LABEL], points, name if _NAME.fullmatch(name) else "")
