"""The way of a film to the tile and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cxr_agent.models.tile import make_tile, percentile, place
from cxr_agent.study import FloatImage

SIDES = st.integers(64, 900)


@given(SIDES, SIDES)
def test_a_film_lies_whole_and_centred_on_its_tile(rows: int, columns: int) -> None:
    placement = place((rows, columns), 384)
    assert max(placement.rows, placement.columns) == 384
    assert placement.top + placement.rows <= 384
    assert placement.left + placement.columns <= 384
    assert abs(2 * placement.top + placement.rows - 384) <= 1
    assert abs(2 * placement.left + placement.columns - 384) <= 1


@given(SIDES, SIDES)
def test_the_way_back_gives_the_films_own_size(rows: int, columns: int) -> None:
    placement = place((rows, columns), 64)
    assert placement.restore(np.zeros((64, 64), dtype=np.float32)).shape == (rows, columns)


@given(st.integers(24, 300), st.integers(24, 300), st.integers(0, 1 << 16))
def test_the_short_way_back_gives_the_same_mask(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    placement = place((rows, columns), 96)
    plane = np.zeros((96, 96), dtype=np.float32)
    top, left = rng.integers(0, 90, 2)
    height, width = rng.integers(1, 60, 2)
    block = plane[top : top + height, left : left + width]
    block[:] = rng.random(block.shape)
    whole = placement.restore(plane) > 0.5
    assert np.array_equal(placement.restore_above(plane, 0.5), whole)


def test_a_box_comes_back_where_it_was() -> None:
    film = np.zeros((600, 400), dtype=np.float32)
    film[150:450, 100:300] = 1
    tile, placement = make_tile(film, 384)
    back = placement.restore((tile > 0).astype(np.float32)) > 0.5
    overlap = 2 * (back & (film > 0)).sum() / (back.sum() + (film > 0).sum())
    assert overlap > 0.98


@pytest.mark.parametrize("gain", [0.2, 1.0, 700.0])
def test_gain_and_offset_do_not_change_the_tile(gain: float) -> None:
    film = np.random.default_rng(1).random((300, 200), dtype=np.float32)
    plain, _ = make_tile(film, 128)
    changed, _ = make_tile(film * np.float32(gain) + np.float32(3), 128)
    assert np.allclose(plain, changed, atol=1e-2)


@given(
    arrays.arrays(
        np.float32,
        arrays.array_shapes(min_dims=2, max_dims=2, max_side=30),
        elements=st.floats(-1, 1, width=32),
        fill=st.just(0),
    ),
    st.one_of(st.sampled_from((0.5, 99.5)), st.floats(0, 99.9)),
)
def test_a_percentile_is_numpys_to_the_last_bit(plane: FloatImage, percent: float) -> None:
    (wanted,) = np.percentile(plane, [percent])
    assert percentile(plane, percent) == wanted


@pytest.mark.parametrize("seed", range(20))
def test_percentiles_of_a_film_are_numpys_to_the_last_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    film = rng.normal(size=tuple(rng.integers(100, 400, 2))).astype(np.float32)
    film[film < rng.normal()] = -1
    wanted = np.percentile(film, [0.5, 99.5])
    assert [percentile(film, percent) for percent in (0.5, 99.5)] == wanted.tolist()


def test_a_flat_film_gives_finite_numbers() -> None:
    tile, _ = make_tile(np.full((80, 90), 0.3, dtype=np.float32), 64)
    assert np.isfinite(tile).all()
