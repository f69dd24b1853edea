"""Answering every case once by every system, and what comes of it."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_agent.errors import CxrAgentError, InputError, OutputError
from cxr_agent.evaluation.runs.bootstrap import RESAMPLES, grouped_interval
from cxr_agent.evaluation.runs.folder import TRACES, RunFolder, opened
from cxr_agent.evaluation.runs.model import Count, Estimate, EvaluationResult, Outcome, Status
from cxr_agent.evaluation.runs.task import Case, Measure, Task
from cxr_agent.output import write_whole
from cxr_agent.reading.version import program_version

RESULT_JSON: Final = "result.json"
RESULT_PAGE: Final = "result.html"
_FAILURES: Final = "failures.txt"


@dataclass(frozen=True, slots=True)
class Chosen:
    """How a run is made; none of it changes an outcome."""

    resamples: int = RESAMPLES
    seed: int = 0
    """Of the resampling."""
    retry_failed: bool = False
    told: Callable[[Outcome, int, int], None] | None = None
    """Told of each outcome, how many are there, and of how many."""


def evaluate(task: Task, out: Path, chosen: Chosen | None = None) -> EvaluationResult:
    """Run a task into a folder; the same call goes on where it was, whatever ended it.

    The folder then holds ``outcomes.jsonl``, ``traces/``, ``result.json`` and ``result.html``, and
    ``cases.jsonl``, which alone says what the cases are called in the data.

    Raises
    ------
    UsageError, OutputError, ConfigError
        As :func:`cxr_agent.evaluation.runs.folder.opened`, and what the task's cases raise.
    """
    from cxr_agent.evaluation.runs.page import result_page

    chosen = chosen or Chosen()
    cases = task.cases()
    with opened(out, task.name, task.settings, cases) as folder:
        if chosen.retry_failed:
            failed = (one for one in folder.outcomes if one.status is Status.FAILED)
            folder.retry(frozenset((one.system, one.case) for one in failed))
        _answer_all(task, cases, folder, chosen)
        result = _result(task, cases, folder, chosen)
        write_whole(out / RESULT_JSON, result.model_dump_json(indent=2).encode())
        page = result_page(result, folder.outcomes)
        write_whole(out / RESULT_PAGE, page.encode("utf-8", "replace"))
    return result


def _answer_all(task: Task, cases: Sequence[Case], folder: RunFolder, chosen: Chosen) -> None:
    done = folder.done()
    numbers = {name: place for place, name in enumerate(_in_order(one.group for one in cases), 1)}
    total = len(cases) * len(task.systems)
    for place, case in enumerate(cases, 1):
        for system in task.systems:
            identity = f"c{place:04d}"
            if (system, identity) in done:
                continue
            outcome = _outcome(task, system, case, folder.path).model_copy(
                update={"case": identity, "group": f"g{numbers[case.group]:04d}"}
            )
            folder.add(outcome)
            if chosen.told is not None:
                chosen.told(outcome, len(folder.outcomes), total)


def _in_order(names: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _outcome(task: Task, system: str, case: Case, path: Path) -> Outcome:
    begun = time.perf_counter()
    status, code, values, trace = Status.DONE, "", {}, ""
    try:
        answer = task.answer(system, case, path / TRACES)
        values = dict(answer.values)
        trace = f"{TRACES}/{answer.trace}" if answer.trace else ""
    except OutputError:
        raise  # the disk is full or not writable: the next case would fare no better
    except InputError as error:
        status, code = Status.REFUSED, error.code
    except CxrAgentError as error:
        status, code = Status.FAILED, error.code
    except Exception:
        status, code = Status.FAILED, "internal_error"
        # A fault of ours or of a plug-in: kept where only the user sees it.
        with (path / _FAILURES).open("a", encoding="utf-8") as file:
            file.write(f"{system} {case.name}\n{traceback.format_exc()}\n")
    seconds = round(time.perf_counter() - begun, 4)
    return Outcome(
        system=system,
        case="",
        group="",
        status=status,
        code=code,
        values=values,
        seconds=seconds,
        trace=trace,
    )


def _result(
    task: Task, cases: Sequence[Case], folder: RunFolder, chosen: Chosen
) -> EvaluationResult:
    outcomes = sorted(folder.outcomes, key=lambda one: (one.case, one.system))
    measures = task.measures(outcomes)
    return EvaluationResult(
        task=task.name,
        title=task.title,
        question=task.question,
        program_version=program_version(),
        settings=dict(task.settings),
        run_key=folder.key,
        cases=len(cases),
        groups=len({one.group for one in cases}),
        resamples=chosen.resamples,
        counts=tuple(_count(system, outcomes) for system in task.systems),
        estimates=tuple(
            found
            for measure in measures
            for system in task.systems
            if (found := _estimate(measure, system, outcomes, chosen)) is not None
        ),
        plots=tuple(task.plots(outcomes)),
        unknown=tuple(task.unknown),
    )


def _count(system: str, outcomes: Sequence[Outcome]) -> Count:
    own = [one for one in outcomes if one.system == system]
    ends = Counter(one.status for one in own)
    return Count(
        system=system,
        done=ends[Status.DONE],
        refused=ends[Status.REFUSED],
        failed=ends[Status.FAILED],
        codes=dict(sorted(Counter(one.code for one in own if one.code).items())),
        seconds=round(sum(one.seconds for one in own), 3),
    )


def _estimate(
    measure: Measure, system: str, outcomes: Sequence[Outcome], chosen: Chosen
) -> Estimate | None:
    """None where the measure is about nothing that this system did."""
    own = [
        one
        for one in outcomes
        if one.system == system
        and (measure.of_all or one.status is Status.DONE)
        and measure.counted(one)
    ]
    if not own:
        return None
    groups = [one.group for one in own]
    value = measure.statistic(own)
    interval = None
    if value is not None:
        interval = grouped_interval(
            own, groups, measure.statistic, resamples=chosen.resamples, seed=chosen.seed
        )
    low, high = interval or (None, None)
    return Estimate(
        name=measure.name,
        about=measure.about,
        system=system,
        unit=measure.unit,
        better=measure.better,
        value=value,
        low=low,
        high=high,
        cases=len(own),
        groups=len(set(groups)),
    )
