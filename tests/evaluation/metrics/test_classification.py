"""Areas under curves as scikit-learn has them; rates by hand; nothing said of one class."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from cxr_agent.evaluation.metrics.classification import auroc, average_precision, counts

CASES = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.1, 0.4, 0.7, 1.0])), min_size=2
)


@given(CASES)
def test_the_area_is_that_of_scikit_learn(cases: list[tuple[bool, float]]) -> None:
    truths, scores = [one[0] for one in cases], [one[1] for one in cases]
    if len(set(truths)) == 1:
        assert auroc(truths, scores) is None
        assert average_precision(truths, scores) is None
    else:
        assert auroc(truths, scores) == pytest.approx(roc_auc_score(truths, scores))


def test_average_precision() -> None:
    # Ranked: yes (1/1), no, yes (2/3).
    assert average_precision([1, 0, 1], [0.9, 0.8, 0.1]) == pytest.approx((1 + 2 / 3) / 2)


def test_rates() -> None:
    found = counts([1, 1, 1, 0, 0], [1, 0, 0, 1, 0])
    assert found.sensitivity == pytest.approx(1 / 3)
    assert found.specificity == 0.5
    assert found.precision == 0.5
    assert found.f1 == pytest.approx(0.4)


def test_rates_that_are_not_defined() -> None:
    none = counts([0, 0], [0, 1])
    assert (none.sensitivity, none.f1, none.precision) == (None, None, 0.0)
    missed = counts([1, 1], [0, 0])
    assert (missed.specificity, missed.precision, missed.f1) == (None, None, 0.0)
    assert counts([], []).specificity is None


def test_lists_of_two_lengths() -> None:
    with pytest.raises(ValueError, match="same length"):
        auroc([1, 0], [0.5])
    with pytest.raises(ValueError, match="same length"):
        counts([1, 0], [True])
