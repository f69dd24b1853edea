"""A store as a reading sees it: nobody's own films, nothing of where or whose they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import UsageError
from cxr_agent.evidence import Polarity
from cxr_agent.retrieval import Item, Store
from cxr_agent.retrieval.building import embedding_identity
from cxr_agent.retrieval.library import Library
from cxr_agent.retrieval.store import Looked, SourceFile
from cxr_agent.study import FloatImage, Image
from tests.builders import film

from .made import DIMENSIONS, clustered

REPORT = "Jane Roe, 555-1234: CALL rm. Small left effusion. " + "Clear lungs. " * 40


@dataclass(frozen=True)
class _Card:
    id: str = "embedding"
    version: str = "made"
    weights_sha256: str = "0" * 64


@dataclass(frozen=True)
class _Embedded:
    vectors: FloatImage


class Pointing:
    """An embedding that gives every film the vector that it is told."""

    card = _Card()

    def __init__(self, vector: FloatImage) -> None:
        self.vector = vector

    def embed(self, films: Any) -> _Embedded:
        return _Embedded(self.vector[None])


VECTORS = clustered(120)


def opened(folder: Path, vector: FloatImage, **rest: Any) -> Library:
    model: Any = Pointing(vector)
    if not folder.exists():
        with Store(folder, embedding=embedding_identity(model), create=True) as store:
            store.record(
                [
                    Looked(
                        SourceFile(f"/ward/doe/{n}.png", 1, n),
                        Item(
                            sha256=f"{n:064x}",
                            source=f"/ward/doe/{n}.png",
                            patient=store.patient_key(f"p{n // 2}"),
                            labels={"pleural_effusion": Polarity.PRESENT},
                            report=REPORT,
                        ),
                        one,
                    )
                    for n, one in enumerate(VECTORS)
                ]
            )
    return Library(folder, model, **rest)


def looked_at(**of_film: Any) -> Image:
    return replace(film(np.zeros((8, 8), np.float32)), **of_film)


def test_the_patients_own_films_are_left_out_by_film_and_by_patient(tmp_path: Path) -> None:
    with opened(tmp_path / "s", VECTORS[10]) as library:
        first = library.similar(looked_at()).neighbours[0]
        assert first.number == 11
        assert first.distance == pytest.approx(0, abs=1e-6)
        by_film = library.similar(looked_at(sha256=f"{10:064x}"))
        assert {n.number for n in by_film.neighbours} & {11, 12} == set()
        key = library.patient_key("p5")
        by_patient = library.similar(looked_at(patient_key=key))
        assert by_patient == by_film
        assert by_film.neighbours[0].distance > 0.01


def test_what_is_far_is_not_similar(tmp_path: Path) -> None:
    away = -VECTORS.mean(axis=0)
    with opened(tmp_path / "s", away / np.linalg.norm(away)) as library:
        found = library.similar(looked_at())
    assert found.neighbours == ()
    assert found.votes == ()
    assert found.voters == 0
    assert found.reach is not None
    assert found.nearest is not None
    assert found.nearest > found.reach


def test_reports_are_masked_cut_and_given_only_where_allowed(tmp_path: Path) -> None:
    with opened(tmp_path / "s", VECTORS[10]) as library:
        snippet = library.similar(looked_at()).neighbours[0].snippet
    assert "effusion" in snippet
    assert not {"Jane", "Roe", "555"} & set(snippet.replace(",", " ").split())
    assert "555-1234" not in snippet
    assert len(snippet) <= 162
    with opened(tmp_path / "s", VECTORS[10], reports=False) as silent:
        assert {n.snippet for n in silent.similar(looked_at()).neighbours} == {""}


def test_nothing_says_where_or_whose(tmp_path: Path) -> None:
    with opened(tmp_path / "s", VECTORS[10]) as library:
        told = repr(library.similar(looked_at())) + library.record()
    for secret in ("/ward", "doe", "p5", str(tmp_path)):
        assert secret not in told


def test_threads_share_it(tmp_path: Path) -> None:
    with opened(tmp_path / "s", VECTORS[10]) as library, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: library.similar(looked_at()), range(32)))
    assert all(one == found[0] for one in found)


def test_an_empty_store_has_nothing_near(tmp_path: Path) -> None:
    model: Any = Pointing(np.ones(DIMENSIONS, np.float32) / 16)
    Store(tmp_path / "s", embedding=embedding_identity(model), create=True).close()
    with Library(tmp_path / "s", model) as library:
        found = library.similar(looked_at())
    assert (found.nearest, found.neighbours, found.films) == (None, (), 0)


def test_another_embeddings_store_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "s", embedding="other 1", create=True).close()
    with pytest.raises(UsageError, match="other_embedding"):
        Library(tmp_path / "s", Pointing(VECTORS[0]))  # type: ignore[arg-type]
