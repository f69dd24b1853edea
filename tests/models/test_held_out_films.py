"""The shipped view, findings and embedding models on films that their training never saw.

The figures are the cards' own, measured again through ONNX Runtime as a reading does. Films of
../shared are enough for some; the others need the fetched sets (training/README.md) in the folder
``CXR_AGENT_FILMS``, by default ``extra`` beside ``shared``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from cxr_agent.models.card import Figure, ModelCard
from cxr_agent.models.findings import FindingsModel
from cxr_agent.models.shelf import Shelf
from cxr_agent.models.store import load_card, weights_root
from cxr_agent.models.tile import make_tile
from cxr_agent.models.view import unreadable
from cxr_agent.study import FloatImage
from tests.builders import SHARED

pytest.importorskip("scipy")
pytest.importorskip("torch", reason="the sets' split lies in training/, which needs torch")

from safetensors.torch import load_file

from cxr_agent.models.networks.findings import deployed
from training.embedding.evaluate import thumbnails
from training.embedding.retrieval import precision_at, recall_at_one
from training.films import sets
from training.films.film import Film
from training.findings import data
from training.findings.evaluate import saliency
from training.findings.scores import auc

EXTRA = Path(os.environ.get("CXR_AGENT_FILMS", SHARED.parent / "extra"))
TOLERANCE = 0.02

pytestmark = [
    pytest.mark.slow,
    pytest.mark.shared,
    pytest.mark.skipif(
        not (SHARED / "data").is_dir(), reason="../shared, which holds the films, is not there"
    ),
]
fetched = pytest.mark.skipif(
    not (EXTRA / "nih_128" / "index.csv").is_file(),
    reason="the fetched films (CXR_AGENT_FILMS) are not there",
)


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return Shelf()


def of_test_patients(source: str) -> list[Film]:
    films = sets.chest_films(SHARED, EXTRA)
    return [film for film in films if film.source == source and film.split == "test"]


def figure(card: ModelCard, metric: str, data_start: str, structure: str = "") -> Figure:
    return next(
        f
        for f in card.figures
        if f.metric == metric and f.data.startswith(data_start) and f.structure == structure
    )


def in_all_ways(pixels: FloatImage) -> Iterator[tuple[int, bool, bool, FloatImage]]:
    for quarters, mirrored, inverted in product(range(4), (False, True), (False, True)):
        changed = 1 - pixels if inverted else pixels
        changed = changed[:, ::-1] if mirrored else changed
        yield quarters, mirrored, inverted, np.ascontiguousarray(np.rot90(changed, quarters))


def test_turns_mirroring_and_inversion_are_seen(shelf: Shelf) -> None:
    model = shelf.view()
    right = {"turn": [], "mirrored": [], "inverted": []}
    for film in of_test_patients("jsrt"):
        for quarters, mirrored, inverted, pixels in in_all_ways(film.pixels()):
            look = model.look(pixels)
            right["turn"].append(look.turn == 90 * quarters)
            right["mirrored"].append((look.mirrored >= 0.5) == mirrored)
            right["inverted"].append((look.inverted >= 0.5) == inverted)
    shares = {name: float(np.mean(hits)) for name, hits in right.items()}
    assert shares["turn"] >= 0.98
    assert shares["inverted"] >= 0.98
    assert shares["mirrored"] >= 0.95


@pytest.mark.parametrize("source", ["jsrt", "wingspan", "covid"])
def test_hardly_an_upright_film_is_refused(shelf: Shelf, source: str) -> None:
    model = shelf.view()
    limits = model.card.limits
    films = of_test_patients(source)
    refused = [unreadable(model.look(film.pixels()), limits) is not None for film in films]
    assert sum(refused) <= max(1, 0.03 * len(films))


def test_the_patients_other_film_is_found(shelf: Shelf) -> None:
    films = of_test_patients("covid")
    vectors = shelf.embedding().embed([film.pixels() for film in films]).vectors
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    card = figure(load_card("embedding"), "same patient, recall at 1", "COVID-19")
    assert recall_at_one(vectors, films).mean() == pytest.approx(card.value, abs=0.04)


@pytest.fixture(scope="module")
def classified(shelf: Shelf) -> tuple[list[Film], dict[str, np.ndarray]]:
    model: FindingsModel = shelf.findings()
    films = data.part(data.frontal(SHARED, EXTRA), "test", ["nih"])
    found = [model.classify(film.pixels()).probabilities for film in films]
    codes = [label.code for label in model.card.labels]
    return films, {code: np.array([f[code] for f in found]) for code in codes}


@fetched
def test_every_auc_is_that_of_the_card(
    classified: tuple[list[Film], dict[str, np.ndarray]],
) -> None:
    films, probabilities = classified
    truth = data.targets(films)
    for label in load_card("findings").labels:
        measured = auc(truth[:, data.CODES.index(label.code)], probabilities[label.code])
        assert measured == pytest.approx(label.auc, abs=TOLERANCE), label.code
        assert label.offered is (label.auc_interval[0] >= 0.75), label.code


@fetched
def test_thresholds_do_on_test_films_what_they_were_set_for(
    classified: tuple[list[Film], dict[str, np.ndarray]],
) -> None:
    films, probabilities = classified
    truth = data.targets(films)
    for label in load_card("findings").labels:
        if label.offered:
            column = truth[:, data.CODES.index(label.code)]
            there, said = column == 1, probabilities[label.code]
            assert (said[column == 0] < label.present_at).mean() >= label.specificity - 0.05
            kept = (said[there] >= label.absent_below).mean()
            shown = figure(
                load_card("findings"), "sensitivity at absent", "ChestX-ray14", label.code
            )
            assert kept == pytest.approx(shown.value, abs=TOLERANCE), label.code
            assert kept > 0.7


@fetched
def test_neighbours_share_findings_more_often_than_by_pixels(shelf: Shelf) -> None:
    model = shelf.embedding()
    films = data.part(data.frontal(SHARED, EXTRA), "test", ["nih"])[:1200]
    vectors = np.concatenate([model.embed([film.pixels()]).vectors for film in films])
    tiles = np.stack([make_tile(film.pixels(), model.card.input_size)[0] for film in films])
    assert precision_at(vectors, films, 5).mean() > precision_at(thumbnails(tiles), films, 5).mean()
    assert recall_at_one(vectors, films).mean() > recall_at_one(thumbnails(tiles), films).mean()


@fetched
def test_maps_are_truer_than_chance_and_hang_on_the_weights(
    classified: tuple[list[Film], dict[str, np.ndarray]],
) -> None:
    card = load_card("findings")
    network = deployed(card)
    network.load_state_dict(load_file(weights_root() / "findings" / card.safetensors_file))
    offered = [label.code for label in card.labels if label.offered]
    shown = [film for code in offered for film in classified[0] if film.labels.get(code)][::4]
    found = saliency(network, shown)
    assert set(found) & set(offered)
    for code in set(found) & set(offered):
        record = found[code]
        assert record["map"] > record["random"], code
        assert record["map"] > record["untrained"], code
        assert record["better_than_random"] > 0.6, code
        assert abs(record["rank_correlation_with_untrained"]) < 0.5, code
