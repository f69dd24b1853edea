"""Altered copies: what is outlined on them comes back to where it was."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.models.repeats import REPEATS, Repeat
from cxr_agent.models.tile import content, framed, place
from cxr_agent.testing.phantom import draw

NAMES = ("right_lung", "left_lung", "heart")
SIZE = 128


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.mark.parametrize("repeat", REPEATS)
def test_a_perfect_network_outlines_every_copy_alike(repeat: Repeat) -> None:
    phantom = draw(size=SIZE)
    placement = place((SIZE, SIZE), SIZE)
    copies = {}
    for name in NAMES:
        # A film that is its own mask shows what becomes of the structure on the copy.
        small = content(phantom.masks[name].astype(np.float32), placement)
        tile = Repeat(zoom=repeat.zoom, turn_deg=repeat.turn_deg, mirrored=repeat.mirrored).tile(
            small, placement
        )
        copies[name] = (tile > (tile.min() + tile.max()) / 2).astype(np.float32)
    seen = {"right_lung": "left_lung", "left_lung": "right_lung"} if repeat.mirrored else {}
    probabilities = np.stack([copies[seen.get(name, name)] for name in NAMES])
    back = repeat.outlines(probabilities, NAMES, placement)
    for name, plane in zip(NAMES, back, strict=True):
        assert dice(plane, phantom.masks[name]) > 0.97


def test_an_unaltered_copy_is_the_tile_itself() -> None:
    pixels = draw(size=SIZE).pixels[:100]
    placement = place(pixels.shape, SIZE)
    small = content(pixels, placement)
    assert np.allclose(Repeat().tile(small, placement), framed(small, placement), atol=1e-5)


@pytest.mark.parametrize(("gamma", "sign"), [(0.8, 1), (1.25, -1)])
def test_gamma_changes_the_greys_and_nothing_else(gamma: float, sign: int) -> None:
    placement = place((SIZE, SIZE), SIZE)
    small = content(draw(size=SIZE).pixels, placement)
    middle = (small > 0.2) & (small < 0.8)
    change = Repeat(gamma=gamma).tile(small, placement) - Repeat().tile(small, placement)
    assert np.std(change) > 0.01
    order = np.argsort(small[middle])
    altered = Repeat(gamma=gamma).tile(small, placement)[middle][order]
    assert (np.diff(altered) >= -1e-6).all()
    assert sign * (small**gamma - small)[middle].mean() > 0
