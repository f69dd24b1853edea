"""Whether a number that a text gives is one that was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from cxr_agent.checking.model import Kind
from cxr_agent.evidence import Evidence, Unit
from cxr_agent.prose import Quantity

_TIMES: Final = {
    ("cm", "mm"): 10.0,
    ("m", "mm"): 1000.0,
    ("mm", "cm"): 0.1,
    ("%", "1"): 0.01,
}
"""From the unit of a text to that of a measurement."""


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
