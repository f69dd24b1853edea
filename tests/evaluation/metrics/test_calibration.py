"""Reliability on probabilities whose calibration is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.evaluation.metrics.calibration import Binning, reliability
from cxr_agent.evaluation.metrics.diagram import reliability_plot, reliability_svg
from cxr_agent.evaluation.metrics.means import mean_over
from cxr_agent.evaluation.metrics.shares import share

CASES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def test_arithmetic_by_hand() -> None:
    found = reliability([0.1, 0.1, 0.9, 0.9], [False, True, True, True])
    assert [(one.low, one.high, one.cases) for one in found.bins] == [(0.1, 0.2, 2), (0.9, 1.0, 2)]
    assert [one.observed.value for one in found.bins] == [0.5, 1.0]
    assert found.expected_error == pytest.approx((0.4 + 0.1) / 2)
    assert found.largest_error == pytest.approx(0.4)
    assert found.brier == pytest.approx((0.01 + 0.81 + 0.01 + 0.01) / 4)
    assert found.brier_of_base_rate == pytest.approx(0.1875)
    assert found.brier_skill == pytest.approx(1 - 0.21 / 0.1875)
    assert found.resolution == pytest.approx(0.0625)


def test_what_is_certain_and_right_has_no_error_and_what_is_wrong_has_all() -> None:
    truth = [True, False, True]
    right = reliability([1, 0, 1], truth)
    wrong = reliability([0, 1, 0], truth)
    assert (right.brier, right.expected_error, right.brier_skill) == (0, 0, 1)
    assert (wrong.brier, wrong.expected_error) == (1, 1)


@pytest.mark.parametrize("binning", ["width", "mass"])
def test_calibrated_probabilities_have_a_small_error_and_overconfident_ones_do_not(
    binning: Binning,
) -> None:
    dice = np.random.default_rng(1)
    stated = dice.random(4000)
    truth = dice.random(4000) < stated
    assert reliability(stated, truth, binning=binning).expected_error < 0.03
    bold = np.clip((stated - 0.5) * 3 + 0.5, 0, 1)
    assert reliability(bold, truth, binning=binning).expected_error > 0.1


def test_bins_of_equal_mass_spread_what_one_bin_of_equal_width_holds() -> None:
    stated = np.linspace(0, 0.05, 100)
    truth = np.arange(100) % 10 == 0
    assert len(reliability(stated, truth).bins) == 1
    assert [one.cases for one in reliability(stated, truth, binning="mass", bins=5).bins] == [
        20
    ] * 5


@given(CASES, st.sampled_from(["width", "mass"]), st.integers(1, 12))
def test_every_case_is_in_one_bin(
    cases: list[tuple[float, bool]], binning: Binning, bins: int
) -> None:
    stated, truth = [p for p, _ in cases], [t for _, t in cases]
    found = reliability(stated, truth, binning=binning, bins=bins)
    assert sum(one.cases for one in found.bins) == len(cases)
    assert len(found.bins) <= bins
    assert sum(one.observed.count for one in found.bins) == sum(truth) == found.positives
    assert 0 <= found.expected_error <= found.largest_error + 1e-12 <= 1 + 1e-9
    assert all(one.low - 1e-12 <= one.probability <= one.high + 1e-12 for one in found.bins)


@pytest.mark.parametrize(
    ("stated", "truth"), [([], []), ([0.5], [True, False]), ([1.5], [True]), ([np.nan], [True])]
)
def test_what_are_no_probabilities_is_refused(stated: list[float], truth: list[bool]) -> None:
    with pytest.raises(ValueError, match=r"probabilit"):
        reliability(stated, truth)


def test_the_diagram_shows_every_bin_and_escapes_names() -> None:
    curve = reliability([0.1, 0.1, 0.9, 0.9], [False, True, True, True])
    plot = reliability_plot("t", {"pleural_effusion": curve})
    (line,) = plot.series
    assert (line.x, line.y, line.weight) == ((0.1, 0.9), (0.5, 1.0), (2.0, 2.0))
    svg = str(reliability_svg("t", {"<script>": curve}))
    assert svg.startswith("<svg")
    assert "<script>" not in svg
    assert svg.count("<circle") == 2


def test_a_share_has_wilsons_interval() -> None:
    found = share(8, 10)
    assert found.value == 0.8
    assert found.interval == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert share(0, 0).value is None
    with pytest.raises(ValueError, match="no share"):
        share(2, 1)


def test_a_mean_has_an_interval_that_holds_it_and_is_always_the_same() -> None:
    values = np.random.default_rng(0).normal(3, 1, 50)
    found = mean_over(values)
    assert found.interval is not None
    assert found.interval[0] < values.mean() < found.interval[1]
    assert found.interval == pytest.approx(
        (
            values.mean() - 1.96 * values.std() / 50**0.5,
            values.mean() + 1.96 * values.std() / 50**0.5,
        ),
        abs=0.08,
    )
    assert found == mean_over(values)
    assert mean_over([]).value is None
    assert mean_over([2.0]).interval is None
