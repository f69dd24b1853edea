"""Search by meaning: what lies near a text, by exact cosine over an encoder's vectors.

Reports are data: they are ranked and quoted, and nothing that they say is done.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cxr_agent.errors import UsageError
from cxr_agent.retrieval import exact
from cxr_agent.retrieval.encoders import Encoder
from cxr_agent.retrieval.exact import Numbers
from cxr_agent.retrieval.items import Hit, Where
from cxr_agent.retrieval.passages import Quote, passages
from cxr_agent.retrieval.store import Store
from cxr_agent.study import FloatImage

if TYPE_CHECKING:
    from cxr_agent.models.adapters.vectors import TextEncoder


class Meanings:
    """Searches by one encoder; loads it once, and encodes the passages of ``kb/`` once.

    Parameters
    ----------
    encoder
        Of texts alone for :meth:`quotes`, of films and texts for :meth:`films`.
    device
        See :func:`cxr_agent.models.adapters.load_adapter`.
    """

    def __init__(self, encoder: Encoder, device: str = "cpu") -> None:
        self._encoder = encoder
        self._device = device

    def quotes(
        self, text: str, k: int = 5, store: Store | None = None, where: Where | None = None
    ) -> list[Quote]:
        """Passages of ``kb/`` and reports that mean what ``text`` means, nearest first.

        Parameters
        ----------
        k
            At most so many of each.
        store
            Whose reports are searched; none without it.
        where
            Which items' reports may be found.

        Raises
        ------
        UsageError
            ``not_encoded``; ``bad_text`` for one without a word.
        ModelError
            As :func:`cxr_agent.models.adapters.load_adapter`.
        """
        kept = self._kept(store) if store is not None else None
        query = self._query(text)
        known = passages()
        found = [
            Quote(known[place].text, known[place].source, distance=distance)
            for place, distance in exact.nearest(query, *self._known, k, lambda _: True)
        ]
        if store is not None and kept is not None:
            found += [
                Quote(hit.item.report, f"report of item {hit.number}", hit.number, hit.distance)
                for hit in _hits(query, kept, k, store, where)
            ]
        return sorted(found, key=lambda quote: quote.distance or 0.0)

    def films(self, text: str, store: Store, k: int = 5, where: Where | None = None) -> list[Hit]:
        """Films that look as ``text`` says, nearest first; errors as :meth:`quotes`.

        Distances between a text and a film are of another size than those between films.
        """
        kept = self._kept(store)
        return _hits(self._query(text), kept, k, store, where)

    def _kept(self, store: Store) -> tuple[Numbers, FloatImage]:
        numbers, vectors = store.encoded(self._encoder.identity, self._encoder.part)
        if not len(numbers) and store.not_encoded(self._encoder.identity, self._encoder.part):
            raise UsageError(
                "not_encoded",
                f"this encoder, as its files are now, encoded no {self._encoder.part} of the store",
                hint="Run `cxr-agent kb encode --encoder ...` with the same encoder and store.",
            )
        return numbers, vectors

    def _query(self, text: str) -> FloatImage:
        vector: FloatImage = self._model.encode_text([text])[0]
        return vector

    @cached_property
    def _model(self) -> TextEncoder:
        return self._encoder.of_texts(self._device)

    @cached_property
    def _known(self) -> tuple[Numbers, FloatImage]:
        """Places and vectors of the passages."""
        vectors = self._model.encode_text([one.text for one in passages()])
        return np.arange(len(vectors), dtype=np.int64), vectors


def _hits(
    query: FloatImage,
    kept: tuple[Numbers, FloatImage],
    k: int,
    store: Store,
    where: Where | None,
) -> list[Hit]:
    items = store.items()
    limits = where or Where()
    near = exact.nearest(query, *kept, k, lambda number: limits.allows(items[number]))
    return [Hit(number, distance, items[number]) for number, distance in near]
