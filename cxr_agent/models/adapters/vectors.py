"""Films and texts as unit vectors: what all encoders share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import UsageError
from cxr_agent.models.adapters.libraries import library
from cxr_agent.study import FloatImage

Vectors = NDArray[np.float32]
"""(n, dimension), each row of length one: a dot product is the cosine similarity."""
_AT_ONCE: Final = 8


class ImageEncoder:
    """Films to unit vectors.

    Parameters
    ----------
    pictures
        Films to the network's input tensor.
    look
        The input tensor to vectors (n, dimension), of any length.
    dimension
        Of the vectors.
    """

    def __init__(
        self,
        pictures: Callable[[Sequence[FloatImage]], Any],
        look: Callable[[Any], Any],
        dimension: int,
    ) -> None:
        self._pictures = pictures
        self._look = look
        self.dimension = dimension

    def encode(self, films: Sequence[FloatImage]) -> Vectors:
        """One unit vector per film.

        Parameters
        ----------
        films
            (rows, columns) float32 in [0, 1], bone white; any sizes.
        """
        with library("torch").inference_mode():
            parts = [
                _unit(self._look(self._pictures(films[start : start + _AT_ONCE])))
                for start in range(0, len(films), _AT_ONCE)
            ]
        return np.concatenate([np.zeros((0, self.dimension), np.float32), *parts])


class TextEncoder:
    """Texts to unit vectors.

    Parameters
    ----------
    read
        Texts to vectors (n, dimension), of any length.
    dimension
        Of the vectors.
    """

    def __init__(self, read: Callable[[list[str]], Any], dimension: int) -> None:
        self._read = read
        self.dimension = dimension

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """One unit vector per text; what is longer than the network reads is cut.

        Raises
        ------
        UsageError
            ``bad_text`` for one without a word.
        """
        if any(not text.strip() for text in texts):
            raise UsageError(
                "bad_text", "an empty text has no meaning to encode", hint="Leave it out."
            )
        with library("torch").inference_mode():
            parts = [
                _unit(self._read(list(texts[start : start + _AT_ONCE])))
                for start in range(0, len(texts), _AT_ONCE)
            ]
        return np.concatenate([np.zeros((0, self.dimension), np.float32), *parts])


class ImageTextEncoder(ImageEncoder, TextEncoder):
    """Films and texts to unit vectors of one space.

    Parameters
    ----------
    pictures, look, dimension
        As for :class:`ImageEncoder`.
    read
        As for :class:`TextEncoder`.
    """

    def __init__(
        self,
        pictures: Callable[[Sequence[FloatImage]], Any],
        look: Callable[[Any], Any],
        dimension: int,
        read: Callable[[list[str]], Any],
    ) -> None:
        ImageEncoder.__init__(self, pictures, look, dimension)
        TextEncoder.__init__(self, read, dimension)


def _unit(found: Any) -> Vectors:
    vectors: Vectors = found.float().cpu().numpy()
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-30), dtype=np.float32)
