"""Which films ought to lie near each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.films.film import Film

SAME_PERSON = 1.0
BOTH_NORMAL = 0.3
"""Two normal films are alike in what they lack; were they full partners, they would be all that
the embedding sees."""


def likeness(films: Sequence[Film]) -> NDArray[np.float32]:
    """(N, N) in [0, 1]: overlap of findings (Jaccard), or one patient; the diagonal is 1."""
    found = [frozenset(code for code, there in f.labels.items() if there) for f in films]
    known = [bool(f.labels) for f in films]
    table = np.eye(len(films), dtype=np.float32)
    for i in range(len(films)):
        for j in range(i):
            if films[i].person == films[j].person:
                worth = SAME_PERSON
            elif not (known[i] and known[j]):
                worth = 0.0
            elif not found[i] and not found[j]:
                worth = BOTH_NORMAL
            else:
                worth = len(found[i] & found[j]) / len(found[i] | found[j])
            table[i, j] = table[j, i] = worth
    return table
