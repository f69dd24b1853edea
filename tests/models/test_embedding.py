"""The embedding's face: several films at once, each with its own answer."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.models.embedding import EmbeddingModel
from cxr_agent.models.tile import make_tile
from cxr_agent.study import FloatImage
from tests.builders import model_card
from tests.models.scripted import ScriptedNetwork

CARD = model_card("embedding", input_size=32)
FILMS = [
    np.random.default_rng(n).random(shape, dtype=np.float32)
    for n, shape in enumerate([(40, 30), (300, 500), (64, 64)])
]


def by_corner(tiles: FloatImage) -> dict[str, FloatImage]:
    """A vector and a distance that tell one tile from another."""
    corners = tiles[:, 0, 16, 14:17]
    unit = corners / np.linalg.norm(corners, axis=1, keepdims=True)
    return {"embedding": unit, "strangeness": np.abs(tiles[:, 0, 16, 16])}


def test_films_of_any_size_go_through_together_and_keep_their_order() -> None:
    network = ScriptedNetwork(CARD, by_corner)
    found = EmbeddingModel(network).embed(FILMS)
    (tiles,) = network.asked
    assert tiles.shape == (3, 1, 32, 32)
    for tile, film in zip(tiles[:, 0], FILMS, strict=True):
        assert np.array_equal(tile, make_tile(film, 32)[0])
    assert found.vectors.shape == (3, 3)
    assert len(found.strangeness) == 3
    assert all(type(distance) is float for distance in found.strangeness)
    for place, film in enumerate(FILMS):
        alone = EmbeddingModel(ScriptedNetwork(CARD, by_corner)).embed([film])
        assert np.array_equal(alone.vectors[0], found.vectors[place])
        assert alone.strangeness == (found.strangeness[place],)


def test_likeness_is_the_dot_product() -> None:
    model = EmbeddingModel(ScriptedNetwork(CARD, by_corner))
    vectors = model.embed([FILMS[0], FILMS[0], 0.5 * FILMS[0] + 0.1]).vectors
    assert vectors[0] @ vectors[1] == pytest.approx(1)
    assert vectors[0] @ vectors[2] == pytest.approx(1, abs=1e-3)  # gain and offset do not count


def test_no_film_is_no_question() -> None:
    with pytest.raises(ValueError, match="at least one"):
        EmbeddingModel(ScriptedNetwork(CARD, by_corner)).embed([])
