"""The embedded anatomy model: from films to outlines at their own size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.models.runtime.network import Network
from cxr_agent.models.tile import Placement, make_tile
from cxr_agent.study import FloatImage

MODEL_ID: Final = "anatomy"
_SURE, _EVEN, _DOUBTFUL = 0.8, 0.5, 0.2


@dataclass(frozen=True, slots=True)
class Outline:
    """One structure at the film's own size."""

    plane: NDArray[np.bool_]
    """(rows, columns); may be empty."""
    spread: tuple[float, float, float, float]
    """Left, top, right, bottom: movement of the bounding box between probabilities 0.2 and 0.8,
    in film pixels."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Outlines by structure, and whether the picture is an upright frontal chest film."""

    outlines: dict[str, Outline]
    film_probability: float


class AnatomyModel:
    """Segments both lungs, the heart and both clavicles.

    Parameters
    ----------
    network
        That of the card ``anatomy``.
    """

    def __init__(self, network: Network) -> None:
        self.card = network.card
        self._network = network

    def predict(self, tile: FloatImage) -> tuple[FloatImage, float]:
        """Probabilities (structures, S, S) of a prepared tile, and that it is a film."""
        found = self._network.run(tile[None, None])
        return found["masks"][0], float(found["film"][0])

    def is_film(self, anatomy: Anatomy) -> bool:
        """Whether the picture counts as an upright frontal chest film, by the card's threshold."""
        limit = self.card.film_threshold
        return limit is None or anatomy.film_probability >= limit

    def segment(self, pixels: FloatImage) -> Anatomy:
        """Outline all structures on a film of any size.

        Parameters
        ----------
        pixels
            (rows, columns) float32 in [0, 1], bone white.
        """
        return self.segment_many([pixels])[0]

    def segment_many(self, films: Sequence[FloatImage]) -> list[Anatomy]:
        """As :meth:`segment` for several films, whose tiles go through the network together."""
        if not films:
            return []
        made = [make_tile(pixels, self.card.input_size) for pixels in films]
        found = self._network.run(np.stack([tile for tile, _ in made])[:, None])
        return [
            Anatomy(
                {
                    name: outline(masks[index], placement)
                    for index, name in enumerate(self.card.structures)
                },
                float(film),
            )
            for masks, film, (_, placement) in zip(found["masks"], found["film"], made, strict=True)
        ]


def outline(probability: FloatImage, placement: Placement) -> Outline:
    """The largest connected part of one structure, brought back to the film.

    Parameters
    ----------
    probability
        (S, S) on the tile.
    """
    kept = _largest_part(probability)
    plane = placement.restore_above(kept, _EVEN)
    sure, doubtful = _box(kept > _SURE), _box(kept > _DOUBTFUL)
    scale = max(placement.film_shape) / placement.size
    if sure is None or doubtful is None:
        rows, columns = placement.film_shape
        return Outline(plane, (columns, rows, columns, rows))
    moved = tuple(abs(a - b) * scale for a, b in zip(sure, doubtful, strict=True))
    return Outline(plane, (moved[0], moved[1], moved[2], moved[3]))


def _largest_part(probability: FloatImage) -> FloatImage:
    """Zero what does not hang together with the largest part; fill enclosed holes."""
    from scipy import ndimage

    labels, count = ndimage.label(probability > _EVEN)
    if count == 0:
        return probability
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    part = labels == int(sizes.argmax())
    # The doubtful rim around the part belongs to it; other parts do not.
    near = ndimage.binary_dilation(part, iterations=12)
    kept = np.where(near & ((labels == 0) | part), probability, 0).astype(np.float32)
    holes = ndimage.binary_fill_holes(part) & ~part
    return np.where(holes, np.float32(1), kept)


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    columns = np.flatnonzero(mask.any(axis=0))
    rows = np.flatnonzero(mask.any(axis=1))
    if not columns.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])
