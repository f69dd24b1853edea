"""How far is too far, by the store's own films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxr_agent.retrieval import Store
from cxr_agent.retrieval.reach import FEWEST, reach_of

from .made import clustered, filled, looked


def test_it_is_the_percentile_of_the_nearest_of_another_patient(tmp_path: Path) -> None:
    vectors = clustered(120)
    with filled(tmp_path, vectors) as store:
        nearest = []
        for one, vector in enumerate(vectors):
            others = [n for n in range(len(vectors)) if n // 2 != one // 2]
            nearest.append(min(float(1 - vectors[n] @ vector) for n in others))
        assert reach_of(store) == pytest.approx(np.percentile(nearest, 99), abs=1e-5)


def test_it_is_measured_anew_when_the_store_changed(tmp_path: Path) -> None:
    vectors = clustered(120)
    with filled(tmp_path, vectors) as store:
        before = reach_of(store)
        assert store.kept("reach") == repr(before)
        store.record([looked(900, -vectors.mean(axis=0)), looked(901, vectors[3] + 1e-4)])
        assert store.kept("reach") is None
        assert reach_of(store) != before


def test_few_films_or_one_patient_have_none(tmp_path: Path) -> None:
    with filled(tmp_path / "few", clustered(FEWEST - 1)) as store:
        assert reach_of(store) is None
        assert reach_of(store) is None  # kept as well
    with Store(tmp_path / "one", embedding="made 1", create=True) as store:
        store.record([looked(n, v, patient="p") for n, v in enumerate(clustered(FEWEST + 9))])
        assert reach_of(store) is None
