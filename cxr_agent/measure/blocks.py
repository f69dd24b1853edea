"""A film at a coarser grain."""

from __future__ import annotations

from cxr_agent.study import FloatImage


def block_means(pixels: FloatImage, size: int) -> FloatImage:
    """Means of square blocks; what is left at the right and the bottom is less than a block.

    Parameters
    ----------
    pixels
        (rows, columns).
    size
        Pixels along the side of a block; 1 changes nothing.
    """
    rows, columns = (length // size for length in pixels.shape)
    whole = pixels[: rows * size, : columns * size]
    means: FloatImage = whole.reshape(rows, size, columns, size).mean(axis=(1, 3))
    return means
