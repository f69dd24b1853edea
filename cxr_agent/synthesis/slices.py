"""A CT volume as one vector: its slices encoded one by one and pooled, or a model of volumes.

RadCLIP (Lu et al., 2024) pools slices; Merlin (Blankemeier et al., 2024) sees the whole volume.
Both stand behind :class:`VolumeEncoder`, so that what takes the one takes the other.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from cxr_agent.models.adapters.vectors import ImageEncoder, Vectors
from cxr_agent.retrieval.zero_shot import pooled
from cxr_agent.study import FloatImage
from cxr_agent.synthesis.volume import Volume

SLICES: Final = 32
"""At equal steps from the feet to the head."""
_WINDOW_HU: Final = (-1000.0, 400.0)
"""Lung and soft tissue in one window: air is black, bone is white."""


class VolumeEncoder(Protocol):
    """Whoever makes one vector of a CT."""

    def encode(self, volume: Volume) -> Vectors:
        """(dimensions,), of unit length."""


class SlicePooling:
    """Encodes axial slices with an encoder of pictures.

    Parameters
    ----------
    encoder
        Any of :mod:`cxr_agent.models.adapters` that encodes films.
    slices
        At most so many.
    """

    def __init__(self, encoder: ImageEncoder, slices: int = SLICES) -> None:
        self._encoder = encoder
        self._slices = slices

    def encode(self, volume: Volume) -> Vectors:
        """The mean of the slices' vectors, brought to length one."""
        return pooled(self._encoder.encode(axial_slices(volume, self._slices)))


def axial_slices(volume: Volume, count: int) -> list[FloatImage]:
    """Pictures (rows, columns) in [0, 1], seen from the feet: the patient's right is on the left.

    Along the axis of the volume that runs most nearly from feet to head, whatever the order of its
    axes in the file.
    """
    turns = volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0)
    axes = _axes(np.abs(turns))
    hu = np.transpose(volume.hu, axes)
    for place, axis in enumerate(axes):
        if turns[place, axis] < 0:
            hu = np.flip(hu, axis=place)
    low, high = _WINDOW_HU
    chosen = np.unique(np.linspace(0, hu.shape[2] - 1, min(count, hu.shape[2])).round().astype(int))
    return [
        np.clip((hu[:, :, one].T.astype(np.float32) - low) / (high - low), 0, 1) for one in chosen
    ]


def _axes(shares: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[int, int, int]:
    """The array's axes that run to the left, to the back and to the head."""
    left_shares = shares.copy()
    found: list[int] = [0, 0, 0]
    for _ in range(3):
        place, axis = np.unravel_index(int(left_shares.argmax()), left_shares.shape)
        found[int(place)] = int(axis)
        left_shares[place, :] = -1
        left_shares[:, axis] = -1
    return found[0], found[1], found[2]
