"""``planners``: the same films by several planners, with what each gets right and what it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from cxr_agent.evaluation.films import Film
from cxr_agent.evaluation.runs.model import Outcome
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, Statistic, mean_of, number
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.over_films import OverFilms
from cxr_agent.evaluation.tasks.planners import FIRST_LOOK, LLM, PROTOCOL, RANDOM
from cxr_agent.evaluation.tasks.reader import cost_of, findings_of, measurements_of

RIGHT: Final = "right"
WRONG: Final = "wrong"
UNDECIDED: Final = "undecided"
NOT_JUDGED: Final = "not_judged"
_CTR: Final = "cardiothoracic_ratio"


def made(options: TaskOptions) -> ComparingPlanners:
    """The task; where no planner but the default is named, all that need nothing are compared."""
    if options.planner == PROTOCOL:
        every = [PROTOCOL, FIRST_LOOK, RANDOM, *([LLM] if options.model else [])]
        options = replace(options, planner=",".join(every))
    return ComparingPlanners(options)


class ComparingPlanners(OverFilms):
    """Each film read by each planner; ``first-look`` makes only the steps nobody may leave out."""

    name = "planners"
    title = "Planners on the same films"
    question = "What does the choice of tools change in what is right, what is said, what it costs?"
    limits = (
        "All planners have the same tools: that a finding is stated wrongly is mostly the tool's "
        "doing, and that it is not stated the planner's.",
        "Labels are those of the data set; where they come from reports they are not the truth.",
        "Seconds are of this machine, and readings of one film follow one another.",
    )

    def __init__(self, options: TaskOptions) -> None:
        super().__init__(
            options,
            models=("anatomy", "findings"),
            wanted=_told_of,
            what="a label or a reader's cardiothoracic ratio",
        )

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        reading = self.reader.read(system, [case.data.path], traces)
        values = {
            **cost_of(reading),
            **_judged(case.data, findings_of(reading.report)),
            **_ratio(case.data, measurements_of(reading.report)),
            "sentences": sum(
                len(part) for part in (reading.report.findings, reading.report.impression)
            ),
            "dropped": len(reading.report.dropped),
        }
        return Answer(values, reading.trace)

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        found = sorted({code for one in outcomes for code in _verdicts(one)})
        return [
            Measure(
                "labelled findings decided",
                _share_of_verdicts(RIGHT, WRONG),
                better="higher",
                counted=_labelled,
            ),
            Measure(
                "decided findings right", _right_of_decided, better="higher", counted=_labelled
            ),
            Measure("balanced accuracy", _balanced, better="higher", counted=_labelled),
            *(
                Measure(
                    "balanced accuracy",
                    lambda some, code=code: _balanced(some, code),  # type: ignore[misc]
                    about=code.replace("_", " "),
                    better="higher",
                    counted=lambda one, code=code: code in _verdicts(one),  # type: ignore[misc]
                )
                for code in found
            ),
            Measure(
                "cardiothoracic ratio measured",
                mean_of("ctr_measured"),
                better="higher",
                counted=lambda one: "ctr_measured" in one.values,
            ),
            Measure(
                "error of the cardiothoracic ratio",
                mean_of("ctr_error"),
                better="lower",
                counted=lambda one: "ctr_error" in one.values,
            ),
            Measure("sentences", mean_of("sentences")),
            Measure("sentences dropped", mean_of("dropped"), better="lower"),
            Measure("tool calls", mean_of("steps"), better="lower"),
            Measure("seconds in tools", mean_of("tool_seconds"), unit="s", better="lower"),
            Measure("tokens", mean_of("tokens"), better="lower"),
            Measure(
                "cost",
                mean_of("cost_usd"),
                unit="US dollars",
                better="lower",
                counted=lambda one: number(one, "cost_usd") is not None,
            ),
        ]


def _told_of(film: Film) -> bool:
    return film.ctr is not None or any(label is not None for label in film.labels.values())


def _judged(film: Film, found: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """For each label that is yes or no, what became of it."""
    verdicts: dict[str, JsonValue] = {}
    for code, label in film.labels.items():
        if label is None:
            continue
        stated = found.get(code)
        polarity = stated["polarity"] if isinstance(stated, dict) else None
        verdict = {
            None: NOT_JUDGED,
            "uncertain": UNDECIDED,
            "present": RIGHT if label else WRONG,
            "absent": WRONG if label else RIGHT,
        }[polarity if isinstance(polarity, str) else None]
        verdicts[code] = [label, verdict]
    return {"verdicts": verdicts}


def _ratio(film: Film, found: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    if film.ctr is None:
        return {}
    measured = found.get(_CTR)
    if not isinstance(measured, dict) or not isinstance(measured["value"], float):
        return {"ctr_measured": False}
    return {"ctr_measured": True, "ctr_error": abs(measured["value"] - film.ctr)}


def _verdicts(outcome: Outcome) -> dict[str, tuple[bool, str]]:
    value = outcome.values.get("verdicts")
    if not isinstance(value, dict):
        return {}
    return {
        code: (bool(pair[0]), str(pair[1]))
        for code, pair in value.items()
        if isinstance(pair, list)
    }


def _labelled(outcome: Outcome) -> bool:
    return bool(_verdicts(outcome))


def _share_of_verdicts(*wanted: str) -> Statistic:
    def share(outcomes: Sequence[Outcome]) -> float | None:
        every = [verdict for one in outcomes for _, verdict in _verdicts(one).values()]
        return sum(one in wanted for one in every) / len(every) if every else None

    return share


def _right_of_decided(outcomes: Sequence[Outcome]) -> float | None:
    every = [verdict for one in outcomes for _, verdict in _verdicts(one).values()]
    decided = [one for one in every if one in (RIGHT, WRONG)]
    return decided.count(RIGHT) / len(decided) if decided else None


def _balanced(outcomes: Sequence[Outcome], code: str | None = None) -> float | None:
    """Mean of sensitivity and specificity; what was not decided is not right."""
    rights: dict[bool, list[bool]] = {True: [], False: []}
    for one in outcomes:
        for name, (label, verdict) in _verdicts(one).items():
            if code is None or name == code:
                rights[label].append(verdict == RIGHT)
    if not rights[True] or not rights[False]:
        return None
    return sum(sum(some) / len(some) for some in rights.values()) / 2
