"""Where one film is denser than the other, whatever their exposures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cxr_agent.compare.affine import Affine, thorax_of
from cxr_agent.compare.density import Difference, difference
from cxr_agent.evidence import Location
from cxr_agent.knowledge import threshold
from cxr_agent.measure.extent import BoolMask
from cxr_agent.measure.zones import lung_zones
from cxr_agent.study import FloatImage
from cxr_agent.testing.phantom import PhantomSpec
from tests.builders import rectangle
from tests.compare.films import ALIGNED, about, chest, drawn, moved

LIMIT = threshold("repeat_lung_density").value
SAME = Affine(np.eye(2, 3))
SEEDS = st.integers(0, 30)
ZONES = st.sampled_from([(s, z) for s in ("right", "left") for z in ("upper", "mid", "lower")])
GAMMAS = st.floats(0.6, 1.6)


@dataclass(frozen=True)
class Chest:
    pixels: FloatImage
    masks: Mapping[str, BoolMask]

    def zone(self, side: str, zone: str) -> BoolMask:
        return lung_zones(self.masks[f"{side}_lung"])[zone]

    def opacified(self, side: str, zone: str, by: float) -> FloatImage:
        """With the greys of one zone raised, its edges soft."""
        soft = ndimage.gaussian_filter(self.zone(side, zone).astype(float), 4)
        return np.clip(self.pixels + by * soft, 0, 1).astype(np.float32)


def chest_of(seed: int) -> Chest:
    """Not so large a heart that no lung is left beside it."""
    rng = np.random.default_rng(seed)
    ratio = float(rng.uniform(0.36, 0.5))
    phantom = drawn(chest(rng, tilt_deg=0.0, cardiothoracic_ratio=ratio))
    return Chest(phantom.pixels, {name: phantom.masks[name] for name in ALIGNED})


def held(fixed: FloatImage, moving: FloatImage, masks: Mapping[str, BoolMask]) -> Difference:
    return difference(fixed, moving, masks, masks, SAME)


def by_zone(found: Difference) -> dict[Location, float]:
    values = {zone: found.change(zone) for zone in found.zones}
    return {zone: value for zone, value in values.items() if value is not None}


def location(side: str, zone: str) -> Location:
    return Location(f"{side} {zone} lung zone")


@settings(max_examples=20, deadline=None)
@given(SEEDS, SEEDS, GAMMAS)
def test_exchanged_greys_have_the_exchanged_sign(one: int, other: int, gamma: float) -> None:
    first, second = chest_of(one), chest_of(other)
    there = held(first.pixels, second.pixels**gamma, first.masks)
    back = held(second.pixels**gamma, first.pixels, first.masks)
    assert np.array_equal(there.plane, -back.plane, equal_nan=True)
    assert by_zone(there)
    assert by_zone(there) == {zone: -value for zone, value in by_zone(back).items()}


@settings(max_examples=20, deadline=None)
@given(SEEDS, ZONES, GAMMAS, GAMMAS)
def test_no_exposure_moves_it(
    seed: int, where: tuple[str, str], gamma: float, other: float
) -> None:
    """Any monotone greys of either film; rounding and averaging leave a fifth of the limit."""
    one = chest_of(seed)
    dense = one.opacified(*where, 0.2)
    plain = by_zone(held(dense, one.pixels, one.masks))
    exposed = by_zone(held(dense**gamma, one.pixels**other, one.masks))
    assert plain.keys() == exposed.keys()
    for zone, value in plain.items():
        assert exposed[zone] == pytest.approx(value, abs=LIMIT / 5)


@settings(max_examples=20, deadline=None)
@given(SEEDS, ZONES, st.floats(0.05, 0.9), st.floats(0.0, 0.1))
def test_no_window_moves_it(seed: int, where: tuple[str, str], width: float, centre: float) -> None:
    one = chest_of(seed)
    dense = one.opacified(*where, 0.2)
    plain = by_zone(held(dense, one.pixels, one.masks))
    windowed = by_zone(held(np.float32(width) * dense + np.float32(centre), one.pixels, one.masks))
    assert windowed == pytest.approx(plain, abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(SEEDS, GAMMAS)
def test_a_film_exposed_anew_has_not_changed(seed: int, gamma: float) -> None:
    one = chest_of(seed)
    assert max(map(abs, by_zone(held(one.pixels**gamma, one.pixels, one.masks)).values())) < 0.02


def test_a_film_against_itself_is_nought_everywhere() -> None:
    one = chest_of(0)
    plane = held(one.pixels, one.pixels, one.masks).plane
    assert np.isfinite(plane).mean() > 0.8
    assert np.nanmax(np.abs(plane)) == 0


def rank_change(one: Chest, dense: FloatImage, where: tuple[str, str]) -> float:
    """What the zone's greys rose by among all greys around the thorax, counted on full films."""
    box = thorax_of(one.masks)
    beside, above = round(0.15 * box.width), round(0.12 * box.width)
    around = np.s_[
        max(0, box.top - above) : box.bottom + above,
        max(0, box.left - beside) : box.right + beside,
    ]
    zone = one.zone(*where)
    ranks = []
    for film in (dense, one.pixels):
        smooth = ndimage.gaussian_filter(film.astype(float), 2.5 * box.width / 256)
        scale = np.sort(smooth[around], axis=None)
        ranks.append(np.searchsorted(scale, smooth[zone]) / scale.size)
    return float(np.median(ranks[0] - ranks[1]))


