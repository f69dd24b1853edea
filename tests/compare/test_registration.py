"""Outlines moved by a known map are found to be moved by it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.compare.affine import Affine, thorax_of
from cxr_agent.compare.registration import register
from cxr_agent.knowledge import threshold
from cxr_agent.measure.extent import BoolMask
from cxr_agent.testing.phantom import PhantomSpec, draw
from tests.builders import rectangle
from tests.compare.films import ALIGNED, LUNGS, about, chest, drawn, moved

FURTHEST = 0.012
"""Of the thorax's width: by which any point of the lungs may be off. A mask of 320 pixels is
known no better than a third of that."""
SIZES = st.tuples(st.integers(260, 640), st.integers(260, 640))


def furthest(found: Affine, true: Affine, masks: dict[str, BoolMask], width: float) -> float:
    """The greatest distance between both maps within the lungs, over the thorax's width."""
    rows, columns = np.nonzero(masks["right_lung"] | masks["left_lung"])
    points = columns + 0.5, rows + 0.5
    (x, y), (across, down) = found.points(*points), true.points(*points)
    return float(np.hypot(x - across, y - down).max() / width)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 40),
    turn=st.floats(-10, 10),
    scale=st.floats(0.8, 1.25),
    shift=st.tuples(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1)),
    size=SIZES,
    heart=st.booleans(),
)
def test_a_known_map_is_found(
    seed: int,
    turn: float,
    scale: float,
    shift: tuple[float, float],
    size: tuple[int, int],
    heart: bool,
) -> None:
    phantom = drawn(chest(np.random.default_rng(seed)))
    fixed = {name: phantom.masks[name] for name in (ALIGNED if heart else LUNGS)}
    # The other film has pixels of its own size and room for all that is turned.
    pixel = min(size) / 320
    shape = round(1.5 * size[0]), round(1.5 * size[1])
    by = tuple(part * min(size) for part in shift)
    true = about(turn, scale * pixel, by, (320, 320), shape)
    moving = {name: moved(plane, true, shape) for name, plane in fixed.items()}
    found = register(fixed, moving)
    assert furthest(found.to_moving, true, fixed, thorax_of(moving).width) < FURTHEST
    assert found.to_moving.turn_deg == pytest.approx(turn, abs=0.6)
    assert found.to_moving.scale == pytest.approx(scale * pixel, rel=0.01)
    assert found.overlap > 0.97


@settings(max_examples=20, deadline=None)
@given(
    turn=st.floats(-10, 10),
    across=st.floats(0.85, 1.2),
    down=st.floats(0.85, 1.2),
    shear=st.floats(-0.1, 0.1),
)
def test_a_map_that_also_squeezes_is_found(
    turn: float, across: float, down: float, shear: float
) -> None:
    phantom = drawn(PhantomSpec(seed=3))
    fixed = {name: phantom.masks[name] for name in ALIGNED}
    squeezed = Affine(np.array([[across, shear, 0], [0, down, 0]]))
    true = about(turn, 1.0, (20, -10), (320, 320), (520, 520)).after(squeezed)
    moving = {name: moved(plane, true, (520, 520)) for name, plane in fixed.items()}
    found = register(fixed, moving)
    assert furthest(found.to_moving, true, fixed, thorax_of(moving).width) < FURTHEST


def test_a_film_lies_on_itself() -> None:
    masks = {name: drawn(PhantomSpec()).masks[name] for name in ALIGNED}
    found = register(masks, masks)
    assert found.to_moving.matrix == pytest.approx(np.eye(2, 3), abs=1e-6)
    assert found.overlap == 1


def test_the_heart_alone_that_grew_hardly_pulls() -> None:
    small, big = (draw(PhantomSpec(cardiothoracic_ratio=r), 320) for r in (0.4, 0.6))
    fixed, moving = ({name: one.masks[name] for name in ALIGNED} for one in (small, big))
    found = register(fixed, moving)
    assert furthest(found.to_moving, Affine(np.eye(2, 3)), fixed, 1.0) < 0.05 * 320


def test_other_thoraces_do_not_overlap() -> None:
    """Shapes that no map lays over one another say so by their overlap."""
    shape = (200, 200)
    apart = {
        "right_lung": rectangle(shape, 20, 20, 60, 180),
        "left_lung": rectangle(shape, 140, 20, 180, 180),
    }
    joined = {
        "right_lung": rectangle(shape, 20, 20, 180, 50),
        "left_lung": rectangle(shape, 85, 50, 115, 180),
    }
    assert register(apart, joined).overlap < threshold("compare_overlap").value


@pytest.mark.parametrize("turned", [False, True])
def test_a_structure_of_one_film_is_not_looked_at(turned: bool) -> None:
    masks = {name: drawn(PhantomSpec()).masks[name] for name in ALIGNED}
    lungs = {name: masks[name] for name in LUNGS}
    films = (masks, lungs) if turned else (lungs, masks)
    alone = register(lungs, lungs)
    assert (register(*films).to_moving.matrix == alone.to_moving.matrix).all()
