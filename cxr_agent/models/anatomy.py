"""The embedded anatomy model: from films to outlines at their own size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.boxes import box_around
from cxr_agent.models.parts import encloses, grown, holes, largest_part
from cxr_agent.models.repeats import REPEATS, Repeat
from cxr_agent.models.runtime.network import Network
from cxr_agent.models.tile import Placement, content, framed, place
from cxr_agent.study import FloatImage

MODEL_ID: Final = "anatomy"
_EVEN = 0.5
_RIM: Final = 12
"""Pixels of the tile around the largest part that may belong to it."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One structure at the film's own size."""

    plane: NDArray[np.bool_]
    """(rows, columns); may be empty."""
    repeats: NDArray[np.bool_] | None = None
    """(K, r, c): outlined again on altered copies, see :mod:`cxr_agent.models.repeats`."""


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

    def segment(self, pixels: FloatImage, *, repeat: bool = False) -> Anatomy:
        """Outline all structures on a film of any size.

        Parameters
        ----------
        pixels
            (rows, columns) float32 in [0, 1], bone white.
        repeat
            Outline again on altered copies, for the doubt of what is measured: 0.2 s more.
        """
        return self.segment_many([pixels], repeat=repeat)[0]

    def segment_many(self, films: Sequence[FloatImage], *, repeat: bool = False) -> list[Anatomy]:
        """As :meth:`segment` for several films, whose tiles go through the network together."""
        if not films:
            return []
        repeats = REPEATS if repeat else ()
        size = self.card.input_size
        placements = [place((int(p.shape[0]), int(p.shape[1])), size) for p in films]
        each = 1 + len(repeats)
        tiles = np.empty((len(films), each, size, size), dtype=np.float32)
        for pixels, placement, (first, *others) in zip(films, placements, tiles, strict=True):
            small = content(pixels, placement)
            framed(small, placement, first)
            for one, other in zip(repeats, others, strict=True):
                one.tile(small, placement, other)
        found = self._network.run(tiles.reshape(-1, 1, size, size))
        return [
            self._anatomy(
                found["masks"][each * index : each * (index + 1)],
                float(found["film"][each * index]),
                placement,
                repeats,
            )
            for index, placement in enumerate(placements)
        ]

    def _anatomy(
        self,
        masks: FloatImage,
        film: float,
        placement: Placement,
        repeats: Sequence[Repeat],
    ) -> Anatomy:
        """From (1 + K, structures, S, S) probabilities of one film and its altered copies."""
        names = self.card.structures
        again = [
            one.outlines(planes, names, placement)
            for one, planes in zip(repeats, masks[1:], strict=True)
        ]
        return Anatomy(
            {
                name: Outline(
                    outline(masks[0, index], placement),
                    np.stack([planes[index] for planes in again]) if again else None,
                )
                for index, name in enumerate(names)
            },
            film,
        )


def outline(probability: FloatImage, placement: Placement) -> NDArray[np.bool_]:
    """The largest connected part of one structure, brought back to the film.

    Parameters
    ----------
    probability
        (S, S) on the tile.
    """
    # Of the rim around a part, only what blends with it can make a pixel of the film one of it.
    part = _largest_part(probability, min(_RIM, placement.blended))
    return placement.restore_above(part, _EVEN)


def _largest_part(probability: FloatImage, rim: int) -> FloatImage:
    """Zero what does not hang together with the largest part; fill enclosed holes."""
    above = probability > _EVEN
    box = box_around(above, rim)
    if box is None:
        return probability
    above, inside = above[box], probability[box]
    part = largest_part(above)
    # The doubtful rim around the part belongs to it; other parts do not.
    near = grown(part, rim)
    kept = np.zeros(probability.shape, dtype=np.float32)
    kept[box] = np.where(near & (~above | part), inside, 0)
    if encloses(part):
        kept[box][holes(part)] = 1
    return kept
