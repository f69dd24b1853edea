"""Checks of numbers: their units, and what becomes of lengths without a pixel spacing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from cxr_agent.evidence import EvidenceKind, Observation, Unit
from cxr_agent.testing.checks.outcome import Broken, NotChecked
from cxr_agent.testing.checks.scene import SPACING_MM, Bank, phantom

_POWER: Final = {Unit.MILLIMETRE: 1, Unit.SQUARE_CENTIMETRE: 2}
"""Of the spacing, that a value grows with."""
_STATED: Final = (EvidenceKind.MEASUREMENT, EvidenceKind.FINDING)
_ALIKE: Final = 0.02


def units(bank: Bank) -> None:
    """Values have the unit that was declared, and lengths follow the pixel spacing."""
    film = phantom()
    bank.trial(film).answered()
    coarse = bank.trial(replace(film, spacing_mm=2 * SPACING_MM)).unfailed("a coarser spacing")
    before, after = _values(bank.trial(film).observations), _values(coarse.observations)
    if not before:
        raise NotChecked("it states no value")
    for key, one in before.items():
        declared = bank.spec.words[key[0]].unit if key[0] in bank.spec.words else None
        if declared is not None and one.unit != declared:
            raise Broken(f"{key[0]} is stated in {one.unit} and declared in {declared}")
        other = after.get(key)
        if other is None or one.value is None or other.value is None:
            continue  # beyond what is plausible at the other spacing
        wanted = one.value * 2 ** _POWER.get(one.unit or Unit.RATIO, 0)
        if not math.isclose(other.value, wanted, rel_tol=_ALIKE, abs_tol=1e-6):
            raise Broken(
                f"with twice the spacing {key[0]} goes from {one.value:g} to {other.value:g} "
                f"{one.unit}, not to {wanted:g}"
            )


def missing_spacing(bank: Bank) -> None:
    """Without a pixel spacing nothing is stated in millimetres."""
    trial = bank.trial(replace(phantom(), spacing_mm=None)).unfailed("a film without spacing")
    for one in trial.observations:
        if one.unit in _POWER and one.kind in _STATED:
            raise Broken(f"it states {one.code} in {one.unit} on a film without a pixel spacing")


def _values(observations: tuple[Observation, ...]) -> dict[tuple[str, str], Observation]:
    return {
        (one.code, one.side or ""): one
        for one in observations
        if one.kind in _STATED and one.value is not None
    }
