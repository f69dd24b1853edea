"""Plots as inline SVG: lines with points, or a reliability diagram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from cxr_agent.evaluation.runs.model import Plot, Series

if TYPE_CHECKING:
    from markupsafe import Markup

_SIZE: Final = 320.0
_LEFT, _BOTTOM, _EDGE = 44.0, 36.0, 8.0
_COLOURS: Final = 6
"""Of lines, in ``evaluation.css``; further lines take them anew."""
_LEAST_RADIUS, _MOST_RADIUS = 2.0, 7.0


def plot_svg(plot: Plot) -> Markup:
    """The picture, with the numbers in words for those who do not see it."""
    from markupsafe import Markup

    box = _box(plot)
    inner = Markup("").join(
        [
            _frame(plot, box),
            *(_line(one, place, box) for place, one in enumerate(plot.series)),
        ]
    )
    return Markup(
        '<svg class="plot" viewBox="0 0 {0} {0}" role="img" aria-label="{1}">{2}</svg>'
    ).format(f"{_SIZE:g}", _in_words(plot), inner)


Ends = tuple[float, float, float, float]
"""Left, right, bottom and top in the plot's own units."""


def _box(plot: Plot) -> Ends:
    if plot.kind == "reliability":
        return 0.0, 1.0, 0.0, 1.0
    xs = [x for one in plot.series for x in one.x] or [0.0, 1.0]
    ys = [y for one in plot.series for y in one.y] or [0.0, 1.0]
    low, high = min(ys), max(ys)
    if low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0  # shares are seen against all that they could be
    return *_apart(min(xs), max(xs)), *_apart(low, high)


def _apart(low: float, high: float) -> tuple[float, float]:
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _at(x: float, y: float, box: Ends) -> tuple[float, float]:
    left, right, bottom, top = box
    width, height = _SIZE - _LEFT - _EDGE, _SIZE - _BOTTOM - _EDGE
    return (
        _LEFT + width * (x - left) / (right - left),
        _EDGE + height * (1 - (y - bottom) / (top - bottom)),
    )


def _frame(plot: Plot, box: Ends) -> Markup:
    from markupsafe import Markup

    left, right, bottom, top = box
    (x0, y0), (x1, y1) = _at(left, bottom, box), _at(right, top, box)
    axes = f'<path class="axis" d="M{x0:.1f} {y1:.1f}V{y0:.1f}H{x1:.1f}"/>'
    parts = [Markup(axes)]  # noqa: S704 - our own marks, of numbers only
    if plot.kind == "reliability":
        diagonal = f'<path class="diagonal" d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/>'
        parts.append(Markup(diagonal))  # noqa: S704 - likewise
    text = Markup('<text class="{}" x="{}" y="{}">{}</text>')
    for value in (left, (left + right) / 2, right):
        x, _ = _at(value, bottom, box)
        parts.append(text.format("tick x", f"{x:.1f}", f"{y0 + 13:.1f}", f"{value:.3g}"))
    for value in (bottom, (bottom + top) / 2, top):
        _, y = _at(left, value, box)
        parts.append(text.format("tick y", f"{x0 - 5:.1f}", f"{y + 4:.1f}", f"{value:.3g}"))
    middle = (x0 + x1) / 2
    parts.append(text.format("label", f"{middle:.1f}", f"{_SIZE - 6:.1f}", plot.x_label))
    turned = Markup('<text class="label" transform="translate({},{}) rotate(-90)">{}</text>')
    parts.append(turned.format("11", f"{(y0 + y1) / 2:.1f}", plot.y_label))
    return Markup("").join(parts)


def _line(series: Series, place: int, box: Ends) -> Markup:
    from markupsafe import Markup

    points = [_at(x, y, box) for x, y in zip(series.x, series.y, strict=True)]
    radii = _radii(series.weight, len(points))
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'
        for (x, y), radius in zip(points, radii, strict=True)
    )
    marks = f'<path d="{path}"/>{dots}' if points else ""
    drawn = Markup(marks)  # noqa: S704 - our own marks, of numbers only
    return Markup('<g class="series s{}"><title>{}</title>{}</g>').format(
        place % _COLOURS, series.name, drawn
    )


def _radii(weight: Sequence[float], count: int) -> list[float]:
    if len(weight) != count or not count or max(weight) <= 0:
        return [_LEAST_RADIUS] * count
    most = max(weight)
    return [
        _LEAST_RADIUS + (_MOST_RADIUS - _LEAST_RADIUS) * math.sqrt(max(0.0, one) / most)
        for one in weight
    ]


def _in_words(plot: Plot) -> str:
    lines = (
        f"{one.name}: "
        + ", ".join(f"{x:.3g} gives {y:.3g}" for x, y in zip(one.x, one.y, strict=True))
        for one in plot.series
    )
    return f"{plot.title}, {plot.y_label} over {plot.x_label}. " + "; ".join(lines)
