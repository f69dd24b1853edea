"""How alike short texts are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_agent.prose import words_of

Likeness = NDArray[np.float64]
"""(rows, columns), in [0, 1]."""


class Similarity(Protocol):
    """Compares every text of one list with every one of another."""

    name: str

    def compare(self, rows: Sequence[str], columns: Sequence[str]) -> Likeness: ...


class WordOverlap:
    """Twice the words in common over the words of both (Dice): needs no model, knows no synonym."""

    name = "word overlap"

    def compare(self, rows: Sequence[str], columns: Sequence[str]) -> Likeness:
        """(rows, columns); two texts without a word are as alike as their letters."""
        mine, theirs = [_words(text) for text in rows], [_words(text) for text in columns]
        found = [[2 * len(a & b) / (len(a) + len(b)) for b in theirs] for a in mine]
        return np.asarray(found, dtype=np.float64).reshape(len(rows), len(columns))


def _words(text: str) -> frozenset[str]:
    return words_of(text) or frozenset({text.strip().lower()})


class Encoded:
    """Cosine of an encoder's vectors; a negative one counts 0.

    Parameters
    ----------
    encoder
        As the families ``sentence`` and ``clip`` of :mod:`cxr_agent.models.adapters` load it.
    name
        What to call it.
    """

    def __init__(self, encoder: _Encoder, name: str) -> None:
        self._encoder = encoder
        self.name = name

    def compare(self, rows: Sequence[str], columns: Sequence[str]) -> Likeness:
        """(rows, columns)."""
        texts = list(dict.fromkeys((*rows, *columns)))
        place = {text: number for number, text in enumerate(texts)}
        vectors = np.asarray(self._encoder.encode_text(texts), dtype=np.float64)
        mine = vectors[[place[text] for text in rows]]
        theirs = vectors[[place[text] for text in columns]]
        return np.clip(mine @ theirs.T, 0.0, 1.0)


class _Encoder(Protocol):
    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]: ...
