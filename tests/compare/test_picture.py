"""The difference view: a grey film, in its lungs orange where denser and blue where clearer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cxr_agent.compare.density import difference
from cxr_agent.compare.picture import difference_view
from cxr_agent.testing.phantom import PhantomSpec
from cxr_agent.toolbox.artifacts import spans_film
from tests.builders import rectangle
from tests.compare.films import ALIGNED, about, drawn, moved
from tests.compare.test_density import SAME, Chest, chest_of

GREY = 0.02
"""By which channels of a grey may differ."""


def channels(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    red, green, blue = np.moveaxis(picture / 255, -1, 0)
    return red, green, blue


def coloured(picture: np.ndarray) -> np.ndarray:
    red, green, blue = channels(picture)
    return np.maximum.reduce([red, green, blue]) - np.minimum.reduce([red, green, blue]) > GREY


def changed(sign: float) -> tuple[Chest, np.ndarray]:
    """A chest whose right lower zone is denser on the film that the difference is framed on."""
    one = chest_of(0)
    dense = one.opacified("right", "lower", 0.35)
    found = difference(dense, one.pixels, one.masks, one.masks, SAME)
    film = dense if sign > 0 else one.pixels
    return one, difference_view(film, found, SAME, sign)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_orange_where_denser_and_blue_where_clearer(sign: float) -> None:
    one, picture = changed(sign)
    assert (picture.shape, picture.dtype) == ((320, 320, 3), np.uint8)
    red, green, blue = channels(picture)
    zone = one.zone("right", "lower")
    if sign > 0:
        assert ((red > green) & (green > blue))[zone].mean() > 0.9
        assert np.median((red - blue)[zone]) > 0.1
        assert np.mean((blue > red + GREY)[zone]) < 0.02
    else:
        assert np.median((blue - red)[zone]) > 0.1
        assert np.mean((red > blue + GREY)[zone]) < 0.02


def test_beyond_the_lungs_is_the_film() -> None:
    one, picture = changed(1.0)
    dense = one.opacified("right", "lower", 0.35)
    lungs = (one.masks["right_lung"] | one.masks["left_lung"]) & ~one.masks["heart"]
    far = ~ndimage.binary_dilation(lungs, iterations=4)
    assert not coloured(picture)[far].any()
    assert np.abs(picture[far] / 255 - dense[far][:, None]).max() < 0.004
    assert coloured(picture)[lungs].any()


def test_no_change_is_a_grey_film() -> None:
    one = chest_of(1)
    found = difference(one.pixels, one.pixels, one.masks, one.masks, SAME)
    picture = difference_view(one.pixels, found, SAME, 1.0)
    assert not coloured(picture).any()


@settings(max_examples=25, deadline=None)
@given(st.integers(120, 1500), st.integers(120, 1500))
def test_it_spans_the_film_and_is_small(rows: int, columns: int) -> None:
    shape = (rows, columns)
    masks = {
        "right_lung": rectangle(shape, columns // 6, rows // 5, columns // 2 - 2, rows - 9),
        "left_lung": rectangle(shape, columns // 2 + 2, rows // 5, 5 * columns // 6, rows - 9),
    }
    film = np.linspace(0, 1, rows * columns, dtype=np.float32).reshape(shape)
    found = difference(film, film, masks, masks, SAME)
    picture = difference_view(film, found, SAME, 1.0)
    assert picture.shape[2] == 3
    assert max(picture.shape) == min(512, max(shape))
    assert spans_film(picture.shape[:2], shape)


@pytest.mark.parametrize("turn", [-8.0, 0.0, 8.0])
def test_colours_lie_on_the_current_film_wherever_it_was_framed(turn: float) -> None:
    """Framed on the prior film; the current one is turned and has other pixels."""
    phantom, shape = drawn(PhantomSpec(cardiothoracic_ratio=0.4)), (560, 500)
    by = about(turn, 1.3, (10, -5), (320, 320), shape)
    prior = Chest(phantom.pixels, {name: phantom.masks[name] for name in ALIGNED})
    masks = {name: moved(plane, by, shape) for name, plane in prior.masks.items()}
    zone = moved(prior.zone("right", "lower"), by, shape)
    current = np.where(zone, 0.8, 0.3).astype(np.float32)
    current[~(masks["right_lung"] | masks["left_lung"])] = 0.6
    flat = np.where(prior.masks["right_lung"] | prior.masks["left_lung"], 0.3, 0.6)
    found = difference(flat.astype(np.float32), current, prior.masks, masks, by)
    picture = difference_view(current, found, by.inverse, -1.0)
    rows = np.round((np.arange(picture.shape[0]) + 0.5) * shape[0] / picture.shape[0] - 0.5)
    columns = np.round((np.arange(picture.shape[1]) + 0.5) * shape[1] / picture.shape[1] - 0.5)
    here = zone[np.ix_(rows.astype(int), columns.astype(int))]
    red, _, blue = channels(picture)
    orange = red - blue > 0.1
    # Greys are averaged over some cells, so that the colour reaches a little beyond the zone.
    assert orange[here].mean() > 0.95
    assert here[orange].mean() > 0.75
    assert here.sum() > 1000
    middles = [np.mean(np.nonzero(plane), axis=1) for plane in (orange, here)]
    assert middles[0] == pytest.approx(middles[1], abs=6)
