"""Bending one film onto another: what lies apart is brought together, what changed stays."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import ndimage

from cxr_agent.compare.deformable import bent
from cxr_agent.compare.density import difference
from cxr_agent.errors import ModelError
from cxr_agent.evidence import Location
from cxr_agent.testing.phantom import PhantomSpec
from tests.compare.films import drawn
from tests.compare.test_density import SAME, chest_of

pytest.importorskip(
    "monai", reason="bending films needs MONAI: pip install 'cxr-agent[deformable]'"
)

SIDE = 200


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    greys: np.ndarray = ndimage.gaussian_filter(
        drawn(PhantomSpec(), SIDE).pixels.astype(np.float64), 1.5
    )
    return greys


def warped(film: np.ndarray, most: float = 4.0) -> np.ndarray:
    """By a smooth field of some cells at most."""
    y, x = np.mgrid[: film.shape[0], : film.shape[1]].astype(float)
    down = most * np.cos(2 * np.pi * x / 150)
    across = most * np.sin(2 * np.pi * y / 130)
    moved: np.ndarray = ndimage.map_coordinates(film, [y + down, x + across], order=1)
    return moved


def alike(one: np.ndarray, other: np.ndarray) -> float:
    known = np.isfinite(one) & np.isfinite(other)
    return float(np.corrcoef(one[known], other[known])[0, 1])


@pytest.mark.slow
@pytest.mark.parametrize("gamma", [1.0, 0.6])
def test_a_smooth_warp_is_bent_back_whatever_the_exposure(film: np.ndarray, gamma: float) -> None:
    fixed = warped(film) ** gamma
    found = bent(fixed, film)
    assert found.shape == film.shape
    # At the rim the warp brought in what the film does not show.
    within = np.s_[12:-12, 12:-12]
    best = alike((film**gamma)[within], film[within])
    lost, left = (best - alike(fixed[within], one[within]) for one in (film, found))
    assert lost > 0.05
    assert left < 0.4 * lost


@pytest.mark.slow
def test_what_agrees_is_left_alone(film: np.ndarray) -> None:
    assert np.abs(bent(film, film) - film).max() < 0.02


@pytest.mark.slow
def test_the_same_films_are_bent_the_same(film: np.ndarray) -> None:
    fixed = warped(film)
    assert np.array_equal(bent(fixed, film), bent(fixed, film))


@pytest.mark.slow
@pytest.mark.parametrize("resolved", [False, True])
def test_an_opacity_is_not_bent_away(resolved: bool) -> None:
    one = chest_of(0)
    dense = one.opacified("right", "lower", 0.3)
    films = (one.pixels, dense) if resolved else (dense, one.pixels)
    plain, found = (
        difference(*films, one.masks, one.masks, SAME, bend=bend).change(
            Location.RIGHT_LOWER_LUNG_ZONE
        )
        for bend in (None, bent)
    )
    assert plain is not None
    assert found is not None
    assert abs(plain) > 0.1
    assert found == pytest.approx(plain, rel=0.15)


@pytest.mark.slow
def test_nothing_is_made_up_beyond_a_film(film: np.ndarray) -> None:
    """The moving film begins at a column within the fixed one and is bent across it."""
    bright = 0.5 + film / 2
    moving, fixed = bright.copy(), warped(bright)
    moving[:, :60] = np.nan
    fixed[:20] = np.nan
    found = bent(fixed, moving)
    assert np.isnan(found[:, :48]).all()
    assert np.isfinite(found[20:-20, 72:-20]).all()
    # Black from beyond the edge would be darker than anything on the film.
    assert np.nanmin(found[20:-20, 40:80]) > 0.499


def test_films_that_share_nothing_are_nothing(film: np.ndarray) -> None:
    assert np.isnan(bent(film, np.full_like(film, np.nan))).all()


def test_grey_films_stay_grey() -> None:
    grey = np.full((40, 60), 0.5)
    assert bent(grey, grey) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["torch", "monai.losses", "monai.networks.blocks"])
def test_a_missing_library_is_named(
    monkeypatch: pytest.MonkeyPatch, film: np.ndarray, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModelError) as caught:
        bent(film, film)
    assert caught.value.code == "library_missing"
    assert name.partition(".")[0] in str(caught.value)
