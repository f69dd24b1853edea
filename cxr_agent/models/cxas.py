"""CXAS during a reading: what the pulled model finds, as outlines of our own structures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from cxr_agent.models.adapters.cxas_labels import LABELS, STRUCTURES
from cxr_agent.models.anatomy import Outline, outline
from cxr_agent.models.held import held
from cxr_agent.models.repeats import REPEATS
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.tile import Placement, place, resized
from cxr_agent.study import FloatImage

MODEL_ID: Final = "cxas"
"""In ``kb/models.toml``."""
_COPY: Final = 512
"""Longest side of an altered copy: as much as the network sees of a film."""
_GRID: Final = 384
"""Longest side of what comes back of a copy: the grid of the embedded model's repeats."""
_RUN_MIB: Final = 1536
"""What one run takes beside the weights: 128 channels of 512 x 512 float32 several times over."""


class _Masks(Protocol):
    @property
    def probabilities(self) -> FloatImage:
        """(159, S, S) on the film stretched to a square."""


class _Model(Protocol):
    def segment(self, film: FloatImage) -> _Masks: ...


class CxasOutlines:
    """Outlines the structures of ``kb/structures.toml`` that CXAS has a label for.

    Parameters
    ----------
    runtime
        Its device runs the model, and its memory budget keeps it loaded between films.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def outline(self, pixels: FloatImage, names: Sequence[str]) -> dict[str, Outline]:
        """Outline structures on a film of any size, each as its largest connected part.

        The film is outlined again on the altered copies of
        :data:`~cxr_agent.models.repeats.REPEATS`, in the order of the embedded model's repeats, so
        that outlines of both models that are measured together moved for the same reason.

        Parameters
        ----------
        pixels
            (rows, columns) float32 in [0, 1], bone white.
        names
            Keys of :data:`~cxr_agent.models.adapters.cxas_labels.STRUCTURES`; with a structure of
            one side, that of the other.

        Returns
        -------
        outlines : dict
            By name; may be empty planes.

        Raises
        ------
        ModelError
            ``not_pulled``, ``library_missing``, and what else loading a pulled model raises.
        """
        channels = [LABELS.index(STRUCTURES[name]) for name in names]
        shape = (int(pixels.shape[0]), int(pixels.shape[1]))
        shown, kept = place(shape, _COPY), place(shape, _GRID)
        small = resized(pixels, shown.rows, shown.columns)
        with held(MODEL_ID, self._runtime, _RUN_MIB) as model:
            first = model.segment(pixels).probabilities[channels]
            again = [
                one.outlines(_on_tile(model, one.copy(small, shown), channels, kept), names, kept)
                for one in REPEATS
            ]
        square = Placement(shape, first.shape[1], 0, 0, first.shape[1], first.shape[2])
        return {
            name: Outline(
                outline(first[index], square), np.stack([planes[index] for planes in again])
            )
            for index, name in enumerate(names)
        }


def _on_tile(
    model: _Model, copy: FloatImage, channels: Sequence[int], placement: Placement
) -> FloatImage:
    """(structures, size, size): probabilities on a copy, in the proportions of the film again."""
    found = model.segment(copy).probabilities[channels]
    tile = np.zeros((len(channels), placement.size, placement.size), dtype=np.float32)
    rows = slice(placement.top, placement.top + placement.rows)
    columns = slice(placement.left, placement.left + placement.columns)
    for index, plane in enumerate(found):
        tile[index, rows, columns] = resized(plane, placement.rows, placement.columns)
    return tile
