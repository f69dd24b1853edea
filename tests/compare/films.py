"""Films with their outlines as a comparison looks at them, and films moved by a known map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import numpy as np

from cxr_agent.compare.affine import Affine
from cxr_agent.evidence import Change
from cxr_agent.measure.extent import BoolMask
from cxr_agent.models.anatomy import AnatomyModel
from cxr_agent.study import FloatImage
from cxr_agent.testing.phantom import Phantom, PhantomSpec, draw, random_spec
from cxr_agent.toolbox.comparing import Changed, Compared, Seen
from cxr_agent.toolbox.contract import Mask
from tests.builders import film

ALIGNED: Final = ("right_lung", "left_lung", "heart")
ROTATION: Final = ("right_clavicle", "left_clavicle", "spine")
LUNGS: Final = ALIGNED[:2]
EXCHANGED: Final = {
    Change.NEW: Change.RESOLVED,
    Change.RESOLVED: Change.NEW,
    Change.WORSENED: Change.IMPROVED,
    Change.IMPROVED: Change.WORSENED,
    Change.NO_CHANGE: Change.NO_CHANGE,
}
"""What a relation is when current and prior are exchanged."""


@lru_cache(maxsize=8)
def drawn(spec: PhantomSpec, size: int = 320) -> Phantom:
    """As :func:`draw`; nothing of it may be altered."""
    return draw(spec, size)


def chest(rng: np.random.Generator, **changed: Any) -> PhantomSpec:
    """A chest drawn at random, turned a little at most and not rotated."""
    tilt, spine = float(rng.normal(0, 2)), float(rng.uniform(-0.01, 0.01))
    return replace(random_spec(rng), **{"tilt_deg": tilt, "spine_shift": spine, **changed})


def seen(
    pixels: FloatImage, masks: Mapping[str, BoolMask], handle: str = "img-1", **of_film: Any
) -> Seen:
    """A film with its outlines."""
    outlined = {name: Mask(name, plane) for name, plane in masks.items() if plane.any()}
    return Seen(film(pixels, handle, **of_film), outlined)


def seen_of(phantom: Phantom, handle: str = "img-1", **of_film: Any) -> Seen:
    """A phantom with the outlines that its lungs, heart and rotation are measured on."""
    masks = {name: phantom.masks[name] for name in (*ALIGNED, *ROTATION)}
    return seen(phantom.pixels, masks, handle, **of_film)


def outlined(
    anatomy: AnatomyModel, pixels: FloatImage, *, repeat: bool = True, **of_film: Any
) -> Seen | None:
    """As the embedded model outlines a film; None of what is no frontal film to it."""
    found = anatomy.segment(pixels, repeat=repeat)
    masks = {
        name: Mask(name, one.plane, one.repeats, anatomy.card.id)
        for name, one in found.outlines.items()
        if one.plane.any()
    }
    whole = anatomy.is_film(found) and set(LUNGS) <= masks.keys()
    return Seen(film(pixels, **of_film), masks) if whole else None


def about(
    turn_deg: float,
    scale: float,
    shift: tuple[float, float],
    before: tuple[int, int],
    after: tuple[int, int],
) -> Affine:
    """A map of the pixels of one film to those of another: turned about its middle.

    Parameters
    ----------
    shift
        Across and down, in pixels of the other film.
    before, after
        (rows, columns) of the films.
    """
    turn = np.deg2rad(turn_deg)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle, wanted = (np.array([columns, rows]) / 2 for rows, columns in (before, after))
    return Affine(np.column_stack([linear, wanted + shift - linear @ middle]))


def moved(plane: BoolMask, by: Affine, shape: tuple[int, int]) -> BoolMask:
    """A mask as it lies on another film: the nearest pixel."""
    x, y = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
    across, down = by.inverse.points(x, y)
    inside = (across >= 0) & (across < plane.shape[1]) & (down >= 0) & (down < plane.shape[0])
    found = np.zeros(shape, dtype=np.bool_)
    found[inside] = plane[down[inside].astype(int), across[inside].astype(int)]
    return found


def exchanged(one: Compared, other: Compared) -> None:
    """That the second is the first with current and prior exchanged, to the last digit."""
    assert other.obstacles == one.obstacles
    assert other.overlap == one.overlap
    there, back = keyed(one), keyed(other)
    assert there.keys() == back.keys()
    for key, change in there.items():
        swapped = back[key]
        assert swapped.change == -change.change, key
        assert swapped.relation is EXCHANGED[change.relation], key
        assert (swapped.before, swapped.now) == (change.now, change.before)
        assert swapped.repeatability == change.repeatability
        if change.interval is None:
            assert swapped.interval is None
        else:
            low, high = change.interval
            assert swapped.interval == (-high, -low)


def keyed(compared: Compared) -> dict[tuple[Any, ...], Changed]:
    """By what was compared. A zone that changed is an opacity, whichever way it changed."""
    found = {(one.code, one.location, one.side): one for one in compared.changes}
    assert len(found) == len(compared.changes)
    return found
