"""How well neighbours are found: by finding, and the patient's own other film."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.films.film import Film


def precision_at(
    vectors: NDArray[np.float32], films: Sequence[Film], count: int
) -> NDArray[np.float64]:
    """For each film with a finding: the share of its nearest neighbours with one of its findings.

    Films of the same patient are no neighbours: finding them again would be no skill. Where there
    are fewer than ``count`` others, all of them count.
    """
    people = np.array([film.person for film in films])
    found = [frozenset(code for code, there in f.labels.items() if there) for f in films]
    shares = []
    for index in range(len(films)):
        others = np.flatnonzero(people != people[index])
        if not (found[index] and others.size):
            continue
        scores = vectors @ vectors[index]
        nearest = others[np.argsort(-scores[others])[:count]]
        shares.append(np.mean([bool(found[index] & found[n]) for n in nearest]))
    return np.array(shares)


def recall_at_one(vectors: NDArray[np.float32], films: Sequence[Film]) -> NDArray[np.float64]:
    """For each film of a patient with several: whether the nearest film is one of the patient's."""
    people = np.array([film.person for film in films])
    hits = []
    for index in range(len(films)):
        if (people == people[index]).sum() < 2:
            continue
        scores = vectors @ vectors[index]
        scores[index] = -np.inf
        hits.append(float(people[scores.argmax()] == people[index]))
    return np.array(hits)
