"""Films into a store: decoded side by side, embedded together, kept a batch at a time.

What a batch's commit acknowledged is never done again: a build that was killed goes on where it
was, and a second one of the same files has nothing to do.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from cxr_agent.errors import InputCode, InputError, UnsuitableCode
from cxr_agent.imaging import DecodedFilm, Decoder
from cxr_agent.imaging.fingerprint import fingerprint
from cxr_agent.models.embedding import EmbeddingModel
from cxr_agent.retrieval.items import Item
from cxr_agent.retrieval.listing import Listed
from cxr_agent.retrieval.store import Looked, SourceFile, Store
from cxr_agent.study import View

BATCH: Final = 16
"""Films that are embedded and committed together: what a kill costs at most."""
_PASSING: Final = (InputCode.DECODE_TIMEOUT, InputCode.DECODE_MEMORY, InputCode.DECODE_CRASH)
"""Refusals that another day may not repeat: the next build tries again."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build has come."""

    files: int
    of: int
    added: int
    skipped: int
    """Files that were looked at in an earlier build."""
    refused: int


def embedding_identity(model: EmbeddingModel) -> str:
    """What a store's vectors were made by: model, version, weights."""
    card = model.card
    return f"{card.id} {card.version} {card.weights_sha256[:16]}"


def build(
    store: Store,
    films: Sequence[Listed],
    model: EmbeddingModel,
    *,
    jobs: int = 1,
    told: Callable[[Progress], None] | None = None,
) -> Progress:
    """Put films into a store.

    Parameters
    ----------
    jobs
        Workers that decode.
    told
        Called after every batch.
    """
    done = Progress(0, len(films), 0, 0, 0)
    with _Decoders(jobs) as decoders:
        for batch in _batches(store, films, decoders):
            looked = _embedded(store, [one for one in batch if one.source is not None], model)
            new = store.record(looked)
            done = Progress(
                files=done.files + len(batch),
                of=len(films),
                added=done.added + new,
                skipped=done.skipped + sum(one.skipped for one in batch),
                refused=done.refused + sum(bool(one.refused) for one in batch),
            )
            if told is not None:
                told(done)
    return done


@dataclass(frozen=True, slots=True)
class _Opened:
    """A listed file after the decoder had it."""

    listed: Listed
    source: SourceFile | None = None
    film: DecodedFilm | None = None
    refused: str = ""
    skipped: bool = False


def _batches(store: Store, films: Sequence[Listed], decoders: _Decoders) -> Iterator[list[_Opened]]:
    """At most two batches of decoded films are held at once."""
    waiting: deque[Future[_Opened] | _Opened] = deque()
    batch: list[_Opened] = []
    rest = iter(films)
    while True:
        while len(waiting) < BATCH and (listed := next(rest, None)) is not None:
            waiting.append(_begun(store, listed, decoders))
        if not waiting:
            break
        first = waiting.popleft()
        batch.append(first.result() if isinstance(first, Future) else first)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _begun(store: Store, listed: Listed, decoders: _Decoders) -> Future[_Opened] | _Opened:
    source = _source(listed.path)
    if source is None:
        return _Opened(listed, refused="file_not_found")  # not remembered: it may come back
    if store.is_done(source):
        return _Opened(listed, skipped=True)
    return decoders.open(listed, source)


def _source(path: Path) -> SourceFile | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return SourceFile(str(path.absolute()), facts.st_size, facts.st_mtime_ns)


def _embedded(store: Store, opened: Sequence[_Opened], model: EmbeddingModel) -> list[Looked]:
    fine = [one for one in opened if one.film is not None]
    vectors = iter(
        model.embed([one.film.pixels for one in fine if one.film is not None]).vectors
        if fine
        else ()
    )
    looked: list[Looked] = []
    for one in opened:
        assert one.source is not None
        if one.film is None:
            looked.append(Looked(one.source, refused=one.refused))
            continue
        item = Item(
            sha256=one.film.sha256,
            source=one.source.path,
            patient=store.patient_key(_whose(one.listed, one.film)),
            labels=one.listed.labels,
            report=one.listed.report,
        )
        looked.append(Looked(one.source, item, next(vectors)))
    return looked


def _whose(listed: Listed, film: DecodedFilm) -> str:
    """A name for the patient: as the list has it, else the file, else its folder, else its own."""
    told = fingerprint(listed.patient) or film.patient or fingerprint(listed.perhaps)
    return told or f"film {film.sha256}"


class _Decoders(AbstractContextManager["_Decoders"]):
    """A pool of threads, each with a decode worker of its own."""

    def __init__(self, jobs: int) -> None:
        self._pool = ThreadPoolExecutor(jobs, thread_name_prefix="decode")
        self._own = threading.local()
        self._all: list[Decoder] = []

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        for decoder in self._all:
            decoder.close()

    def open(self, listed: Listed, source: SourceFile) -> Future[_Opened]:
        return self._pool.submit(self._open, listed, source)

    def _open(self, listed: Listed, source: SourceFile) -> _Opened:
        if not hasattr(self._own, "decoder"):
            self._own.decoder = Decoder()
            self._all.append(self._own.decoder)
        try:
            film: DecodedFilm = self._own.decoder.decode(listed.path)
        except InputError as error:
            lasting = error.code not in _PASSING
            return _Opened(listed, source if lasting else None, refused=error.code)
        if film.synthetic:
            return _Opened(listed, source, refused=UnsuitableCode.SYNTHETIC_FILM.value)
        if film.view is View.LATERAL:
            return _Opened(listed, source, refused=UnsuitableCode.LATERAL_VIEW.value)
        return _Opened(listed, source, film)
