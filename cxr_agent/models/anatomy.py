"""The embedded anatomy model on the reading path: ONNX Runtime, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import ModelError
from cxr_agent.models.store import load_card, verified_weights
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
    threads
        Threads of one run; None leaves the choice to ONNX Runtime.
    weights
        An ONNX file in place of the embedded one: training evaluates its runs this way.
    """

    def __init__(self, *, threads: int | None = None, weights: bytes | None = None) -> None:
        import onnxruntime

        self.card = load_card(MODEL_ID)
        options = onnxruntime.SessionOptions()
        if threads is not None:
            options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(
                weights or verified_weights(self.card), options, providers=["CPUExecutionProvider"]
            )
        except ModelError:
            raise
        except Exception as error:
            raise ModelError("weights_damaged", f"the weights of {MODEL_ID} do not load") from error

    def predict(self, tile: FloatImage) -> tuple[FloatImage, float]:
        """Probabilities (structures, S, S) of a prepared tile, and that it is a film."""
        masks, film = self._session.run(None, {"tile": tile[None, None]})
        return np.asarray(masks[0], dtype=np.float32), float(film[0])

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
        tile, placement = make_tile(pixels, self.card.input_size)
        probabilities, film = self.predict(tile)
        outlines = {
            name: outline(probabilities[index], placement)
            for index, name in enumerate(self.card.structures)
        }
        return Anatomy(outlines, film)


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
