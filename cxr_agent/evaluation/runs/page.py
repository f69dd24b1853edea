"""The page of a result: what was asked, what came out, with intervals, and what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cxr_agent.evaluation.runs.model import Better, Estimate, EvaluationResult, Outcome, Status
from cxr_agent.evaluation.runs.plots import plot_svg
from cxr_agent.viewing.harmless import harmless
from cxr_agent.viewing.page import page, script_of

ARROWS: Final[Mapping[Better, str]] = {"higher": " ↑", "lower": " ↓", "neither": ""}
"""Which way is good, behind the name of a measure."""
_MOST_CASES: Final = 2000
"""Rows of the list of cases; the rest is in ``outcomes.jsonl``."""


def result_page(result: EvaluationResult, outcomes: Sequence[Outcome]) -> str:
    """One self-contained HTML document; links go to traces beside it."""
    ends = sorted(outcomes, key=lambda one: (one.case, one.system))
    return page(
        "evaluation.html.j2",
        script=script_of(("overview.js",)),
        styles=("view.css", "overview.css", "evaluation.css"),
        facts=harmless(result.model_dump(mode="json")),
        tables=tables(result),
        plots=[(harmless(one.title), plot_svg(one)) for one in result.plots],
        cases=[_case(one) for one in ends[:_MOST_CASES]],
        more=max(0, len(ends) - _MOST_CASES),
        value=shown,
        several=len(result.counts) > 1,
    )


def tables(result: EvaluationResult) -> list[dict[str, Any]]:
    """The estimates with a column for each system.

    First one table of all measures that are about everything together, then one for each measure
    that is about findings, structures or the like, with a row for each.
    """
    by_name: dict[str, list[Estimate]] = {}
    for estimate in result.estimates:
        by_name.setdefault(estimate.name, []).append(estimate)
    whole: list[tuple[str, dict[str, Estimate]]] = []
    found = []
    for some in by_name.values():
        rows: dict[str, dict[str, Estimate]] = {}
        for one in some:
            rows.setdefault(one.about, {})[one.system] = one
        if set(rows) == {""}:
            whole.append((_titled(rows[""]), rows[""]))
        else:
            title = _titled(next(iter(rows.values())))
            found.append({"name": title, "rows": [(harmless(k), v) for k, v in rows.items()]})
    return [{"name": "All together", "rows": whole}, *found] if whole else found


def _titled(cells: Mapping[str, Estimate]) -> str:
    """Name, unit, and which way is good."""
    one = next(iter(cells.values()))
    unit = f", {one.unit}" if one.unit else ""
    return str(harmless(f"{one.name}{unit}{ARROWS[one.better]}"))


def shown(value: float | None, unit: str = "") -> str:
    """A value for people."""
    if value is None:
        return "–"
    digits = f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1000 else None
    text = digits if digits is not None else f"{value:,.0f}"
    return f"{text} {unit}" if unit else text


def _case(outcome: Outcome) -> dict[str, Any]:
    return {
        "case": outcome.case,
        "system": harmless(outcome.system),
        "status": outcome.status.value,
        "bad": outcome.status is Status.FAILED,
        "code": harmless(outcome.code),
        "seconds": outcome.seconds,
        "trace": harmless(outcome.trace),
    }
