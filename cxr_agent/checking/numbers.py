"""Whether a number that a text gives is one that was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from cxr_agent.checking.model import Kind
from cxr_agent.evidence import Evidence, Unit
from cxr_agent.prose import Claim, Quantity

_TIMES: Final = {
    ("cm", "mm"): 10.0,
    ("m", "mm"): 1000.0,
    ("mm", "cm"): 0.1,
    ("%", "1"): 0.01,
}
"""From the unit of a text to that of a measurement."""
_VALUE: Final = ("ratio", "measuring", "measures", "diameter", "angle", "width")
"""Words before a number that make it a measured one."""


def judge_number(said: Quantity, measured: Sequence[Evidence]) -> Kind | None:
    """Wrong number, wrong unit, or None where one of the measurements bears it out.

    It does when it is the value, rounded to the digits that are given, or lies in its interval: two
    who measure do not agree to the last digit.
    """
    if any(_agrees(said, said.unit, item) for item in measured):
        return None
    # The right number with a unit that it was not measured in.
    if any(_is_value(said.value, said.decimals, item) for item in measured) and said.unit:
        return Kind.UNIT
    return Kind.NUMBER


def numbers_agree(claim: Claim, text: str, evidence: Sequence[Evidence]) -> bool:
    """Whether the numbers that a claim on a finding gives are those of the evidence.

    Only what the words before it call a probability or a measured value is compared: a limit, an
    age or a vertebra is none.
    """
    values = [item for item in evidence if item.value is not None]
    chances = [item.probability for item in evidence if item.probability is not None]
    for one in claim.quantities:
        role = text[: one.start].lower().split()[-2:]
        if chances and any("probability" in word for word in role):
            if not any(_rounds_to(value, one) for value in chances):
                return False
        elif values and any(word.strip(".:,(") in _VALUE for word in role):
            limits = [item.threshold for item in values if item.threshold is not None]
            agrees = any(_agrees(one, one.unit, item) for item in values)
            if not agrees and not any(_rounds_to(limit, one) for limit in limits):
                return False
    return True


def _rounds_to(value: float, said: Quantity) -> bool:
    return abs(said.value - value) <= 0.5 * 10.0**-said.decimals + 1e-9


def _agrees(said: Quantity, unit: str, item: Evidence) -> bool:
    own = (item.unit or Unit.RATIO).value
    bare = own == Unit.RATIO.value
    if unit == own or (unit == "" and bare):
        return _is_value(said.value, said.decimals, item)
    times = _TIMES.get((unit, own))
    if times is None:
        return False
    digits = max(0, said.decimals - round(math.log10(times)))
    return _is_value(said.value * times, digits, item, times / 10**said.decimals)


def _is_value(value: float, decimals: int, item: Evidence, step: float | None = None) -> bool:
    assert item.value is not None
    half = (10**-decimals if step is None else step) / 2
    low, high = item.interval or (item.value, item.value)
    return low - half - 1e-9 <= value <= high + half + 1e-9
