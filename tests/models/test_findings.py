"""The findings classifier's face: calibration, order of labels, and where maps land on a film."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_agent.models.findings import Classified, FindingsModel, probability
from cxr_agent.models.tile import make_tile
from cxr_agent.study import FloatImage
from tests.builders import label_card, model_card
from tests.models.scripted import ScriptedNetwork

SIDE = 64
LABELS = (
    label_card("pneumothorax", scale=2.0, offset=-1.0),
    label_card("atelectasis", scale=0.5, offset=0.25, offered=False),
    label_card("pleural_effusion"),
)
CODES = tuple(label.code for label in LABELS)
CARD = model_card("findings", labels=LABELS, input_size=SIDE)
FILM_SHAPES = [(60, 60), (200, 100), (90, 240), (1000, 400), (300, 2000), (257, 255)]


def film(shape: tuple[int, int], seed: int = 0) -> FloatImage:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def saying(
    logits: tuple[float, ...] = (0.0, 0.0, 0.0), maps: NDArray[np.floating] | None = None
) -> ScriptedNetwork:
    """The same for every tile."""
    cells = np.zeros((3, 4, 4)) if maps is None else maps

    def answer(tiles: FloatImage) -> dict[str, FloatImage]:
        return {
            "logits": np.repeat(np.float32([logits]), len(tiles), axis=0),
            "maps": np.repeat(np.float32(cells)[None], len(tiles), axis=0),
        }

    return ScriptedNetwork(CARD, answer)


# --- probabilities --------------------------------------------------------------------------


def test_each_label_has_its_own_calibration_in_the_cards_order() -> None:
    found = FindingsModel(saying((1.5, -2.0, 0.3))).classify(film((80, 60)))
    assert tuple(found.probabilities) == CODES
    assert found.probabilities["pneumothorax"] == pytest.approx(1 / (1 + math.exp(-2.0)))
    assert found.probabilities["atelectasis"] == pytest.approx(1 / (1 + math.exp(0.75)))
    assert found.probabilities["pleural_effusion"] == pytest.approx(1 / (1 + math.exp(-0.3)))


def test_each_label_has_its_own_map() -> None:
    maps = np.arange(48, dtype=np.float32).reshape(3, 4, 4)
    found = FindingsModel(saying(maps=maps)).classify(film((80, 60)))
    for index, code in enumerate(CODES):
        assert np.array_equal(found.cells[code], maps[index])


def test_a_film_is_prepared_as_in_training_and_asked_about_once() -> None:
    network = saying()
    pixels = film((80, 60))
    found = FindingsModel(network).classify(pixels)
    (tiles,) = network.asked
    assert tiles.shape == (1, 1, SIDE, SIDE)
    assert tiles.dtype == np.float32
    wanted, placement = make_tile(pixels, SIDE)
    assert np.array_equal(tiles[0, 0], wanted)
    assert np.array_equal(found.tile, wanted)
    assert found.placement == placement


@pytest.mark.parametrize(("logit", "wanted"), [(-1e4, 0.0), (0.5, 0.5), (1e4, 1.0)])
def test_no_logit_is_too_large(logit: float, wanted: float) -> None:
    assert probability(LABELS[0], np.float32(logit)) == pytest.approx(wanted)


def test_a_label_is_found_by_its_code() -> None:
    model = FindingsModel(saying())
    assert [model.label(code) for code in CODES] == list(LABELS)
    with pytest.raises(KeyError):
        model.label("hernia")


# --- maps -----------------------------------------------------------------------------------


def explained(pixels: FloatImage, cells: NDArray[np.floating]) -> FloatImage:
    maps = np.stack([np.zeros_like(cells), np.zeros_like(cells), cells])
    model = FindingsModel(saying(maps=maps))
    return model.explain(model.classify(pixels), "pleural_effusion").plane


def hot(row: int, column: int, count: int = 8) -> NDArray[np.float32]:
    cells = np.zeros((count, count), dtype=np.float32)
    cells[row, column] = 1
    return cells


@pytest.mark.parametrize("shape", FILM_SHAPES)
def test_a_plane_is_the_whole_film_and_not_too_fine(shape: tuple[int, int]) -> None:
    plane = explained(film(shape), hot(3, 4))
    shrink = min(1, 256 / max(shape))
    assert plane.shape == tuple(round(side * shrink) for side in shape)
    assert plane.dtype == np.float32
    assert 0 <= plane.min() <= plane.max() <= 1


@pytest.mark.parametrize("shape", FILM_SHAPES)
@pytest.mark.parametrize("cell", [(0, 3), (3, 0), (4, 4), (2, 5), (7, 3), (4, 7)])
def test_a_hot_cell_lands_where_it_lies_on_the_film(
    shape: tuple[int, int], cell: tuple[int, int]
) -> None:
    """A cell of the tile, whose film is centred on a square of its longest side."""
    plane = explained(film(shape), hot(*cell))
    # In film pixels from the film's middle, which is the middle of the tile.
    away = (np.array(cell) + 0.5) / 8 * max(shape) - max(shape) / 2
    wanted = away + np.array(shape) / 2
    row, column = np.unravel_index(plane.argmax(), plane.shape)
    scale = max(shape) / max(plane.shape)
    found = (np.array([row, column]) + 0.5) * scale
    half_cell = max(shape) / 16
    if (np.abs(away) <= np.array(shape) / 2).all():
        assert np.abs(found - wanted).max() <= half_cell + scale
        assert plane.max() > 0.8
        far = np.hypot(*(np.indices(plane.shape) * scale - wanted[:, None, None]))
        assert plane[far > 4 * half_cell].max(initial=0) < 0.2
    elif (np.abs(away) > np.array(shape) / 2 + 3 * half_cell).any():
        assert plane.max() < 0.2  # it lies on the margin, where there is no film


def test_a_map_keeps_top_and_bottom_left_and_right() -> None:
    cells = np.zeros((8, 8), dtype=np.float32)
    cells[:4, :] += 1
    cells[:, :4] += 2
    plane = explained(film((300, 200)), cells)
    quarters = [plane[:100, :70], plane[:100, -70:], plane[-100:, :70], plane[-100:, -70:]]
    assert [float(np.median(part)) for part in quarters] == pytest.approx(
        [1, 1 / 3, 2 / 3, 0], abs=0.02
    )


@pytest.mark.parametrize(("low", "high"), [(-9.0, -3.0), (0.0, 1e-3), (5.0, 400.0)])
def test_a_map_is_stretched_over_its_own_range(low: float, high: float) -> None:
    cells = low + (high - low) * hot(3, 3)
    plane = explained(film((200, 200)), cells)
    assert np.allclose(plane, explained(film((200, 200)), hot(3, 3)), atol=1e-3)


@pytest.mark.parametrize("level", [-3.7, 0.0, 0.1, 123.4])
def test_a_map_that_is_the_same_everywhere_points_nowhere(level: float) -> None:
    plane = explained(film((200, 120)), np.full((8, 8), level, dtype=np.float32))
    assert not plane.any()


# --- whether a map is true ------------------------------------------------------------------


def looking_at(row: int, column: int) -> FindingsModel:
    """Its last label's logit is the detail of one cell of 8 x 8; the first label sees nothing."""
    width = SIDE // 8
    rows, columns = (slice(at * width, (at + 1) * width) for at in (row, column))

    def answer(tiles: FloatImage) -> dict[str, FloatImage]:
        detail = tiles[:, 0, rows, columns].std(axis=(1, 2))
        logits = np.stack([np.ones_like(detail), np.zeros_like(detail), 9 * detail - 4], axis=1)
        maps = np.repeat(hot(row, column)[None, None], 3, axis=1)
        return {"logits": logits, "maps": np.repeat(maps, len(tiles), axis=0)}

    return FindingsModel(ScriptedNetwork(CARD, answer))


def test_a_map_is_tried_on_the_label_that_it_explains() -> None:
    model = looking_at(3, 4)
    classified = model.classify(film((SIDE, SIDE)))
    true = model.explain(classified, "pleural_effusion").faithfulness
    assert true.score > 0.5
    assert model.explain(classified, "pneumothorax").faithfulness.score == pytest.approx(0)


def test_a_wrong_map_is_told() -> None:
    model = looking_at(3, 4)
    found = model.classify(film((SIDE, SIDE)))
    wrong = Classified(
        found.probabilities, {code: -cells for code, cells in found.cells.items()},
        found.tile, found.placement,
    )  # fmt: skip
    assert model.explain(wrong, "pleural_effusion").faithfulness.score < -0.5


def test_curves_are_of_the_score_before_calibration() -> None:
    model = FindingsModel(saying((3.0, 0.0, 0.0)))
    curve = model.explain(model.classify(film((80, 60))), "pneumothorax").faithfulness
    assert curve.deletion == pytest.approx(1 / (1 + np.exp(-3.0)), abs=1e-6)
    assert curve.insertion == pytest.approx(curve.deletion)
