"""Checks of answers: the same each time, said in full, and let through by the gates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from cxr_agent.evidence import Evidence, Observation, Provenance
from cxr_agent.report.compose import compose
from cxr_agent.report.gates.coverage import left_out
from cxr_agent.report.gates.support import fault_of
from cxr_agent.testing.checks.outcome import Broken, NotChecked
from cxr_agent.testing.checks.scene import Bank, phantom
from cxr_agent.toolbox.answer import Answer

_BESIDE: Final = ("drawings",)
"""Fields of a result that are for the eye."""


def determinism(bank: Bank) -> None:
    """The same film gives the same answer, number for number."""
    if not bank.spec.deterministic:
        raise NotChecked("it says that it is not deterministic")
    first, second = (bank.trial(phantom()).answered() for _ in range(2))
    if (first.record, first.statements) != (second.record, second.statements):
        raise Broken("the same film gives another answer; say deterministic=False, or seed it")


def evidence_covers(bank: Bank) -> None:
    """Each number among the result's own fields is in an observation that the report may say."""
    answer = bank.trial(phantom()).answered()
    observed = [number for one, _ in answer.statements for number in _stated(one)]
    for name, value in answer.record.items():
        if name in _BESIDE:
            continue
        for number in _numbers(value):
            if not any(math.isclose(number, other, rel_tol=1e-9) for other in observed):
                raise Broken(
                    f"the result's {name} is in no observation; state it, as a value or in details"
                )
    _check_gates(bank, answer)


def _check_gates(bank: Bank, answer: Answer) -> None:
    evidence = [
        _evidence(bank, number, one, reading)
        for number, (one, reading) in enumerate(answer.statements, 1)
    ]
    if not evidence:
        raise Broken("it answers and states nothing: no evidence comes of it")
    draft = compose(evidence)
    known = {item.id: item for item in evidence}
    for _, sentence in draft:
        fault = fault_of(sentence, known)
        if fault is not None:
            raise Broken(f"the evidence gate refuses its sentence ({fault.value}): {sentence.text}")
    missing = left_out(draft, evidence)
    if missing:
        raise Broken(f"no sentence says what it states of {missing[0].code}")


def _evidence(bank: Bank, number: int, one: Observation, reading: str) -> Evidence:
    return Evidence(
        **one.model_dump(),
        id=f"e{number}",
        image="img-1",
        reading=reading,
        provenance=Provenance(
            step=1, tool=bank.spec.name, tool_version=bank.spec.version, image_sha256="0" * 64
        ),
    )


def _stated(one: Observation) -> Iterator[float]:
    beside = (one.value, one.interval, one.probability, one.threshold, one.box)
    yield from _numbers((*beside, *one.details.values()))


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield float(value)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _numbers(one)
