"""Zones of a lung: disjoint, together the lung, and mirrored with it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cxr_agent.measure.zones import hilar_half, lung_zones

MASKS = arrays.arrays(
    np.bool_, st.tuples(st.integers(3, 24), st.integers(2, 24)), elements=st.booleans()
)


@settings(max_examples=100, deadline=None)
@given(MASKS)
def test_zones_are_the_lung_and_share_nothing(lung: np.ndarray) -> None:
    zones = lung_zones(lung)
    if not zones:
        return
    total = sum(zone.astype(int) for zone in zones.values())
    assert (total == lung).all()
    assert list(zones) == ["upper", "mid", "lower"]


@settings(max_examples=100, deadline=None)
@given(MASKS)
def test_a_mirrored_lung_has_mirrored_zones(lung: np.ndarray) -> None:
    mirrored = lung_zones(lung[:, ::-1])
    for name, zone in lung_zones(lung).items():
        assert (mirrored[name] == zone[:, ::-1]).all()


def test_nothing_has_no_zones() -> None:
    assert lung_zones(np.zeros((20, 20), dtype=np.bool_)) == {}


def test_the_hilar_half_is_medial() -> None:
    lung = np.ones((30, 10), dtype=np.bool_)
    right = hilar_half(lung, medial_is_right=True)
    assert np.flatnonzero(right.any(axis=0)).tolist() == [5, 6, 7, 8, 9]
    assert np.flatnonzero(right.any(axis=1)).tolist() == list(range(10, 20))
    left = hilar_half(lung, medial_is_right=False)
    assert not (left & right).any()
