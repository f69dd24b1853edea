"""Studies that somebody should look at: far outside, critical, refused or failed."""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_agent.batch.ledger import State
from cxr_agent.batch.overview.distributions import outliers_of
from cxr_agent.batch.overview.facts import CriticalFacts, FailureFacts, Outlier, OutlierFacts
from cxr_agent.batch.overview.gathering import POLARITIES, Gathered
from cxr_agent.batch.overview.references import reference, references
from cxr_agent.batch.overview.summaries import name_of
from cxr_agent.evidence import Polarity
from cxr_agent.knowledge import critical_findings, failure_meanings

SHOWN: Final = 20
"""Studies that are named of each kind; all are counted."""
_CRITICAL_SHOWN: Final = 50


def outliers_in(gathered: Gathered) -> tuple[OutlierFacts, ...]:
    """Of every measurement, the values far outside."""
    made = []
    for key, values in sorted(gathered.measured.items()):
        numbers, studies = values.values, values.studies
        found = outliers_of(numbers)
        shown = [
            Outlier(reference(gathered, int(studies[index])), float(numbers[index]), float(score))
            for index, score in zip(found.indices[:SHOWN], found.scores[:SHOWN], strict=True)
        ]
        made.append(
            OutlierFacts(
                code=key.code,
                name=name_of(key.code),
                side=key.side,
                unit=key.unit,
                median=found.median,
                mad=found.mad,
                total=len(found.indices),
                shown=tuple(shown),
                note=found.note,
            )
        )
    return tuple(made)


def critical_in(gathered: Gathered) -> tuple[CriticalFacts, ...]:
    """Critical findings that a tool says are present, by tier."""
    present = POLARITIES.index(Polarity.PRESENT.value)
    found: dict[str, set[int]] = {}
    for key, said in gathered.judged.items():
        if key.code in critical_findings():
            studies = said.polarity.studies[said.polarity.values == present]
            found.setdefault(key.code, set()).update(studies.tolist())
    made = [
        CriticalFacts(
            code=code,
            name=name_of(code),
            tier=critical_findings()[code].tier,
            source=critical_findings()[code].source,
            total=len(studies),
            shown=references(gathered, sorted(studies)[:_CRITICAL_SHOWN]),
        )
        for code, studies in found.items()
        if studies
    ]
    return tuple(sorted(made, key=lambda one: (one.tier, -one.total, one.code)))


def failures_in(gathered: Gathered) -> tuple[FailureFacts, ...]:
    """Studies that were refused or failed, and those read in part: by code, the most first."""
    states, codes = gathered.studies.state, gathered.studies.code
    of_state, of_code = states.indices, codes.indices
    made = []
    for place, state in enumerate(states.names):
        for number, code in enumerate(codes.names):
            studies = np.flatnonzero((of_state == place) & (of_code == number))
            if len(studies):
                made.append(_failure(gathered, state, code, studies.tolist()))
        unnamed = np.flatnonzero((of_state == place) & (of_code < 0))
        if len(unnamed) and state != State.READ:
            made.append(_failure(gathered, state, "", unnamed.tolist()))
    order = (State.FAILED.value, State.REFUSED.value, State.READ.value)
    return tuple(sorted(made, key=lambda one: (order.index(one.outcome), -one.total, one.code)))


def _failure(gathered: Gathered, state: str, code: str, studies: list[int]) -> FailureFacts:
    known = failure_meanings().get(code)
    return FailureFacts(
        outcome=state,
        code=code,
        meaning=known.meaning if known is not None else "",
        next=known.next if known is not None else "Its message stands in studies.csv.",
        total=len(studies),
        shown=references(gathered, studies[:SHOWN]),
    )
