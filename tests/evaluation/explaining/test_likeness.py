"""Likeness of maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.evaluation.explaining.likeness import rank_correlation, structural_similarity

MAP = np.random.default_rng(0).normal(size=(8, 8))


def test_a_map_is_like_itself_however_it_is_scaled() -> None:
    assert rank_correlation(MAP, np.exp(MAP)) == pytest.approx(1)
    assert structural_similarity(MAP, 3 * MAP + 7) == pytest.approx(1)


def test_its_inverse_is_unlike_it() -> None:
    assert rank_correlation(MAP, -MAP) == pytest.approx(-1)
    assert structural_similarity(MAP, -MAP) < 0


def test_a_flat_map_is_like_nothing() -> None:
    assert rank_correlation(MAP, np.ones((8, 8))) == 0
    assert abs(structural_similarity(MAP, np.ones((8, 8)))) < 0.1


@given(st.integers(0, 10_000))
def test_both_are_symmetric_and_bounded(seed: int) -> None:
    one, other = np.random.default_rng(seed).normal(size=(2, 8, 8))
    for measure in (rank_correlation, structural_similarity):
        assert measure(one, other) == pytest.approx(measure(other, one))
        assert -1 <= measure(one, other) <= 1 + 1e-9


def test_spearman_agrees_with_scipy() -> None:
    from scipy.stats import spearmanr

    other = np.random.default_rng(1).integers(0, 5, (8, 8)).astype(float)  # with ties
    assert rank_correlation(MAP, other) == pytest.approx(
        spearmanr(MAP.ravel(), other.ravel()).statistic
    )