@settings(max_examples=60, deadline=None)
@given(SEEDS, ZONES, st.floats(-0.1, 0.45))
def test_an_opacity_is_found_in_its_zone_and_nowhere_else(
    seed: int, where: tuple[str, str], by: float
) -> None:
    one = chest_of(seed)
    dense = one.opacified(*where, by)
    found = by_zone(held(dense, one.pixels, one.masks))
    here = found.pop(location(*where))
    assert here == pytest.approx(rank_change(one, dense, where), abs=0.035, rel=0.2)
    assert len(found) >= 4
    assert max(map(abs, found.values())) < LIMIT / 4


@settings(max_examples=30, deadline=None)
@given(SEEDS, ZONES, st.floats(0.2, 0.4), GAMMAS, st.booleans())
def test_an_opacity_has_the_sign_of_the_film_that_shows_it(
    seed: int, where: tuple[str, str], by: float, gamma: float, resolved: bool
) -> None:
    one = chest_of(seed)
    films = [(one.opacified(*where, by)) ** gamma, one.pixels]
    fixed, moving = reversed(films) if resolved else films
    here = by_zone(held(fixed, moving, one.masks))[location(*where)]
    assert here < -0.06 if resolved else here > 0.06


@settings(max_examples=15, deadline=None)
@given(SEEDS, ZONES, st.floats(-8, 8), st.floats(0.8, 1.25), st.integers(300, 700))
def test_an_opacity_is_found_on_a_film_of_other_size(
    seed: int, where: tuple[str, str], turn: float, scale: float, side: int
) -> None:
    """The moving film is turned, magnified and has other pixels; the map between is known."""
    one = chest_of(seed)
    shape = (round(1.4 * side), round(1.3 * side))
    by = about(turn, scale * side / 320, (0, 0), (320, 320), shape)
    back = by.inverse.matrix
    linear = back[::-1, 1::-1]  # rows before columns, as scipy has it
    at_first_pixel = back @ (0.5, 0.5, 1)
    greys = ndimage.affine_transform(
        one.pixels, linear, offset=at_first_pixel[::-1] - 0.5, output_shape=shape, order=1
    )
    masks = {name: moved(plane, by, shape) for name, plane in one.masks.items()}
    dense = one.opacified(*where, 0.3)
    found = by_zone(difference(dense, greys, one.masks, masks, by))
    plain = by_zone(held(dense, one.pixels, one.masks))
    for zone, value in plain.items():
        assert found[zone] == pytest.approx(value, abs=LIMIT / 3)


def test_what_takes_in_most_of_the_film_is_an_exposure() -> None:
    one = chest_of(1)
    lighter = np.clip(one.pixels + 0.1, 0, 1).astype(np.float32)
    assert max(map(abs, by_zone(held(lighter, one.pixels, one.masks)).values())) < 0.01


def test_nothing_is_said_beyond_either_film() -> None:
    one = chest_of(2)
    box = thorax_of(one.masks)
    middle = (box.left + box.right) // 2
    cut = {name: plane[:, :middle] for name, plane in one.masks.items()}
    found = difference(one.pixels, one.pixels[:, :middle], one.masks, cut, SAME)
    x, y = found.frame.to_film.points(*found.frame.cells)
    seen = np.isfinite(found.plane)
    assert (seen == ((x >= 0) & (x < middle) & (y >= 0) & (y < 320))).all()
    assert found.change(Location.LEFT_MID_LUNG_ZONE) is None
    assert found.change(Location.RIGHT_MID_LUNG_ZONE) == pytest.approx(0, abs=1e-9)


def test_the_heart_of_either_film_is_no_lung() -> None:
    spec = PhantomSpec(cardiothoracic_ratio=0.4)
    one = drawn(spec)
    masks = {name: one.masks[name] for name in ALIGNED}
    bigger = masks | {"heart": rectangle((320, 320), 100, 120, 250, 250)}
    for films in ((masks, bigger), (bigger, masks)):
        found = difference(one.pixels, one.pixels, *films, SAME)
        x, y = found.frame.to_film.points(*found.frame.cells)
        inside = (x > 101) & (x < 249) & (y > 121) & (y < 249)
        assert not any((zone & inside).any() for zone in found.zones.values())


def test_a_zone_of_too_few_cells_is_not_spoken_of() -> None:
    one = chest_of(3)
    thin = dict(one.masks)
    box = thorax_of(one.masks)
    thin["left_lung"] = rectangle((320, 320), box.right - 1, box.top, box.right, box.top + 9)
    found = held(one.pixels, one.pixels, thin)
    assert found.change(Location.LEFT_UPPER_LUNG_ZONE) is None
    assert found.change(Location.SPINE) is None
    assert found.change(Location.RIGHT_UPPER_LUNG_ZONE) == 0


def test_a_grey_film_is_nought() -> None:
    """Of one grey alone no cell stands above another."""
    masks = chest_of(4).masks
    grey = np.full((320, 320), 0.5, dtype=np.float32)
    assert set(by_zone(held(grey, grey, masks)).values()) == {0.0}


def test_the_bent_film_is_the_moving_one() -> None:
    one, dense = chest_of(5), chest_of(5).opacified("right", "lower", 0.3)
    given_to: list[np.ndarray] = []

    def bend(fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
        given_to.extend((fixed, moving))
        return fixed

    found = difference(dense, one.pixels, one.masks, one.masks, SAME, bend=bend)
    assert np.nanmax(np.abs(found.plane)) == 0
    fixed, moving = given_to
    assert np.nanmax(fixed - moving) > 0.2
