"""How far a similar film may be: measured on the store's own films."""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_agent.retrieval.store import Store

PERCENTILE: Final = 99.0
_KEPT: Final = "reach"
FEWEST: Final = 50
"""Films below which a percentile says nothing."""
_MOST: Final = 2_000
"""Films that are looked from, evenly spread over the store."""
_AT_ONCE: Final = 200


def reach_of(store: Store) -> float | None:
    """The distance beyond which a film has nothing similar in this store.

    99 of 100 films of the store have one of another patient nearer than this; a film that has none
    is further from all of them than they are from each other. It is measured once for what a store
    holds, and kept in it. None for a store of too few films or of one patient.
    """
    kept = store.kept(_KEPT)
    if kept is None:
        kept = repr(_measured(store))
        store.keep(_KEPT, kept)
    reach = float(kept)
    return reach if reach >= 0 else None


def _measured(store: Store) -> float:
    """The percentile; -1 where there is none."""
    numbers, vectors = store.vectors()
    if len(numbers) < FEWEST:
        return -1.0
    items = store.items()
    patients = np.unique([items[int(n)].patient for n in numbers], return_inverse=True)[1]
    looked = np.unique(np.linspace(0, len(numbers) - 1, _MOST).astype(np.int64))
    nearest: list[float] = []
    for start in range(0, len(looked), _AT_ONCE):
        some = looked[start : start + _AT_ONCE]
        likeness = vectors[some] @ vectors.T
        likeness[patients[some, None] == patients[None, :]] = -np.inf
        nearest += [float(1 - most) for most in likeness.max(axis=1) if np.isfinite(most)]
    return float(np.percentile(nearest, PERCENTILE)) if len(nearest) >= FEWEST else -1.0
