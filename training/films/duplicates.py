"""Films that are in two sets, found by a perceptual hash.

The difference hash (Krawetz, 2013): is each of 16 x 16 cells brighter than its right neighbour?
Two copies of a film that were scaled, compressed or stretched in grey differ in a few bits; two
films of different patients in about a hundred of 256. Dull films come near each other by chance,
so what the hash finds is looked at again: the greys of two copies correlate almost fully.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.films.film import Film

SIDE = 16
NEAR = 24
"""Bits of 256 within which two films are looked at again."""
SAME = 0.985
"""Correlation of their 48 px thumbnails from which on they count as one."""


def difference_hash(film: Film) -> NDArray[np.uint8]:
    """32 bytes."""
    picture = Image.open(film.path).convert("L")
    small = picture.resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.int16)
    return np.packbits(grey[:, 1:] > grey[:, :-1])


def distances(one: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Hamming distances of one (32,) hash to (N, 32) hashes."""
    return np.asarray(np.bitwise_count(others ^ one).sum(axis=1), dtype=np.int64)


def likeness(one: Film, other: Film) -> float:
    """Correlation of two films' thumbnails, in [-1, 1]."""
    first, second = (
        np.asarray(
            Image.open(film.path).convert("L").resize((48, 48), Image.Resampling.BOX),
            dtype=np.float64,
        ).ravel()
        for film in (one, other)
    )
    return float(np.corrcoef(first, second)[0, 1])


def without_duplicates(films: Sequence[Film]) -> tuple[list[Film], list[tuple[Film, Film]]]:
    """Keep the first of films of **different** people that are one picture.

    Returns
    -------
    kept : list
    dropped : list of (film left out, film that it repeats)
    """
    hashes = np.stack([difference_hash(film) for film in films])
    kept: list[int] = []
    dropped: list[tuple[Film, Film]] = []
    for index, film in enumerate(films):
        if kept:
            near = np.flatnonzero(distances(hashes[index], hashes[kept]) <= NEAR)
            others = (films[kept[n]] for n in near)
            same = next(
                (o for o in others if o.person != film.person and likeness(o, film) >= SAME), None
            )
            if same is not None:
                dropped.append((film, same))
                continue
        kept.append(index)
    return [films[index] for index in kept], dropped
