"""Agreement of numbers, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.evaluation.metrics.agreement import agreement, concordance, covered


def test_agreement() -> None:
    found = agreement([1.0, 2.0, 6.0], [1.0, 3.0, 4.0])
    assert found is not None
    assert found.bias == pytest.approx(1 / 3)
    assert found.mean_absolute_error == 1.0
    assert found.median_absolute_error == 1.0
    spread = 1.96 * np.std([0, -1, 2], ddof=1)
    assert found.lower_limit == pytest.approx(1 / 3 - spread)
    assert found.upper_limit == pytest.approx(1 / 3 + spread)


def test_few_cases() -> None:
    assert agreement([], []) is None
    one = agreement([1.0], [2.0])
    assert one is not None
    assert (one.bias, one.lower_limit, one.concordance) == (-1.0, None, None)


def test_concordance_punishes_a_shift_that_correlation_does_not_see() -> None:
    true = [1.0, 2.0, 3.0, 4.0]
    assert concordance(true, true) == pytest.approx(1.0)
    shifted = [one + 1 for one in true]
    # 2 * 1.25 / (1.25 + 1.25 + 1)
    assert concordance(shifted, true) == pytest.approx(2.5 / 3.5)
    assert concordance([2.5] * 4, true) == 0.0
    assert concordance(true, [2.5] * 4) is None


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20), st.floats(-5, 5))
def test_concordance_lies_between_its_ends(true: list[float], shift: float) -> None:
    value = concordance([one + shift for one in true], true)
    assert value is None or -1 - 1e-9 <= value <= 1 + 1e-9


def test_coverage_takes_the_ends_in() -> None:
    assert covered([0, 0, 1], [1, 1, 2], [1.0, 1.1, 1.0]).tolist() == [True, False, True]
