"""Searching a store: by whichever engine fits, with the same answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from cxr_agent.errors import UsageError
from cxr_agent.retrieval import exact
from cxr_agent.retrieval.chroma_index import ChromaIndex, is_there
from cxr_agent.retrieval.items import Hit, Item, Where
from cxr_agent.retrieval.store import Generation, Store
from cxr_agent.study import FloatImage

EXACT_UP_TO: Final = 50_000
"""Films. Up to here looking at every vector takes less time than importing Chroma, and milliseconds
once they are loaded (benchmarks/retrieval.py)."""


class Engine(StrEnum):
    """What looks for neighbours."""

    AUTO = "auto"
    """Exact search up to :data:`EXACT_UP_TO` films, Chroma beyond where it is installed."""
    EXACT = "exact"
    CHROMA = "chroma"


class Collection:
    """The films of a store, to be searched; keeps what it loaded until the store changes.

    Parameters
    ----------
    store
        Must stay open while this is used.

    Raises
    ------
    UsageError
        ``chroma_missing``: asked for and not installed.
    """

    def __init__(self, store: Store, engine: Engine = Engine.AUTO) -> None:
        if engine is Engine.CHROMA and not is_there():
            raise UsageError(
                "chroma_missing",
                "chromadb is not installed",
                hint="pip install 'cxr-agent[retrieval]', or --engine exact.",
            )
        self.store = store
        self.index = ChromaIndex(store)
        self._engine = engine
        self._loaded: Generation | None = None

    def engine(self) -> Engine:
        """What the next search will use."""
        if self._engine is not Engine.AUTO:
            return self._engine
        large = self.store.generation().items > EXACT_UP_TO
        return Engine.CHROMA if large and is_there() else Engine.EXACT

    def search(self, query: FloatImage, k: int = 10, where: Where | None = None) -> list[Hit]:
        """The films most alike, nearest first.

        Parameters
        ----------
        query
            (dimensions,), of unit length.

        Raises
        ------
        UsageError
            ``other_embedding``: the query has other dimensions than the store's vectors.
        """
        where = where or Where()
        held = self.store.generation()
        if not held.items:
            return []
        if query.shape != (held.dimensions,):
            raise UsageError(
                "other_embedding",
                "the query was made by another embedding than the store's vectors",
                hint="Build the store again.",
            )
        if self.engine() is Engine.CHROMA:
            found = self.index.nearest(query, k, where)
            items = self.store.items(number for number, _ in found)
        else:
            self._load(held)
            items = self._items
            found = exact.nearest(
                query, self._numbers, self._vectors, k, lambda number: where.allows(items[number])
            )
        return [Hit(number, distance, items[number]) for number, distance in found]

    def _load(self, held: Generation) -> None:
        if self._loaded != held:
            self._numbers, self._vectors = self.store.vectors()
            self._items: dict[int, Item] = self.store.items()
            self._loaded = held
