"""CheXbert as the labeler, through its adapter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_agent.evaluation.texts.labels import LABELS, Mark, Marks


class _Labels(Protocol):
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def embedding(self) -> NDArray[np.float32]: ...


class _Network(Protocol):
    def label(self, reports: Sequence[str]) -> Sequence[_Labels]: ...


class ModelLabeler:
    """Labels, and the likeness of reports, by CheXbert.

    Parameters
    ----------
    network
        As :func:`cxr_agent.models.adapters.chexbert.load` gives it.
    name
        What to call it.
    """

    def __init__(self, network: _Network, name: str = "CheXbert") -> None:
        self._network = network
        self.name = name

    def label(self, reports: Sequence[str]) -> list[Marks]:
        """Marks of all 14 labels for each report."""
        return [
            {label: Mark(told) for label, told in zip(LABELS, one.classes, strict=True)}
            for one in self._network.label(reports)
        ]

    def likeness(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """RadCliQ's s_emb: the cosine of two reports' embeddings, in [-1, 1]."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        vectors = dict(
            zip(texts, (one.embedding for one in self._network.label(texts)), strict=True)
        )
        return [_cosine(vectors[one], vectors[other]) for one, other in pairs]


def _cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(one.astype(np.float64) @ other.astype(np.float64)) / lengths if lengths else 0.0
