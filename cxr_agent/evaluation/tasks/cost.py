"""``cost``: what a reading takes, in seconds, calls, tokens and dollars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cxr_agent.evaluation.runs.model import Outcome
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, mean_of, number
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.over_films import OverFilms
from cxr_agent.evaluation.tasks.reader import cost_of


def made(options: TaskOptions) -> Cost:
    """The task; see :class:`Cost`."""
    return Cost(options)


class Cost(OverFilms):
    """Each film read once by each planner, one after the other, on one warm process."""

    name = "cost"
    title = "Cost of a reading"
    question = "What does it take to read a film once the models are loaded?"
    limits = (
        "What another machine takes: seconds are of this one, with whatever else ran on it.",
        "The first reading of each planner loads the models; it is among the cases.",
        "Prices of hosted models are LiteLLM's, and may have changed; of local ones there is none.",
    )

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        reading = self.reader.read(system, [case.data.path], traces)
        return Answer(cost_of(reading), reading.trace)

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        return [
            Measure("seconds a film", _median_seconds, about="median", unit="s", better="lower"),
            Measure("seconds in tools", mean_of("tool_seconds"), unit="s", better="lower"),
            Measure("tool calls", mean_of("steps"), better="lower"),
            Measure("different tools", mean_of("tools")),
            Measure("calls that failed", mean_of("failed_calls"), better="lower"),
            Measure("abstentions", mean_of("abstentions")),
            Measure("tokens", mean_of("tokens"), better="lower"),
            Measure(
                "cost", mean_of("cost_usd"), unit="US dollars", better="lower", counted=_priced
            ),
        ]


def _priced(outcome: Outcome) -> bool:
    return number(outcome, "cost_usd") is not None


def _median_seconds(outcomes: Sequence[Outcome]) -> float | None:
    ordered = sorted(one.seconds for one in outcomes)
    middle = len(ordered) // 2
    return (ordered[middle] + ordered[-middle - 1]) / 2 if ordered else None
