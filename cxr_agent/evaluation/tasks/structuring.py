"""``cxr-agent eval structuring``: findings read from reports by rule, against Open-i's tags."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import InputError, UsageError
from cxr_agent.evaluation.runs.bootstrap import OfSums
from cxr_agent.evaluation.runs.model import Outcome, Plot, Status
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, Statistic
from cxr_agent.evaluation.structuring import compared, half_of, judged, read_reports
from cxr_agent.evaluation.suites.question import limited
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.asking import PROGRAM, RANDOM

_HALVES: Final = {0: "half that was tuned on", 1: "half that was not tuned on"}
_ALL: Final = "all reports"


class Structuring:
    """The rules of :mod:`cxr_agent.prose` on each report; ``random`` names each finding as often as
    it is tagged, without reading.

    Raises
    ------
    InputError
        ``unreadable_report``.
    UsageError
        ``nothing_to_evaluate``.
    """

    name = "structuring"
    title = "Structuring of reports"
    question = "Does it read from a report the findings that people tagged it with?"
    unknown = (
        "Whether the tags are right: they were given to a report as a whole, and leave out much "
        "that it says with doubt.",
        "How it does on reports of other hospitals.",
    )
    systems = (PROGRAM, RANDOM)

    def __init__(self, options: TaskOptions) -> None:
        self._options = options
        reports = read_reports(options.data)
        cases = [_case(report, number) for number, report in enumerate(reports, 1)]
        if not cases:
            raise UsageError("nothing_to_evaluate", "there is no report", hint="docs/benchmarks.md")
        self._cases = limited(cases, options.limit, options.seed)
        tags = Counter(code for one in cases for code in compared(one.data).tagged)
        self._rates = {code: tags[code] / len(cases) for code in judged()}

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"seed": self._options.seed, "limit": self._options.limit}

    def cases(self) -> Sequence[Case]:
        return self._cases

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        found = compared(case.data)
        said = found.said
        if system == RANDOM:
            draw = random.Random(f"{self._options.seed} {case.name}")
            said = frozenset(c for c in sorted(self._rates) if draw.random() < self._rates[c])
        values: dict[str, Any] = {
            "said": sorted(said),
            "tagged": sorted(found.tagged),
            "half": half_of(str(case.data["id"])),
            "sentences": found.sentences,
        }
        return Answer(values)

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        done = [one for one in outcomes if one.status is Status.DONE]
        codes = sorted({code for one in done for code in _codes(one, "tagged")})
        shares = {"precision": _precision, "recall": _recall, "F1": _f1}
        found = [
            Measure(f"micro {name}", _counted(share), about, better="higher", counted=counted)
            for about, counted in (
                (_ALL, _of_half(None)),
                *((about, _of_half(half)) for half, about in _HALVES.items()),
            )
            for name, share in shares.items()
        ]
        return found + [
            Measure(name, _counted(share, code), code.replace("_", " "), better="higher")
            for code in codes
            for name, share in shares.items()
        ]

    def plots(self, outcomes: Sequence[Outcome]) -> Sequence[Plot]:
        return ()

    def close(self) -> None:
        pass


def made(options: TaskOptions) -> Structuring:
    """The task, as the command line asks for it."""
    return Structuring(options)


def _case(report: Mapping[str, Any], number: int) -> Case:
    tags = report.get("mesh")
    if not isinstance(tags, list) or "id" not in report or not all(map(_is_text, tags)):
        raise InputError(
            "unreadable_report",
            f"report {number} has no id or no mesh",
            hint="Give Open-i's reports as lines of JSON.",
        )
    content = hashlib.sha256(json.dumps(report, sort_keys=True).encode()).hexdigest()
    return Case(str(report["id"]), str(report["id"]), content, report)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _codes(outcome: Outcome, key: str) -> frozenset[str]:
    found = outcome.values.get(key)
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()


Share = Callable[[float, float, float], float | None]
"""Of how many were both said and tagged, said alone, and tagged alone."""


def _precision(both: float, said: float, tagged: float) -> float | None:
    return both / (both + said) if both + said else None


def _recall(both: float, said: float, tagged: float) -> float | None:
    return both / (both + tagged) if both + tagged else None


def _f1(both: float, said: float, tagged: float) -> float | None:
    return 2 * both / (2 * both + said + tagged) if both + said + tagged else None


def _counted(share: Share, code: str | None = None) -> Statistic:
    def terms(outcome: Outcome) -> tuple[int, int, int]:
        said, tagged = _codes(outcome, "said"), _codes(outcome, "tagged")
        if code is not None:
            said, tagged = said & {code}, tagged & {code}
        return len(said & tagged), len(said - tagged), len(tagged - said)

    return OfSums(terms, share)


def _of_half(half: int | None) -> Callable[[Outcome], bool]:
    return lambda outcome: half is None or outcome.values.get("half") == half
