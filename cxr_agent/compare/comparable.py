"""Whether two films may be held against each other, and for what.

A difference of projection, of rotation or of inspiration moves hearts, lungs and densities by more
than disease does; see ../docs/comparison.md for what is measured of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cxr_agent.knowledge import threshold
from cxr_agent.study import View


class Subject(StrEnum):
    """What is compared; each has conditions of its own."""

    FILMS = "films"
    """Everything."""
    SIZES = "sizes"
    """Of heart and lungs."""
    DENSITY = "density"
    """Of the zones of the lungs."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides of one film."""

    view: View
    rotated: bool
    """Measured to be so; where rotation could not be measured it is not held against the film."""
    lung_height: float | None
    """Mean height of the lungs over the width of the thorax: a stand-in for inspiration."""


def obstacles(current: Facts, prior: Facts, overlap: float) -> dict[Subject, tuple[str, ...]]:
    """What cannot be compared, and why: codes of ``kb/wording/en/reasons.toml``.

    Parameters
    ----------
    overlap
        Dice coefficient of the lungs once the films are laid over one another.
    """
    shared = tuple(_shared(current, prior))
    sizes = () if View.UNKNOWN not in (current.view, prior.view) else ("views_unknown",)
    laid = () if overlap >= threshold("compare_overlap").value else ("not_overlaid",)
    found = {Subject.FILMS: shared} if shared else {Subject.SIZES: sizes, Subject.DENSITY: laid}
    return {subject: reasons for subject, reasons in found.items() if reasons}


def _shared(current: Facts, prior: Facts) -> Iterator[str]:
    known = {current.view, prior.view} - {View.UNKNOWN}
    if len(known) > 1:
        yield "other_projection"
    if current.rotated or prior.rotated:
        yield "film_rotated"
    if current.lung_height is None or prior.lung_height is None:
        yield "inspiration_unknown"
    elif abs(current.lung_height - prior.lung_height) > threshold("compare_lung_height").value:
        yield "other_inspiration"
