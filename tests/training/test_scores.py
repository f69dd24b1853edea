"""The figures of a classifier against slower ways to the same numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cxr_agent.models.findings import probability
from tests.builders import label_card
from training.figures import balanced, bootstrap, share
from training.findings.scores import (
    Platt,
    auc,
    auc_interval,
    calibrate,
    calibration_error,
    sensitivity,
    specificity,
    threshold_at_sensitivity,
    threshold_at_specificity,
)

Array = NDArray[np.float64]
FILM = st.tuples(st.sampled_from((0.0, 1.0, math.nan)), st.integers(-4, 4))
"""A label that may not be known, and a score that often ties with another."""
CERTAIN = st.tuples(st.sampled_from((0.0, 1.0)), st.integers(0, 20))


def columns(films: list[tuple[float, int]]) -> tuple[Array, Array]:
    table = np.array(films, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def logistic(values: Array) -> Array:
    return 1 / (1 + np.exp(-values))


def drawn(count: int, gap: float, seed: int = 0) -> tuple[Array, Array]:
    """Labels, and scores that lie ``gap`` higher where the label is present."""
    rng = np.random.default_rng(seed)
    truth = (np.arange(count) % 3 == 0).astype(np.float64)
    return truth, rng.normal(0, 1, count) + gap * truth


@settings(deadline=None)
@given(st.lists(FILM, max_size=30))
def test_auc_is_the_share_of_pairs_in_the_right_order(films: list[tuple[float, int]]) -> None:
    positives = [score for label, score in films if label == 1]
    negatives = [score for label, score in films if label == 0]
    found = auc(*columns(films))
    if not positives or not negatives:
        assert math.isnan(found)
        return
    worth = [(p > n) + 0.5 * (p == n) for p in positives for n in negatives]
    assert found == pytest.approx(sum(worth) / len(worth))


def test_the_interval_of_an_auc_holds_it() -> None:
    truth, score = drawn(300, 1.0)
    low, high = auc_interval(truth, score, np.arange(300), draws=300)
    assert 0 < low < auc(truth, score) < high < 1


def test_the_interval_is_that_of_films_drawn_by_patient() -> None:
    rng = np.random.default_rng(3)
    people = np.sort(rng.integers(0, 25, 80))
    people = np.unique(people, return_inverse=True)[1]
    truth = rng.integers(0, 2, 80).astype(np.float64)
    score = np.round(truth + rng.normal(0, 1, 80))  # with ties
    draw = np.random.default_rng(0)
    found = []
    for _ in range(200):
        chosen = draw.integers(people.max() + 1, size=people.max() + 1)
        rows = np.concatenate([np.flatnonzero(people == person) for person in chosen])
        found.append(auc(truth[rows], score[rows]))
    wanted = np.percentile(found, (2.5, 97.5))
    assert auc_interval(truth, score, people, draws=200) == pytest.approx(tuple(wanted))
    unknown = np.concatenate([truth, np.full(9, np.nan)])
    longer = np.concatenate([score, np.zeros(9)])
    everyone = np.concatenate([people, np.arange(9)])
    assert auc_interval(unknown, longer, everyone, draws=200) == pytest.approx(tuple(wanted))


def test_fewer_patients_give_a_wider_interval() -> None:
    def width(count: int) -> float:
        low, high = auc_interval(*drawn(count, 1.0), np.arange(count), draws=300)
        return high - low

    assert width(60) > 1.5 * width(600)


def test_films_of_one_patient_do_not_narrow_the_interval() -> None:
    """Eight copies of each film are no more knowledge than the films."""
    truth, score = drawn(60, 1.0)
    people = np.arange(60)
    once = auc_interval(truth, score, people, draws=300)
    eight = [np.repeat(values, 8) for values in (truth, score)]
    assert auc_interval(*eight, np.repeat(people, 8), draws=300) == pytest.approx(once)
    low, high = auc_interval(*eight, np.arange(480), draws=300)
    assert high - low < 0.6 * (once[1] - once[0])


@pytest.mark.parametrize(("scale", "offset"), [(0.5, -1.0), (1.0, 0.0), (2.5, 1.5)])
def test_calibration_recovers_how_the_labels_were_drawn(scale: float, offset: float) -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 1.5, 20_000)
    truth = (rng.random(20_000) < logistic(scale * logits + offset)).astype(np.float64)
    truth[::10] = np.nan
    found = calibrate(truth, logits)
    assert found.scale == pytest.approx(scale, rel=0.06)
    assert found.offset == pytest.approx(offset, abs=0.06)
    assert calibration_error(truth, found.probability(logits)) < 0.015


def test_a_small_split_without_a_mistake_does_not_make_the_model_certain() -> None:
    truth = np.array([1, 1, 0, 0, 0, 0], dtype=np.float64)
    said = calibrate(truth, np.where(truth == 1, 4.0, -4.0)).probability([4.0, -4.0])
    # Platt's targets: (positives + 1) / (positives + 2) and 1 / (negatives + 2).
    assert said == pytest.approx([3 / 4, 1 / 6], abs=0.01)


def test_calibration_never_turns_the_order_around() -> None:
    truth = np.array([1, 1, 1, 0, 0, 0], dtype=np.float64)
    said = calibrate(truth, -truth).probability([-1.0, 0.0])
    assert said[0] <= said[1]


def test_the_reading_path_calibrates_with_the_same_formula() -> None:
    label = label_card("pneumothorax", scale=1.7, offset=-0.4)
    logits = np.linspace(-6, 6, 25)
    read = [probability(label, logit) for logit in logits]
    assert np.allclose(Platt(1.7, -0.4).probability(logits), read)


def test_calibrated_probabilities_have_no_calibration_error() -> None:
    """Of 20 films that are given one probability, that share shows the finding."""
    said = np.repeat(np.arange(10) / 10 + 0.05, 20)
    truth = np.concatenate([np.arange(20) < 2 * tenth + 1 for tenth in range(10)]).astype(
        np.float64
    )
    assert calibration_error(truth, said) == pytest.approx(0, abs=1e-9)
    order = np.random.default_rng(2).permutation(len(said))
    assert calibration_error(truth[order], said[order]) == pytest.approx(0, abs=1e-9)
    assert calibration_error(truth, said + 0.03) == pytest.approx(0.03)
    unknown = np.concatenate([truth, np.full(50, np.nan)])
    assert calibration_error(unknown, np.concatenate([said, np.ones(50)])) < 1e-9


@pytest.mark.parametrize("count", [1, 3, 9, 10, 11])
def test_calibration_error_of_few_films(count: int) -> None:
    truth = (np.arange(count) % 2).astype(np.float64)
    assert calibration_error(truth, truth) == 0
    assert calibration_error(truth, 1 - truth) == 1


@settings(deadline=None)
@given(st.lists(CERTAIN, min_size=1, max_size=60), st.sampled_from((0.5, 0.8, 0.9, 0.95)))
def test_the_limit_of_presence_keeps_its_specificity_and_is_the_lowest(
    films: list[tuple[float, int]], wanted: float
) -> None:
    truth, score = columns(films)
    negatives = score[truth == 0]
    assume(negatives.size)
    limit = threshold_at_specificity(truth, score, wanted)
    assert specificity(truth, score, limit) >= wanted - 1e-9
    lower = negatives[negatives < limit]
    assert (negatives < lower.max(initial=-np.inf)).mean() < wanted


@settings(deadline=None)
@given(st.lists(CERTAIN, min_size=1, max_size=60), st.sampled_from((0.5, 0.8, 0.9, 0.95)))
def test_the_limit_of_absence_keeps_its_sensitivity_and_is_the_highest(
    films: list[tuple[float, int]], wanted: float
) -> None:
    truth, score = columns(films)
    assume((truth == 1).any())
    limit = threshold_at_sensitivity(truth, score, wanted)
    assert sensitivity(truth, score, limit) >= wanted - 1e-9
    assert sensitivity(truth, score, np.nextafter(limit, np.inf)) < wanted


def test_limits_look_at_known_labels_alone() -> None:
    truth = np.array([0, 0, 1, 1, np.nan, np.nan])
    score = np.array([0.1, 0.3, 0.6, 0.8, 0.0, 1.0])
    assert threshold_at_specificity(truth, score, 0.5) == 0.3
    assert threshold_at_sensitivity(truth, score, 1.0) == 0.6
    assert sensitivity(truth, score, 0.7) == 0.5
    assert specificity(truth, score, 0.2) == 0.5


def test_a_share_comes_with_its_interval() -> None:
    hits = (np.arange(200) % 4 > 0).astype(np.float64)
    figure = share("d", "m", hits, "s")
    assert (figure.value, figure.films, figure.structure) == (0.75, 200, "s")
    low, high = figure.interval or (math.nan, math.nan)
    assert 0.65 < low < 0.75 < high < 0.85
    few = bootstrap(hits[:20])
    assert few[1] - few[0] > 2 * (high - low)


def test_balanced_accuracy_counts_every_class_alike() -> None:
    truth = np.array([0] * 90 + [1] * 10)
    figure = balanced("d", "m", truth, np.zeros(100, dtype=np.int64))
    assert figure.value == 0.5
    assert figure.interval == (0.5, 0.5)
    told = truth.copy()
    told[:9] = 1
    assert balanced("d", "m", truth, told).value == pytest.approx(0.95)
