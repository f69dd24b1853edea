"""The reliability diagram: observed share over stated probability, with its diagonal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cxr_agent.evaluation.metrics.calibration import Reliability
from cxr_agent.evaluation.runs.model import Plot, Series

if TYPE_CHECKING:
    from markupsafe import Markup


def reliability_plot(title: str, curves: Mapping[str, Reliability]) -> Plot:
    """One line for each finding, or reader; points are as large as the cases behind them."""
    return Plot(
        title=title,
        kind="reliability",
        x_label="stated probability",
        y_label="observed share",
        series=tuple(
            Series(
                name=name,
                x=tuple(one.probability for one in curve.bins),
                y=tuple(one.observed.value or 0.0 for one in curve.bins),
                weight=tuple(float(one.cases) for one in curve.bins),
            )
            for name, curve in curves.items()
        ),
    )


def reliability_svg(title: str, curves: Mapping[str, Reliability]) -> Markup:
    """The same as inline SVG, escaped, with its numbers in words beside it."""
    from cxr_agent.evaluation.runs.plots import plot_svg

    return plot_svg(reliability_plot(title, curves))
