"""Labels by words, volumes by their slices, and how good an embedding is in one store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import UsageError
from cxr_agent.evidence import Polarity
from cxr_agent.models.adapters import load_adapter
from cxr_agent.models.adapters.vectors import Vectors
from cxr_agent.retrieval import Item
from cxr_agent.retrieval.quality import film_vectors, quality
from cxr_agent.retrieval.zero_shot import findings, pooled, zero_shot
from cxr_agent.synthesis.slices import SlicePooling, axial_slices
from cxr_agent.synthesis.volume import Volume
from cxr_agent.testing.phantom.thorax import thorax

from .made import checkpoint
from .test_encoding import filmed

__all__ = ["filmed"]


class Words:
    """A space in which effusion is one axis and its denial the opposite."""

    def encode_text(self, texts: list[str]) -> Vectors:
        found = np.zeros((len(texts), 3), np.float32)
        for row, text in zip(found, texts, strict=True):
            denied = "without" in text or " no " in text
            row[0 if "effusion" in text else 1] = -1 if denied else 1
        return found


def test_a_film_near_the_words_has_the_label() -> None:
    words: Any = Words()
    vector = np.array([1, 0, 0], np.float32)
    first, *others = zero_shot(words, vector)
    assert first.code in ("pleural_effusion", "pericardial_effusion")
    assert first.margin == pytest.approx(2)
    assert {one.code for one in others} | {first.code} == set(findings())
    (asked,) = zero_shot(words, -vector, ["pleural_effusion"])
    assert asked.margin == pytest.approx(-2)
    with pytest.raises(UsageError, match="unknown_finding"):
        zero_shot(words, vector, ["gout"])


def test_a_network_of_films_and_texts_labels_films_and_volumes(tmp_path: Path) -> None:
    model = load_adapter("clip", checkpoint(tmp_path / "clip", "clip"))
    vector = SlicePooling(model, slices=5).encode(thorax(size=48).volume)
    assert vector.shape == (model.dimension,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    labels = zero_shot(model, vector, ["pneumothorax", "cardiomegaly"])
    assert [one.margin for one in labels] == sorted((one.margin for one in labels), reverse=True)
    with pytest.raises(UsageError, match="nothing_to_pool"):
        pooled(np.zeros((0, 4), np.float32))


def test_slices_look_the_same_however_the_file_orders_its_axes() -> None:
    volume = thorax(size=48).volume
    wanted = axial_slices(volume, 4)
    assert len(wanted) == 4
    assert wanted[1].min() >= 0
    assert wanted[1].max() <= 1
    order = (2, 0, 1)
    turned = Volume(np.transpose(volume.hu, order), volume.affine[:, [*order, 3]])
    for one, other in zip(wanted, axial_slices(turned, 4), strict=True):
        np.testing.assert_array_equal(one, other)
    flipped = volume.affine.copy()
    flipped[:3, 3] += volume.affine[:3, 2] * (volume.hu.shape[2] - 1)
    flipped[:3, 2] *= -1
    for one, other in zip(
        wanted, axial_slices(Volume(volume.hu[:, :, ::-1], flipped), 4), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_precision_is_the_share_of_neighbours_with_the_same_finding() -> None:
    vectors = np.eye(2, dtype=np.float32)[[0, 0, 0, 1, 1, 1]]
    said = [Polarity.PRESENT] * 3 + [Polarity.ABSENT] * 2 + [Polarity.PRESENT]
    items = {
        n: Item(f"{n:064x}", f"/{n}", patient=f"p{n}", labels={"pneumonia": one})
        for n, one in enumerate(said)
    }
    numbers = np.arange(6)
    found = quality(items, numbers, vectors, k=2)
    # Films 0 to 2 have two such neighbours each, film 5 has none.
    assert (found.films, found.precision) == (4, 0.75)
    assert found.interval[0] <= 0.75 <= found.interval[1]
    one_patient = {n: Item(i.sha256, i.source, "p", i.labels) for n, i in items.items()}
    with pytest.raises(UsageError, match="too_few_films"):
        quality(one_patient, numbers, vectors, k=2)


@pytest.mark.parametrize("family", ["dinov2", "clip"])
def test_encoders_of_films_are_measured_by_name(filmed: Any, tmp_path: Path, family: str) -> None:
    numbers, vectors = film_vectors(filmed, str(checkpoint(tmp_path / family, family)))
    assert len(numbers) == len(vectors) == 4
    found = quality(filmed.items(), numbers, vectors, k=1)
    assert found.films == 2
    next(Path(item.source) for item in filmed.items().values()).unlink()
    assert len(film_vectors(filmed, str(tmp_path / family))[0]) == 3


def test_an_encoder_of_texts_is_none_of_films(filmed: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no_film_encoder"):
        film_vectors(filmed, str(checkpoint(tmp_path / "s", "sentence")))
