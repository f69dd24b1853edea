"""Redrawing weights and labels, on the network that is shipped."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.evaluation.explaining.randomisation import label_test, other_findings, weight_test
from cxr_agent.evaluation.explaining.weights import blocks, features, maps_of, redrawn
from cxr_agent.models.store import load_card, verified_weights
from cxr_agent.models.tile import make_tile
from cxr_agent.testing.phantom import PhantomSpec, draw

CARD = load_card("findings")
CONTENT = verified_weights(CARD)
TILES = np.stack(
    [
        make_tile(draw(PhantomSpec(cardiothoracic_ratio=ratio), 128).pixels, CARD.input_size)[0]
        for ratio in np.linspace(0.38, 0.68, 12)
    ]
)
FINDINGS = tuple(label.code for label in CARD.labels if label.offered)


def test_blocks_come_from_the_output_to_the_input() -> None:
    found = blocks(CONTENT)
    assert found[0].tensors == ("head.weight", "head.bias")
    assert [block.name for block in found[1:]] == [
        f"encoder/blocks/blocks.{number}" for number in range(7, -1, -1)
    ]
    names = [name for block in found for name in block.tensors]
    assert len(names) == len(set(names)) == 42


def test_only_the_named_blocks_are_redrawn() -> None:
    own = maps_of(CONTENT, CARD, TILES[:2])
    none = redrawn(CONTENT, (), np.random.default_rng(0))
    np.testing.assert_array_equal(maps_of(none, CARD, TILES[:2]), own)
    head = redrawn(CONTENT, blocks(CONTENT)[:1], np.random.default_rng(0))
    assert np.abs(maps_of(head, CARD, TILES[:2]) - own).max() > 0.1
    np.testing.assert_array_equal(
        features(head, CARD, TILES[:2]), features(CONTENT, CARD, TILES[:2])
    )


def test_the_head_on_the_features_is_the_map() -> None:
    from onnx import load_from_string, numpy_helper

    tensors = {
        t.name: numpy_helper.to_array(t) for t in load_from_string(CONTENT).graph.initializer
    }
    seen = features(CONTENT, CARD, TILES[:1])
    made = np.einsum("ncij,kc->nkij", seen, tensors["head.weight"][:, :, 0, 0])
    made += tensors["head.bias"][None, :, None, None]
    np.testing.assert_allclose(made, maps_of(CONTENT, CARD, TILES[:1]), atol=1e-3)


def test_maps_of_the_network_depend_on_its_weights() -> None:
    found = weight_test(CONTENT, CARD, TILES[:3], FINDINGS, draws=1)
    assert [stage.redrawn for stage in found.stages] == list(range(1, 10))
    last = found.stages[-1].likeness.rank_correlation.value
    between = found.between_films.rank_correlation.value
    assert last is not None
    assert between is not None
    assert abs(last) < 0.6 < between  # drawn chests are much alike
    assert set(found.stages[0].by_finding) == set(FINDINGS)


def test_heads_of_permuted_labels_make_other_maps_than_those_of_true_ones() -> None:
    large = np.arange(12) >= 6
    (found,) = label_test(CONTENT, CARD, TILES, {"cardiomegaly": large, "rare": np.arange(12) > 9})
    assert found.finding == "cardiomegaly"
    assert (found.films, found.positives) == (12, 6)
    assert found.permuted.value is not None
    assert found.resampled.value is not None
    assert found.permuted.value < found.resampled.value - 0.3


def test_maps_of_two_findings_are_compared_film_by_film() -> None:
    maps = np.random.default_rng(0).normal(size=(5, 2, 8, 8)).astype(np.float32)
    (apart,) = other_findings(maps, ["a", "b"])
    (same,) = other_findings(maps[:, [0, 0]], ["a", "b"])
    assert apart.likeness.rank_correlation.value == pytest.approx(0, abs=0.2)
    assert same.likeness.rank_correlation.value == pytest.approx(1)
