"""The embedded findings classifier: probabilities by label, and where each comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.models.card import LabelCard
from cxr_agent.models.runtime.network import Network
from cxr_agent.models.saliency import Faithfulness, Scorer, faithfulness
from cxr_agent.models.tile import Placement, make_tile
from cxr_agent.study import FloatImage

MODEL_ID: Final = "findings"
_SHOWN: Final = 256
"""Longest side of a map as it is kept, in pixels: it is coarse by nature."""


@dataclass(frozen=True, slots=True)
class Classified:
    """One film with its probabilities, and what an explanation needs."""

    probabilities: dict[str, float]
    """Calibrated, by code, for every label of the card, offered or not."""
    cells: dict[str, FloatImage]
    """(s, s) share of each place of the tile in the logit."""
    tile: FloatImage
    placement: Placement


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a probability comes from."""

    plane: FloatImage
    """(rows, columns) in [0, 1] over the whole film, at most 256 pixels on the longer side."""
    faithfulness: Faithfulness


class FindingsModel:
    """Classifies frontal films of adults.

    Parameters
    ----------
    network
        That of the card ``findings``.
    """

    def __init__(self, network: Network) -> None:
        self.card = network.card
        self._network = network
        self._labels = {label.code: (i, label) for i, label in enumerate(network.card.labels)}

    def label(self, code: str) -> LabelCard:
        """The card of one label; raises :class:`KeyError` for an unknown one."""
        return self._labels[code][1]

    def classify(self, pixels: FloatImage) -> Classified:
        """Probabilities of all labels.

        Parameters
        ----------
        pixels
            (rows, columns) float32 in [0, 1], bone white.
        """
        tile, placement = make_tile(pixels, self.card.input_size)
        found = self._network.run(tile[None, None])
        logits, maps = found["logits"][0], found["maps"][0]
        return Classified(
            {code: probability(label, logits[i]) for code, (i, label) in self._labels.items()},
            {code: maps[i] for code, (i, _) in self._labels.items()},
            tile,
            placement,
        )

    def scorer(self, code: str) -> Scorer:
        """What the map behind one label explains."""
        index, _ = self._labels[code]

        def scores(tiles: FloatImage) -> NDArray[np.floating]:
            # Before calibration: a rare finding's probability is small, and so would be its score.
            logits = self._network.run(tiles[:, None])["logits"][:, index]
            return 0.5 + 0.5 * np.tanh(logits / 2)

        return scores

    def explain(self, film: Classified, code: str) -> Explanation:
        """The map behind one label, and whether it is true."""
        cells = film.cells[code]
        return Explanation(
            over_film(cells, film.placement), faithfulness(film.tile, cells, self.scorer(code))
        )


def probability(label: LabelCard, logit: float | np.floating) -> float:
    """The calibrated probability behind a logit."""
    # The logistic function by way of tanh, which no logit is too large for.
    return 0.5 + 0.5 * math.tanh((label.scale * float(logit) + label.offset) / 2)


def over_film(cells: FloatImage, placement: Placement) -> FloatImage:
    """What speaks for the finding, from 0 to 1 over the film."""
    from PIL import Image

    size = placement.size
    picture = Image.fromarray(cells.astype(np.float32)).resize(
        (size, size), Image.Resampling.BICUBIC
    )
    inside = np.asarray(picture)[
        placement.top : placement.top + placement.rows,
        placement.left : placement.left + placement.columns,
    ]
    scale = _SHOWN / max(placement.film_shape)
    rows, columns = (max(1, round(side * min(1.0, scale))) for side in placement.film_shape)
    shown = Image.fromarray(np.ascontiguousarray(inside)).resize(
        (columns, rows), Image.Resampling.BILINEAR
    )
    low, high = float(cells.min()), float(cells.max())
    plane: FloatImage = np.clip((np.asarray(shown) - low) / max(high - low, 1e-6), 0, 1)
    return plane.astype(np.float32)
