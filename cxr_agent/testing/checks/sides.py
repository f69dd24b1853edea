"""Checks of right and left."""

from __future__ import annotations

import math
from typing import Final

from cxr_agent.evidence import Observation, Side
from cxr_agent.testing.checks.outcome import Broken, NotChecked
from cxr_agent.testing.checks.scene import Bank, mirrored, phantom

_ALIKE: Final = 0.05
_SWAPPED: Final = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}


def side_flip(bank: Bank) -> None:
    """In a patient who is mirrored inside, what was right is left, with the same values."""
    film = phantom()
    plain = bank.trial(film)
    plain.answered()
    turned = bank.trial(mirrored(film, relabelled=True)).unfailed("a mirrored patient")
    here, there = _sided(plain.observations), _sided(turned.observations)
    if not here:
        raise NotChecked("it states nothing of a side")
    if turned.answer is None:
        raise NotChecked("it abstains on a mirrored patient")
    for (code, side), one in here.items():
        other = there.get((code, _SWAPPED[side]))
        if other is None:
            raise Broken(f"{code} on the {side} does not become {_SWAPPED[side]} in a mirror image")
        values = one.value is not None and other.value is not None
        if values and not math.isclose(one.value or 0, other.value or 0, rel_tol=_ALIKE):
            raise Broken(
                f"{code} is {one.value:g} on the {side} and {other.value:g} on the other side "
                "of the mirror image"
            )


def mirrored_image(bank: Bank) -> None:
    """A picture that is the wrong way round is measured or declined, and never breaks the tool."""
    bank.trial(mirrored(phantom(), relabelled=False)).unfailed("a mirrored picture")


def _sided(observations: tuple[Observation, ...]) -> dict[tuple[str, Side], Observation]:
    return {(one.code, one.side): one for one in observations if one.side in _SWAPPED}
