"""What is measured on a phantom's true outlines, against the numbers that it was drawn from.

Tolerances follow from the grid: an edge of a mask lies within half a pixel of where it was drawn,
so that a distance of two edges is off by one pixel at most, and a ratio ``a / b`` of two such
distances by ``(1 + a / b) / b`` with ``b`` in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.evidence import Side, Unit
from cxr_agent.knowledge import measurements
from cxr_agent.measure.extent import extent_of
from cxr_agent.study import FloatImage
from cxr_agent.testing.phantom import PhantomSpec
from cxr_agent.testing.phantom.shapes import CLAVICLE_GAP, carina_y, wall_at
from cxr_agent.toolbox.contract import Abstain
from tests.phantoms import SPACING, Seen, drawn, upright

SIZES = (512, 1024)
SEEDS = range(9)
DOMES = 0.17 - 0.13
"""How far the right dome of a phantom is higher than the left, over the film's height."""


def _ratio(value: float, denominator: float, size: int) -> float:
    """By how much a ratio may be off whose denominator is this share of the film."""
    return (1 + abs(value)) / (denominator * size)


def _rotation(spec: PhantomSpec, value: float, size: int) -> float:
    return _ratio(value, CLAVICLE_GAP + abs(spec.spine_shift), size)


def _mediastinum(spec: PhantomSpec, value: float, size: int) -> float:
    return _ratio(value, 2 * float(wall_at(spec, np.array([carina_y(spec)]))[0]), size)


def _carina(spec: PhantomSpec, value: float, size: int) -> float:
    """One pixel on each side, at a fifth of the 0.10 of the film that the bronchi are long."""
    distance = 0.2 * 0.10 * size / math.cos(math.radians(value / 2))
    return 2 * math.degrees(math.atan(1 / distance))


def _projection(spec: PhantomSpec, value: float, size: int) -> float:
    """Either edge of a scapula that is 0.12 of the film wide."""
    return _ratio(value, 0.12, size)


def _trachea(spec: PhantomSpec, value: float, size: int) -> float:
    return _ratio(value, spec.trachea_width, size)


def _exact(spec: PhantomSpec, value: float, size: int) -> float:
    return 0.0


Tolerance = Callable[[PhantomSpec, float, int], float]
TOLERANCES: dict[str, Tolerance] = {
    "inspiration": _exact,
    "rotation": _rotation,
    "projection": _projection,
    "mediastinal_width": _mediastinum,
    "carina_angle": _carina,
    "trachea_deviation": _trachea,
}


def _clear(seed: int) -> PhantomSpec:
    """With scapulae wholly on the film and over nothing but lung: not heart or mediastinum."""
    spec = upright(seed, cardiothoracic_ratio=0.36, heart_shift=0.0)
    return replace(
        spec,
        thorax_width=min(spec.thorax_width, 0.76),
        scapula_overlap_right=0.55 * spec.scapula_overlap_right,
        scapula_overlap_left=0.55 * spec.scapula_overlap_left,
    )


