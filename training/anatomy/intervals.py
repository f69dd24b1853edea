"""Intervals of measured values: how wide they must be, and whether they hold the truth.

Works on the records of :mod:`training.anatomy.measured`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cxr_agent.models.card import Calibration

LEVEL: Final = 0.9
_READERS_CTR: Final = 0.01
"""What two readers differ by at a ratio of 0.5: a coefficient of variation of 2 %."""
_FLOOR_SHARE: Final = 0.25
_FEWEST: Final = 30
"""Films below which nothing is calibrated."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """One value measured on the model's outlines, its spread, and the truth."""

    value: float
    spread: float
    truth: float

    @property
    def error(self) -> float:
        return self.value - self.truth


def pairs(records: Iterable[Record]) -> dict[str, list[Pair]]:
    """By code of the value, both sides of the body together.

    The ratio of wingspan's films is compared with its readers' own, and left out without one.
    """
    found: dict[str, list[Pair]] = {}
    for record in records:
        for key, one in record["model"].items():
            if "value" not in one or one["spread"] is None:
                continue
            other = record["reader"].get(key, {})
            truth = other.get("value")
            if one["code"] == "cardiothoracic_ratio" and "ctr_by_readers" in record:
                truth = record["ctr_by_readers"]
            if truth is not None:
                found.setdefault(one["code"], []).append(Pair(one["value"], one["spread"], truth))
    return found


def calibrate(code: str, found: list[Pair]) -> Calibration | None:
    """Split-conformal factor; None where the films are too few or all errors are nought.

    The floor is what readers differ by where that is known, else a quarter of the root mean square
    error.
    """
    rms = math.sqrt(float(np.mean([one.error**2 for one in found]))) if found else 0.0
    if len(found) < _FEWEST or rms == 0:
        return None
    floor = _READERS_CTR if code == "cardiothoracic_ratio" else _FLOOR_SHARE * rms
    scores = [abs(one.error) / math.hypot(floor, one.spread) for one in found]
    rank = min(1.0, math.ceil((len(scores) + 1) * LEVEL) / len(scores))
    factor = float(np.quantile(scores, rank, method="higher"))
    return Calibration(
        floor=float(f"{floor:.4g}"), factor=round(factor, 4), level=LEVEL, films=len(found)
    )


def coverage(calibration: Calibration, found: Iterable[Pair]) -> list[float]:
    """1 for each value whose interval holds the truth, else 0."""
    return [
        float(abs(one.error) <= calibration.factor * math.hypot(calibration.floor, one.spread))
        for one in found
    ]
