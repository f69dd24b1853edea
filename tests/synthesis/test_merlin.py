"""The slot of Merlin: what it is shown, and a stand-in for the package that is not here."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import ModelError
from cxr_agent.synthesis.merlin import SHAPE, SPACING_MM, load, prepared
from cxr_agent.synthesis.volume import Volume


def volume() -> Volume:
    """Air with a block of water off the middle: left, back, head."""
    hu = np.full((64, 64, 64), -1000, np.int16)
    hu[40:44, 36:40, 50:54] = 0
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    return Volume(hu, affine)


def test_a_volume_is_shown_in_its_grid_and_window() -> None:
    shown = prepared(volume())
    assert shown.shape == SHAPE
    assert shown.min() == 0
    assert shown.max() == pytest.approx(0.5, abs=0.01)
    place = np.array([axis.mean() for axis in np.nonzero(shown > 0.25)])
    off = (place - (np.array(SHAPE) - 1) / 2) * SPACING_MM
    # 10, 6 and 20 voxels of 3 mm to the left, back and head: right and front are positive here.
    np.testing.assert_allclose(off, [-30, -18, 60], atol=2)


def test_the_package_is_asked_for_and_its_vector_is_of_length_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setitem(sys.modules, "merlin", None)
    with pytest.raises(ModelError) as caught:
        load()
    assert caught.value.code == "library_missing"

    class Network(torch.nn.Module):  # type: ignore[misc]
        def __init__(self, ImageEmbedding: bool) -> None:  # noqa: N803 - the package's own name
            super().__init__()
            assert ImageEmbedding

        def forward(self, given: Any) -> Any:
            assert tuple(given.shape) == (1, 1, *SHAPE)
            return (given.mean(dim=(2, 3)).reshape(1, -1),)

    package: Any = ModuleType("merlin")
    package.Merlin = Network
    monkeypatch.setitem(sys.modules, "merlin", package)
    vector = load().encode(volume())
    assert vector.shape == (SHAPE[2],)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    with pytest.raises(ModelError, match="bad_output"):
        load().encode(Volume(np.full((64, 64, 64), -1000, np.int16), np.eye(4)))
