"""Drift that was put in is found where it is; where none is, hardly any is found."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.batch.overview.columns import Labels
from cxr_agent.batch.overview.drift import (
    FALSE_DISCOVERIES,
    Comparison,
    Kinds,
    Numbers,
    Subject,
    Verdict,
    drift_between,
)
from cxr_agent.batch.overview.facets import Facet
from cxr_agent.errors import UsageError

SITES = "ABCD"


def batch(
    rng: np.random.Generator, n: int, *, shift: float = 0.0, share: float = 0.1
) -> tuple[Facet, list[Subject]]:
    """Four sites with five measurements and three findings; site D has others where asked."""
    site = np.arange(n) % 4
    every = np.arange(n)
    subjects: list[Subject] = [
        Numbers(f"m{i}", rng.normal(0.5, 0.05, n) + shift * (site == 3) * (i == 0), every)
        for i in range(5)
    ]
    for i in range(3):
        p = np.where((site == 3) & (i == 0), share, 0.1)
        which = (rng.random(n) >= p).astype(np.int64)
        subjects.append(Kinds(f"f{i}", ("present", "absent"), which, every))
    return Facet("site", Labels.of(SITES[i] for i in site)), subjects


def found(comparisons: tuple[Comparison, ...]) -> list[Comparison]:
    return [one for one in comparisons if one.found]


def test_a_shift_and_a_share_that_were_put_in_are_found() -> None:
    facet, subjects = batch(np.random.default_rng(0), 4000, shift=0.05, share=0.25)
    made = {(one.group, one.subject): one for one in drift_between([facet], subjects)}
    moved, more = made["D", "m0"], made["D", "f0"]
    assert moved.verdict is Verdict.LARGE
    assert moved.difference is not None
    assert moved.difference.low < 0.05 < moved.difference.high
    assert more.found
    assert more.difference is not None
    assert more.difference.low < 0.15 < more.difference.high
    assert moved.q is not None
    assert more.q is not None
    assert max(moved.q, more.q) < 0.001
    # Of what was not touched, chance may give a difference, of little size.
    others = [one for one in found(tuple(made.values())) if one.subject not in ("m0", "f0")]
    assert len(others) <= 1
    assert all(one.verdict is Verdict.SMALL for one in others)


def test_without_drift_at_most_one_batch_in_twenty_is_flagged() -> None:
    seeds, flagged, uncorrected = 60, 0, 0
    for seed in range(seeds):
        facet, subjects = batch(np.random.default_rng(seed), 800)
        made = drift_between([facet], subjects)
        flagged += bool(found(made))
        p = [one.difference.p for one in made if one.difference is not None]
        assert len(p) == 4 * 8
        uncorrected += min(p) < FALSE_DISCOVERIES
    assert flagged / seeds <= 0.05
    # So many comparisons would flag far more, were they not corrected for.
    assert uncorrected / seeds > 0.15


def test_three_films_raise_no_alarm() -> None:
    values = np.append(np.full(500, 0.4) + np.arange(500) / 5000, [0.9, 0.9, 0.9])
    facet = Facet("site", Labels.of(["A"] * 500 + ["B"] * 3))
    (only,) = drift_between([facet], [Numbers("ctr", values, np.arange(503))])
    assert only.verdict is Verdict.TOO_FEW
    assert only.difference is None
    assert (only.n, only.n_rest) == (500, 3)


def test_a_difference_that_is_sure_but_little_is_called_small() -> None:
    facet, subjects = batch(np.random.default_rng(0), 40_000, shift=0.006)
    assert {one.verdict for one in found(drift_between([facet], subjects))} == {Verdict.SMALL}


def test_two_groups_are_compared_once_and_one_not_at_all() -> None:
    rng = np.random.default_rng(0)
    subject = Numbers("ctr", rng.normal(size=200), np.arange(200))
    two = Facet("site", Labels.of("AB"[i % 2] for i in range(200)))
    one = Facet("device", Labels.of("cpu" for _ in range(200)))
    assert [(c.facet, c.group) for c in drift_between([two, one], [subject])] == [("site", "A")]


def test_studies_without_a_group_are_in_neither_sample() -> None:
    subject = Numbers("ctr", np.arange(300.0), np.arange(300))
    facet = Facet("site", Labels.of([*"AB"][i % 2] if i < 200 else "" for i in range(300)))
    (only,) = drift_between([facet], [subject])
    assert (only.n, only.n_rest) == (100, 100)


def test_what_is_the_same_everywhere_is_no_comparison() -> None:
    facet = Facet("site", Labels.of("AB"[i % 2] for i in range(200)))
    every = np.arange(200)
    same = Kinds("f", ("present", "absent"), np.ones(200, dtype=np.int64), every)
    assert drift_between([facet], [same, Numbers("m", np.zeros(0), every[:0])]) == ()


def test_too_many_groups_are_refused() -> None:
    facet = Facet("site", Labels.of(str(i) for i in range(61)))
    with pytest.raises(UsageError) as told:
        drift_between([facet], [])
    assert told.value.code == "too_many_groups"
