"""A histogram as inline SVG: bars, the quartiles and the median below them, limits as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH: Final = 320.0
_HEIGHT: Final = 84.0
_FLOOR: Final = 72.0
"""Where the bars stand; below them lies the box."""


def histogram_svg(
    histogram: Mapping[str, Any],
    label: str,
    spread: Mapping[str, Any] | None = None,
    limits: Sequence[float] = (),
) -> Markup:
    """The picture.

    Parameters
    ----------
    histogram, spread
        As :class:`cxr_agent.batch.overview.distributions.Histogram` and ``Spread``.
    label
        What a reader who does not see it is told.
    limits
        Values to mark; those outside are left out.
    """
    from markupsafe import Markup

    low, high, counts = histogram["low"], histogram["high"], histogram["counts"]
    span = high - low

    def x(value: float) -> float:
        return min(_WIDTH, max(0.0, _WIDTH * (value - low) / span)) if span else _WIDTH / 2

    parts = [*_bars(counts)]
    if spread is not None and span:
        parts += _box(x(spread["q25"]), x(spread["median"]), x(spread["q75"]))
    parts += [
        f'<line class="limit" x1="{x(one):.1f}" x2="{x(one):.1f}" y1="0" y2="{_FLOOR}"/>'
        for one in limits
        if low <= one <= high
    ]
    drawn = Markup("".join(parts))  # noqa: S704 - our own marks, of numbers only
    return Markup(  # noqa: S704 - likewise
        f'<svg class="histogram" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" '
        'preserveAspectRatio="none" role="img" aria-label="{label}">{drawn}</svg>'
    ).format(label=label, drawn=drawn)


def _bars(counts: Sequence[int]) -> list[str]:
    width, most = _WIDTH / len(counts), max(counts) or 1
    drawn = []
    for place, count in enumerate(counts):
        height = (_FLOOR - 2) * count / most
        if count:
            height = max(height, 1.0)  # one study must not vanish beside thousands
        drawn.append(
            f'<rect class="bin" x="{place * width + 0.5:.2f}" y="{_FLOOR - height:.2f}" '
            f'width="{max(width - 1, 0.5):.2f}" height="{height:.2f}"/>'
        )
    return drawn


def _box(q25: float, median: float, q75: float) -> list[str]:
    return [
        f'<rect class="quartiles" x="{q25:.1f}" y="{_FLOOR + 4}" '
        f'width="{max(q75 - q25, 0.5):.1f}" height="6"/>',
        f'<line class="median" x1="{median:.1f}" x2="{median:.1f}" y1="{_FLOOR + 1}" '
        f'y2="{_HEIGHT - 1}"/>',
    ]
