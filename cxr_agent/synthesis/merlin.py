"""The slot of Merlin, a model of whole CT volumes (Blankemeier et al., 2024, arXiv 2406.06512).

Its network and weights are those of its own package, ``merlin-vlm``, which is asked for when a
model is loaded and runs here where it is installed. Preparation as that package states it: 1.5 x
1.5 x 3 mm in RAS, -1000 to 1000 HU to [0, 1], the middle 224 x 224 x 160 voxels.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cxr_agent.errors import ModelError
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.vectors import Vectors
from cxr_agent.synthesis.volume import Volume

SHAPE: Final = (224, 224, 160)
SPACING_MM: Final = (1.5, 1.5, 3.0)
_WINDOW_HU: Final = (-1000.0, 1000.0)


class Merlin:
    """Encodes volumes; a :class:`~cxr_agent.synthesis.slices.VolumeEncoder`.

    Parameters
    ----------
    network
        ``merlin.Merlin(ImageEmbedding=True)``, or what takes and gives the same: a tensor
        (1, 1, 224, 224, 160) to one whose first row is the vector.
    """

    def __init__(self, network: Any) -> None:
        self._network = network

    def encode(self, volume: Volume) -> Vectors:
        """(dimensions,), of unit length.

        Raises
        ------
        ModelError
            ``bad_output`` for numbers that are none.
        """
        torch = library("torch")
        given = torch.from_numpy(prepared(volume)[None, None])
        with torch.inference_mode():
            found = self._network(given)
        first = found[0] if isinstance(found, tuple | list) else found
        vector = np.asarray(first.float().cpu().numpy()).reshape(-1)
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0:
            raise ModelError("bad_output", "Merlin gave no vector", hint="Check its weights.")
        return np.asarray(vector / length, dtype=np.float32)


def load() -> Merlin:
    """Merlin as its package brings it; that package fetches the weights at its first use.

    Raises
    ------
    ModelError
        ``library_missing``.
    """
    network = library("merlin").Merlin(ImageEmbedding=True)
    return Merlin(network.eval())


def prepared(volume: Volume) -> NDArray[np.float32]:
    """(224, 224, 160) float32 in [0, 1], to the right, the front and the head; air around it."""
    middle = (np.array(SHAPE) - 1) / 2
    ras = np.diag([-1.0, -1.0, 1.0])
    steps = ras * np.array(SPACING_MM)
    # From the voxels wanted, by LPS, to those of the volume: centre falls on centre.
    turn = np.linalg.inv(volume.affine[:3, :3]) @ steps
    centre = (np.array(volume.hu.shape) - 1) / 2
    found = ndimage.affine_transform(
        volume.hu.astype(np.float32),
        turn,
        offset=centre - turn @ middle,
        output_shape=SHAPE,
        order=1,
        mode="constant",
        cval=_WINDOW_HU[0],
    )
    low, high = _WINDOW_HU
    return np.asarray(np.clip((found - low) / (high - low), 0, 1), dtype=np.float32)
