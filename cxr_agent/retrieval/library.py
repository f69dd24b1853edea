"""A store as a reading sees it: the films most like one, and nothing of where or whose they are."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from cxr_agent.evidence import Polarity
from cxr_agent.models.embedding import EmbeddingModel
from cxr_agent.retrieval.building import embedding_identity
from cxr_agent.retrieval.collection import Collection
from cxr_agent.retrieval.items import Hit, Where, first_of_each
from cxr_agent.retrieval.reach import reach_of
from cxr_agent.retrieval.snippets import snippet_of
from cxr_agent.retrieval.store import Store
from cxr_agent.retrieval.votes import VOTERS, Vote, calibration_of, vote
from cxr_agent.study import FloatImage, Image

_SHOWN: Final = 3
_PER_PATIENT: Final = 4
"""Films that are looked at for each voter, as several may be of one patient."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A film of the store that is like the one looked at."""

    number: int
    """Of the item, in its store."""
    distance: float
    labels: Mapping[str, Polarity]
    snippet: str
    """The beginning of its report with everything but everyday words masked: data, to be quoted."""


@dataclass(frozen=True, slots=True)
class Similar:
    """What a store has that is like a film."""

    films: int
    """In the store."""
    reach: float | None
    """Distance beyond which nothing is similar; None where the store is too small to tell."""
    nearest: float | None
    """Distance of the nearest film of another patient, however far."""
    neighbours: tuple[Neighbour, ...]
    voters: int
    votes: tuple[Vote, ...]


class Library(AbstractContextManager["Library"]):
    """Films to look for similar ones in; safe to share between threads.

    Parameters
    ----------
    folder
        Of the store.
    model
        The embedding; its store must have been made by it.
    reports
        Whether snippets of reports may be given.

    Raises
    ------
    UsageError, ConfigError
        As :class:`~cxr_agent.retrieval.store.Store`.
    """

    def __init__(self, folder: Path, model: EmbeddingModel, *, reports: bool = True) -> None:
        self._model = model
        self._reports = reports
        self._store = Store(folder, embedding=embedding_identity(model))
        self._films = Collection(self._store)
        self._turn = threading.Lock()

    def patient_key(self, fingerprint: str) -> str:
        """What the store would call the patient behind a fingerprint; empty for an empty one."""
        with self._turn:
            return self._store.patient_key(fingerprint) if fingerprint else ""

    def similar(self, film: Image) -> Similar:
        """The films most like one, never of the same patient, one of each patient.

        Raises
        ------
        ConfigError, UsageError
            When the store is damaged or was changed by another version.
        """
        vector: FloatImage = self._model.embed([film.pixels]).vectors[0]
        with self._turn:
            own = {film.patient_key, self._store.patient_of(film.sha256)} - {"", None}
            where = Where(not_patients=frozenset(key for key in own if key is not None))
            hits = first_of_each(
                self._films.search(vector, VOTERS * _PER_PATIENT, where),
                lambda hit: hit.item.patient,
            )
            reach = reach_of(self._store)
            calibration = calibration_of(self._store)
            held = self._store.generation().items
        near = [hit for hit in hits if reach is None or hit.distance <= reach][:VOTERS]
        return Similar(
            films=held,
            reach=reach,
            nearest=hits[0].distance if hits else None,
            neighbours=tuple(map(self._neighbour, near[:_SHOWN])),
            voters=len(near),
            votes=tuple(vote([hit.item for hit in near], calibration)),
        )

    def record(self) -> str:
        """What a trace keeps of the store: which films by which embedding, not where it lies."""
        with self._turn:
            return self._store.generation().text

    def _neighbour(self, hit: Hit) -> Neighbour:
        snippet = snippet_of(hit.item.report) if self._reports else ""
        return Neighbour(hit.number, hit.distance, hit.item.labels, snippet)

    def close(self) -> None:
        self._store.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
