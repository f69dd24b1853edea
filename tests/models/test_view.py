"""The view model's face: which number is which."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.models.tile import make_tile
from cxr_agent.models.view import FLAGS, KINDS, TURNS, ViewModel
from cxr_agent.study import FloatImage
from tests.builders import model_card
from tests.models.scripted import ScriptedNetwork

CARD = model_card("view", input_size=32)
PIXELS = np.random.default_rng(0).random((90, 50), dtype=np.float32)


def saying(
    kind: tuple[float, ...] = (0.9, 0.07, 0.03),
    turn: tuple[float, ...] = (0.7, 0.2, 0.06, 0.04),
    flags: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4),
) -> ScriptedNetwork:
    def answer(tiles: FloatImage) -> dict[str, FloatImage]:
        said = {"kind": kind, "turn": turn, "flags": flags}
        return {
            name: np.repeat(np.float32([values]), len(tiles), axis=0)
            for name, values in said.items()
        }

    return ScriptedNetwork(CARD, answer)


def test_every_probability_goes_by_its_name() -> None:
    look = ViewModel(saying()).look(PIXELS)
    assert (look.frontal, look.lateral, look.other) == pytest.approx((0.9, 0.07, 0.03))
    assert look.turns == pytest.approx({0: 0.7, 90: 0.2, 180: 0.06, 270: 0.04})
    told = (look.ap, look.mirrored, look.inverted, look.child)
    assert told == pytest.approx((0.1, 0.2, 0.3, 0.4))


@pytest.mark.parametrize("quarters", range(4))
def test_the_likeliest_turn_and_the_doubt_that_it_stands_upright(quarters: int) -> None:
    turn = np.full(4, 0.1)
    turn[quarters] = 0.7
    look = ViewModel(saying(turn=tuple(turn))).look(PIXELS)
    assert look.turn == 90 * quarters
    assert look.turned == pytest.approx(0.3 if quarters == 0 else 0.9)


def test_many_small_doubts_add_up() -> None:
    """No other turn is likelier than upright, and yet it is more likely turned than not."""
    look = ViewModel(saying(turn=(0.4, 0.2, 0.2, 0.2))).look(PIXELS)
    assert look.turn == 0
    assert look.turned == pytest.approx(0.6)


def test_the_picture_is_looked_at_as_it_was_stored() -> None:
    network = saying()
    ViewModel(network).look(PIXELS)
    (tiles,) = network.asked
    assert tiles.shape == (1, 1, 32, 32)
    assert np.array_equal(tiles[0, 0], make_tile(PIXELS, 32)[0])


@pytest.mark.parametrize("head", ["kind", "turn", "flags"])
def test_a_network_with_another_number_of_answers_is_not_guessed_at(head: str) -> None:
    with pytest.raises(ValueError, match="zip"):
        ViewModel(saying(**{head: (0.5, 0.5)})).look(PIXELS)


def test_training_and_reading_name_the_answers_alike() -> None:
    trained = pytest.importorskip("cxr_agent.models.networks.view", reason="torch is an extra")
    assert (trained.KINDS, trained.TURNS, trained.FLAGS) == (KINDS, TURNS, FLAGS)
