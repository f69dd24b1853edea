"""Intervals of measured values: they are as wide as the calibration films ask for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from training.anatomy.intervals import Pair, calibrate, coverage, pairs

RNG = np.random.default_rng(0)


def drawn(count: int, scale: float = 1.0) -> list[Pair]:
    return [Pair(1 + scale * float(e), 0.0, 1.0) for e in RNG.normal(0, 0.1, count)]


def record(value: float | None, truth: float | None, **more: Any) -> dict[str, Any]:
    model = {"code": "carina_angle", "value": value, "spread": 0.1, "category": None}
    reader = {"value": truth} if truth is not None else {"reason": "mask_missing"}
    return {
        "model": {"x": model if value is not None else {"reason": "mask_missing"}},
        "reader": {"x": reader},
        **more,
    }


def test_nine_of_ten_further_films_are_held() -> None:
    calibration = calibrate("lung_area", drawn(400))
    assert calibration is not None
    assert np.mean(coverage(calibration, drawn(2000))) == pytest.approx(0.9, abs=0.04)
    assert np.mean(coverage(calibration, drawn(2000, 3.0))) < 0.6


def test_few_films_or_no_error_calibrate_nothing() -> None:
    assert calibrate("lung_area", drawn(20)) is None
    assert calibrate("lung_area", [Pair(1.0, 0.1, 1.0)] * 100) is None


def test_the_ratios_floor_is_what_readers_differ_by() -> None:
    found = calibrate("cardiothoracic_ratio", drawn(100))
    assert found is not None
    assert found.floor == 0.01


def test_pairs_are_what_both_measured() -> None:
    found = pairs([record(60.0, 62.0), record(60.0, None), record(None, 62.0)])
    assert found == {"carina_angle": [Pair(60.0, 0.1, 62.0)]}


def test_wingspans_ratio_is_compared_with_its_readers() -> None:
    one = record(0.5, 0.51, ctr_by_readers=0.52)
    one["model"]["x"]["code"] = "cardiothoracic_ratio"
    missing = record(0.5, 0.51, ctr_by_readers=None)
    missing["model"]["x"]["code"] = "cardiothoracic_ratio"
    assert pairs([one, missing]) == {"cardiothoracic_ratio": [Pair(0.5, 0.1, 0.52)]}
