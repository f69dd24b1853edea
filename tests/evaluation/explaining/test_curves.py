"""Curves against baselines, on a scorer whose reasons are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_agent.evaluation.explaining.curves import (
    Empty,
    FilmCurves,
    centre,
    curve_test,
    film_curves,
)
from cxr_agent.evaluation.explaining.pointing import pointed, pointing_test

SIDE, CELLS = 64, 8
CELL = (1, 6)
"""The cell that the scorer looks at: far from the centre."""
WIDTH = SIDE // CELLS
PATCH = (
    slice(CELL[0] * WIDTH, (CELL[0] + 1) * WIDTH),
    slice(CELL[1] * WIDTH, (CELL[1] + 1) * WIDTH),
)


def tile(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(SIDE, SIDE)).astype(np.float32)


def scorer(tiles: NDArray[np.float32]) -> NDArray[np.floating]:
    """How much detail there is in the patch."""
    return np.minimum(tiles[:, *PATCH].std(axis=(1, 2)), 1)


def truth() -> NDArray[np.float32]:
    cells = np.zeros((CELLS, CELLS), dtype=np.float32)
    cells[CELL] = 1
    return cells


def followed(cells: NDArray[np.float32], empty: Empty = Empty.GREY) -> list[FilmCurves]:
    return [
        film_curves(
            tile(seed), cells, scorer, np.random.default_rng(seed), flagged=seed < 3, empty=empty
        )
        for seed in range(8)
    ]


@pytest.mark.parametrize("empty", list(Empty))
def test_a_true_map_beats_chance_and_the_centre(empty: Empty) -> None:
    found = curve_test("x", followed(truth(), empty), empty)
    assert found is not None
    assert found.holds
    assert found.films == 8
    assert found.map.deletion[0] == pytest.approx(found.map.insertion[-1])
    assert found.map.deletion[1] < 0.5 * found.map.deletion[0]
    deletion, insertion = found.map.deletion_area.value, found.map.insertion_area.value
    assert deletion is not None
    assert insertion is not None
    assert deletion < 0.3 < insertion
    assert len(found.shares) == len(found.map.deletion) == len(found.random.insertion)


def test_the_inverse_of_a_true_map_fails() -> None:
    found = curve_test("x", followed(-truth()), Empty.GREY)
    assert found is not None
    assert not found.holds
    assert found.gain_over_random.interval is not None
    assert found.gain_over_random.interval[1] < 0


def test_the_centre_does_not_beat_itself() -> None:
    found = curve_test("x", followed(centre(CELLS)), Empty.GREY)
    assert found is not None
    assert found.gain_over_centre.value == 0
    assert not found.holds


def test_only_maps_that_are_shown_can_be_looked_at() -> None:
    shown = curve_test("x", followed(truth()), Empty.GREY, flagged_only=True)
    assert shown is not None
    assert shown.films == 3
    assert curve_test("x", [], Empty.GREY) is None


def test_the_centre_is_largest_in_the_middle() -> None:
    plane = centre(8)
    assert set(map(tuple, np.argwhere(plane == plane.max()))) == {(3, 3), (3, 4), (4, 3), (4, 4)}
    assert plane[0, 0] == plane.min()


def test_pointing_by_hand() -> None:
    anatomy = np.zeros((100, 200), dtype=np.bool_)
    anatomy[:, :50] = True
    inside, outside = np.zeros((2, 50, 100), dtype=np.float32)
    inside[10:20, 5:15] = 1
    outside[10:20, 60:70] = 1
    good, bad = pointed(inside, anatomy), pointed(outside, anatomy)
    assert (good.hit, bad.hit) == (True, False)
    assert good.energy == pytest.approx(1)
    assert bad.energy == 0
    assert good.hot == pytest.approx(1)
    assert good.chance == 0.25
    assert pointed(np.full((50, 100), 0.9, dtype=np.float32), anatomy).energy == pytest.approx(0.25)
    assert pointing_test("x", ["heart"], [good] * 4).holds
    assert not pointing_test("x", ["heart"], [bad] * 4).holds
    assert pointed(np.zeros((50, 100), dtype=np.float32), anatomy).energy == 0
