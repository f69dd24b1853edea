"""Intervals that draw patients as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from cxr_agent.evaluation.runs.bootstrap import OfSums, grouped_interval


def test_it_covers_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    hits = 0
    for seed in range(200):
        values = random.normal(1.0, 1.0, 40)
        interval = grouped_interval(
            list(values), [str(n) for n in range(40)], fmean, resamples=300, seed=seed
        )
        assert interval is not None
        hits += interval[0] <= 1.0 <= interval[1]
    assert 0.89 <= hits / 200 <= 0.985


def test_films_of_one_patient_are_not_counted_as_many() -> None:
    values = [float(n) for n in range(8) for _ in range(10)]
    own = grouped_interval(values, [str(int(v)) for v in values], fmean)
    apart = grouped_interval(values, [str(n) for n in range(80)], fmean)
    assert own is not None
    assert apart is not None
    assert own[1] - own[0] > 2 * (apart[1] - apart[0])


def test_nothing_is_said_of_too_little() -> None:
    assert grouped_interval([1.0, 2.0], ["a", "a"], fmean) is None
    assert grouped_interval([], [], fmean) is None
    assert grouped_interval([1.0, 2.0], ["a", "b"], lambda _: None) is None
    assert grouped_interval([1.0, 2.0], ["a", "b"], fmean, resamples=0) is None


def test_the_same_seed_gives_the_same() -> None:
    items, groups = [1.0, 5.5, 2.3, 8.9, 3.1], ["a", "b", "c", "d", "e"]
    first = grouped_interval(items, groups, fmean, seed=3, resamples=30)
    assert first == grouped_interval(items, groups, fmean, seed=3, resamples=30)
    assert first != grouped_interval(items, groups, fmean, seed=4, resamples=30)


def test_a_statistic_of_sums_is_worked_out_once_an_item_and_gives_the_same() -> None:
    random = np.random.default_rng(8)
    items = [(float(n), float(of)) for n, of in random.integers(1, 9, (60, 2))]
    groups = [str(n) for n in random.integers(0, 20, 60)]
    looked: list[tuple[float, float]] = []

    def terms(item: tuple[float, float]) -> tuple[float, float]:
        looked.append(item)
        return item

    def ratio(drawn: Sequence[tuple[float, float]]) -> float | None:
        return sum(n for n, _ in drawn) / sum(of for _, of in drawn)

    sums = OfSums(terms, lambda total, count: total / count)
    slow, quick = (grouped_interval(items, groups, one, resamples=200) for one in (ratio, sums))
    assert quick == slow is not None
    assert len(looked) == len(items)
    assert sums(items) == ratio(items)
    assert sums([]) is None
