"""Insertion and deletion on a scorer whose reasons are known: it looks at one patch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cxr_agent.models.saliency import STEPS, Faithfulness, faithfulness

SIDE, CELLS = 64, 8
PATCH = (2, 5)
"""The cell that is looked at."""
TILE = np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float32)


def block(cell: tuple[int, int]) -> tuple[slice, slice]:
    """The pixels of one cell."""
    width = SIDE // CELLS
    row, column = cell
    return (
        slice(row * width, (row + 1) * width),
        slice(column * width, (column + 1) * width),
    )


@dataclass
class PatchScorer:
    """How much detail a tile has in the patch: 1 for all of it, 0 when it is grey."""

    seen: list[NDArray[np.float32]] = field(default_factory=list)

    def __call__(self, tiles: NDArray[np.float32]) -> NDArray[np.floating]:
        self.seen.append(tiles)
        spread = tiles[:, *block(PATCH)].std(axis=(1, 2))
        return np.minimum(spread / TILE[block(PATCH)].std(), 1)


def truth() -> NDArray[np.float32]:
    """The map that says what the scorer does, and where it is near to it."""
    rows, columns = np.indices((CELLS, CELLS))
    distance = np.hypot(rows - PATCH[0], columns - PATCH[1])
    return (-distance).astype(np.float32)


def test_a_true_map_is_told_from_chance_and_from_its_opposite() -> None:
    true = faithfulness(TILE, truth(), PatchScorer())
    assert true.deletion < 0.15
    assert true.insertion > 0.85
    assert true.deletion < true.insertion
    inverted = faithfulness(TILE, -truth(), PatchScorer())
    assert inverted.score < -0.7
    rng = np.random.default_rng(1)
    chance = [
        faithfulness(TILE, rng.random((CELLS, CELLS), dtype=np.float32), PatchScorer()).score
        for _ in range(40)
    ]
    assert abs(np.mean(chance)) < 0.25
    assert true.score > np.mean(chance) + 0.6
    assert true.score >= max(chance)


def test_the_later_the_patch_comes_the_lower_the_score() -> None:
    scores = []
    for rank in range(0, CELLS * CELLS, CELLS):
        order = np.delete(np.arange(CELLS * CELLS), PATCH[0] * CELLS + PATCH[1])
        order = np.insert(order, rank, PATCH[0] * CELLS + PATCH[1])
        cells = np.empty(CELLS * CELLS, dtype=np.float32)
        cells[order] = -np.arange(CELLS * CELLS)
        scores.append(faithfulness(TILE, cells.reshape(CELLS, CELLS), PatchScorer()).score)
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.7
    assert scores[-1] < -0.7


def test_the_tiles_go_from_whole_to_grey_and_back_in_one_batch() -> None:
    scorer = PatchScorer()
    faithfulness(TILE, truth(), scorer)
    (tiles,) = scorer.seen
    assert tiles.shape == (2 * STEPS, SIDE, SIDE)  # neither the whole nor the empty one twice
    assert tiles.dtype == np.float32
    deleted, inserted = tiles[: STEPS + 1], tiles[STEPS + 1 :]
    assert np.array_equal(deleted[0], TILE)
    empty = deleted[-1]
    assert empty == pytest.approx(np.full_like(TILE, TILE.mean()))
    between = zip(deleted[1:-1], inserted, strict=True)
    for step, (without, alone) in enumerate(between, start=1):
        taken = without != TILE
        assert taken.mean() == pytest.approx(step / STEPS, abs=0.01)
        assert np.array_equal(taken, alone != empty)
    first = deleted[1] != TILE
    assert first[block(PATCH)].all()


@pytest.mark.parametrize("cells", [1, 2, 4, 16, 64])
def test_a_map_may_be_as_coarse_or_fine_as_it_divides_the_tile(cells: int) -> None:
    plane = np.random.default_rng(cells).random((cells, cells), dtype=np.float32)
    scorer = PatchScorer()
    found = faithfulness(TILE, plane, scorer)
    assert 0 <= min(found.deletion, found.insertion) <= max(found.deletion, found.insertion) <= 1
    taken = scorer.seen[0][1] != TILE
    width = SIDE // cells
    for row, column in np.ndindex(cells, cells):
        cell = taken[row * width : (row + 1) * width, column * width : (column + 1) * width]
        assert cell.all() or not cell.any()


@pytest.mark.parametrize("cells", [(7, 7), (3, 3), (8, 4), (128, 128)])
def test_a_map_that_does_not_cover_the_tile_is_refused(cells: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"shapes|broadcast|zero-size|dimension"):
        faithfulness(TILE, np.zeros(cells, dtype=np.float32), PatchScorer())


def test_a_scorer_that_looks_at_nothing_has_no_true_map() -> None:
    found = faithfulness(TILE, truth(), lambda tiles: np.full(len(tiles), 0.7))
    assert found == Faithfulness(pytest.approx(0.7), pytest.approx(0.7))
    assert found.score == pytest.approx(0)


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 1, width=32), min_size=STEPS + 1, max_size=STEPS + 1),
    st.lists(st.floats(0, 1, width=32), min_size=STEPS - 1, max_size=STEPS - 1),
)
def test_the_numbers_are_the_areas_under_the_curves(
    deleted: list[float], between: list[float]
) -> None:
    cells = np.zeros((2, 2), dtype=np.float32)
    tile = np.zeros((4, 4), dtype=np.float32)
    found = faithfulness(tile, cells, lambda tiles: np.array(deleted + between))
    inserted = [deleted[-1], *between, deleted[0]]
    share = np.linspace(0, 1, STEPS + 1)
    assert found.deletion == pytest.approx(np.trapezoid(deleted, share))
    assert found.insertion == pytest.approx(np.trapezoid(inserted, share))
    assert 0 <= found.deletion <= 1
    assert 0 <= found.insertion <= 1


def test_an_even_map_has_an_order_that_does_not_change() -> None:
    flat = np.zeros((CELLS, CELLS), dtype=np.float32)
    one, other = faithfulness(TILE, flat, PatchScorer()), faithfulness(TILE, flat, PatchScorer())
    assert one == other