@lru_cache(maxsize=2)
def _compared(size: int) -> dict[str, list[tuple[float, float, float]]]:
    """By measurement, of every phantom on which it does not abstain: value, truth, tolerance."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in TOLERANCES}
    for seed in SEEDS:
        spec = _clear(seed)
        phantom = drawn(spec, size)
        for name, tolerance in TOLERANCES.items():
            truth = phantom.truth[name]
            with suppress(Abstain):
                item = Seen.of(phantom).one(name)
                found[name].append((item.value, truth, tolerance(spec, truth, size)))
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", TOLERANCES)
def test_true_outlines_give_the_true_value(name: str, size: int) -> None:
    compared = _compared(size)[name]
    assert len(compared) >= len(SEEDS) * 2 / 3
    for value, truth, tolerance in compared:
        assert value == pytest.approx(truth, abs=tolerance)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(4))
def test_the_ratio_and_the_width_of_the_heart(seed: int, size: int) -> None:
    spec = upright(seed)
    phantom = drawn(spec, size)
    item = Seen.of(phantom).one("ctr")
    assert item.value == phantom.ctr
    width = spec.cardiothoracic_ratio * spec.thorax_width * size
    assert item.quantities["cardiac_width_px"] == pytest.approx(width, abs=1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("outlined", [True, False], ids=["hemidiaphragm", "lungs"])
def test_the_domes(seed: int, size: int, outlined: bool) -> None:
    # A heart that hides neither dome, as the lungs alone do not show what lies behind it.
    spec = upright(seed, cardiothoracic_ratio=0.30, heart_shift=0.0)
    seen = Seen.of(drawn(spec, size))
    kept = {n: m for n, m in seen.masks.items() if outlined or "diaphragm" not in n}
    item = Seen(seen.pixels, kept).one("diaphragm_height")
    assert item.value == pytest.approx(DOMES * size * SPACING.row_mm, abs=SPACING.row_mm)


@pytest.mark.parametrize("seed", range(4))
def test_areas_of_the_lungs_do_not_depend_on_the_grid(seed: int) -> None:
    spec = upright(seed)
    coarse, fine = (Seen.of(drawn(spec, size)) for size in SIZES)
    for side in (Side.RIGHT, Side.LEFT):
        pixels = [seen.all()["lung_area", side].value * 100 / 0.3**2 for seen in (coarse, fine)]
        lung = coarse.masks[f"{side.value}_lung"]
        assert pixels[0] == pytest.approx(np.count_nonzero(lung))
        box = extent_of(lung)
        around = 2 * (box.width + box.height)
        assert pixels[1] / 4 == pytest.approx(pixels[0], abs=0.5 * around)
    ratio = np.count_nonzero(coarse.masks["left_lung"]) / np.count_nonzero(
        coarse.masks["right_lung"]
    )
    assert coarse.one("lung_area_ratio").value == pytest.approx(ratio)


SCALE_FREE = {n for n, one in measurements().items() if one.unit in (Unit.RATIO, Unit.DEGREE)}
SMALL = 256
ONE_PIXEL = {
    # Rows at shares of a height fall between rows of the coarse grid: edges 5 and 20 pixels away.
    "carina_angle": math.degrees(math.atan(1 / (0.2 * 0.10 * SMALL))),
    "costophrenic_angle": math.degrees(math.atan(1 / 20)),
    # The line passes over a pixel or not in a few rows; the aorta has some 500 pixels.
    "ascending_aorta": 4 / 500,
}
OTHERWISE = 1 / SMALL


@given(factor=st.integers(2, 3), seed=st.integers(0, 30))
@settings(max_examples=6, deadline=None)
def test_enlarging_keeps_ratios_and_angles(factor: int, seed: int) -> None:
    seen = Seen.of(drawn(upright(seed), SMALL))
    small, large = seen.all(), seen.enlarged(factor).all()
    # Beside a large heart the costophrenic angle is measured or not by a pixel.
    assert {name for name, _ in small.keys() ^ large.keys()} <= {"costophrenic_angle"}
    assert len(small) > len(measurements()) * 2 / 3
    for (name, side), item in small.items():
        if name in SCALE_FREE and (name, side) in large:
            value = large[name, side].value
            assert value == pytest.approx(item.value, abs=ONE_PIXEL.get(name, OTHERWISE)), name
            assert large[name, side].side is item.side


def _gamma(pixels: FloatImage) -> FloatImage:
    bent: FloatImage = pixels**1.4
    return bent


def _noise(pixels: FloatImage) -> FloatImage:
    noise = np.random.default_rng(0).normal(0, 0.02, pixels.shape).astype(np.float32)
    noisy: FloatImage = np.clip(pixels + noise, 0, 1)
    return noisy


def _negative(pixels: FloatImage) -> FloatImage:
    """As MONOCHROME1 stores it."""
    return 1 - pixels


@pytest.mark.parametrize("change", [_gamma, _noise, _negative])
@pytest.mark.parametrize("seed", range(2))
def test_greys_do_not_change_what_given_outlines_measure(
    change: Callable[[FloatImage], FloatImage], seed: int
) -> None:
    seen = Seen.of(drawn(upright(seed), 512))
    # Without black at the edge, which would be taken for collimation.
    bright = 0.2 + 0.6 * seen.pixels
    before, after = Seen(bright, seen.masks).all(), Seen(change(bright), seen.masks).all()
    assert before.keys() == after.keys()
    for key, item in before.items():
        assert (after[key].value, after[key].side) == (item.value, item.side), key


OTHER = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT, None: None}
KEPT = (
    "inclusion",
    "rotation",
    "projection",
    "ctr",
    "mediastinal_width",
    "mediastinal_gap",
    "carina_angle",
    "lung_profile",
)


@pytest.mark.parametrize("seed", range(6))
def test_mirroring_keeps_values_and_exchanges_sides(seed: int) -> None:
    seen = Seen.of(drawn(upright(seed), 512))
    one, other = seen.all(), seen.mirrored().all()
    found = [name for name in KEPT if (name, None) in one]
    assert len(found) >= len(KEPT) - 1
    for name in found:
        item, turned = one[name, None], other[name, None]
        assert turned.value == pytest.approx(item.value, abs=1e-9), name
        assert turned.side is OTHER[item.side], name
    offset, turned = one["trachea_deviation", None], other["trachea_deviation", None]
    assert turned.value == pytest.approx(-offset.value, abs=1e-9)
    assert turned.side is OTHER[offset.side]
    height, turned = one["diaphragm_height", None], other["diaphragm_height", None]
    assert turned.value == pytest.approx(-height.value)
    ratio, turned = one["lung_area_ratio", None], other["lung_area_ratio", None]
    assert turned.value == pytest.approx(1 / ratio.value)
    for side in (Side.RIGHT, Side.LEFT):
        for name in ("lung_area", "costophrenic_angle"):
            if (name, side) in one:
                assert other[name, OTHER[side]].value == pytest.approx(one[name, side].value)
