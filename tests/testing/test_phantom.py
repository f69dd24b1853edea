from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.knowledge import structures
from cxr_agent.measure.ctr import cardiothoracic_ratio
from cxr_agent.measure.extent import Extent
from cxr_agent.measure.geometry import Scene
from cxr_agent.testing.phantom import PhantomSpec, draw, random_spec


@pytest.mark.parametrize("seed", range(4))
def test_its_ratio_is_the_measured_one_exactly(seed: int) -> None:
    phantom = draw(random_spec(np.random.default_rng(seed)), 192)
    m = phantom.masks
    scene = Scene(m, Extent(0, 0, 192, 192), (192, 192))
    assert phantom.ctr == cardiothoracic_ratio(scene).value


@pytest.mark.parametrize("ratio", [0.4, 0.5, 0.6])
def test_the_ratio_aimed_at_is_nearly_reached(ratio: float) -> None:
    assert draw(PhantomSpec(cardiothoracic_ratio=ratio)).ctr == pytest.approx(ratio, abs=0.02)


def test_the_same_spec_gives_the_same_film_and_another_seed_another() -> None:
    one, same, other = draw(size=64), draw(size=64), draw(PhantomSpec(seed=1), 64)
    assert np.array_equal(one.pixels, same.pixels)
    assert not np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("size", [64, 333])
def test_pixels_and_masks_are_what_a_film_needs(size: int) -> None:
    phantom = draw(size=size)
    assert phantom.pixels.dtype == np.float32
    assert phantom.pixels.min() >= 0
    assert phantom.pixels.max() <= 1
    assert set(phantom.masks) == set(structures()) - {
        "nodule",
        "tube_tip",
        "posterior_rib_12_right",
        "posterior_rib_12_left",
    }
    for mask in phantom.masks.values():
        assert mask.shape == phantom.pixels.shape == (size, size)
        assert mask.dtype == np.bool_
        assert mask.any()


def test_structures_lie_on_the_patients_sides() -> None:
    masks = draw(size=128).masks
    for name, mask in masks.items():
        middle = np.nonzero(mask)[1].mean()
        if name.startswith("right"):
            assert middle < 64
        elif name.startswith("left"):
            assert middle > 64


def test_lungs_and_heart_do_not_overlap() -> None:
    masks = draw(size=128).masks
    assert not (masks["heart"] & (masks["right_lung"] | masks["left_lung"])).any()
