"""Further vectors of a store's items, a batch at a time: of their reports, or of their films.

What a batch's commit acknowledged is never done again, and no vector is kept twice: encoding that
was killed goes on where it was. What could not be encoded is not remembered, so that the next time
tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cxr_agent.errors import InputCode, InputError
from cxr_agent.imaging import DecodedFilm, Decoder
from cxr_agent.retrieval.encoders import Encoder
from cxr_agent.retrieval.items import Item, Part
from cxr_agent.retrieval.store import Store
from cxr_agent.study import FloatImage

BATCH: Final = 16
"""Items that are encoded and committed together: what a kill costs at most."""
_GONE: Final = (
    InputCode.FILE_NOT_FOUND,
    InputCode.UNREADABLE_PATH,
    InputCode.NOT_A_REGULAR_FILE,
)


@dataclass(frozen=True, slots=True)
class Encoded:
    """How far the encoding has come."""

    of: int
    """Items that had no vector of this encoder when it began, and have what it encodes."""
    done: int = 0
    added: int = 0
    gone: int = 0
    """Films whose file is not there."""
    changed: int = 0
    """Files that hold another film by now."""
    refused: int = 0
    """Files that the decoder refuses by now."""


def encode(
    store: Store,
    encoder: Encoder,
    device: str = "cpu",
    told: Callable[[Encoded], None] | None = None,
) -> Encoded:
    """Give every item of a store a vector by ``encoder``.

    Parameters
    ----------
    device
        See :func:`cxr_agent.models.adapters.load_adapter`; nothing is loaded where nothing is to
        be done.
    told
        Called after every batch.

    Raises
    ------
    ModelError, UsageError
        As :func:`cxr_agent.models.adapters.load_adapter`.
    """
    waiting = store.not_encoded(encoder.identity, encoder.part)
    state = Encoded(of=len(waiting))
    if not waiting:
        return state
    steps = _films if encoder.part is Part.FILM else _reports
    for vectors, lost in steps(store, waiting, encoder, device):
        new = store.keep_encoded(encoder.identity, encoder.part, vectors)
        state = replace(
            state,
            done=state.done + len(vectors) + len(lost),
            added=state.added + new,
            gone=state.gone + lost.count("gone"),
            changed=state.changed + lost.count("changed"),
            refused=state.refused + lost.count("refused"),
        )
        if told is not None:
            told(state)
    return state


_Step = tuple[dict[int, FloatImage], list[str]]
"""Vectors of a batch by number, and what became of those of its items that have none."""


def _batches(store: Store, numbers: Sequence[int]) -> Iterator[dict[int, Item]]:
    for start in range(0, len(numbers), BATCH):
        yield store.items(numbers[start : start + BATCH])


def _reports(
    store: Store, numbers: Sequence[int], encoder: Encoder, device: str
) -> Iterator[_Step]:
    model = encoder.of_texts(device)
    for items in _batches(store, numbers):
        vectors = model.encode_text([item.report for item in items.values()])
        yield dict(zip(items, vectors, strict=True)), []


def _films(store: Store, numbers: Sequence[int], encoder: Encoder, device: str) -> Iterator[_Step]:
    model = encoder.of_films(device)
    with Decoder() as decoder:
        for items in _batches(store, numbers):
            films: dict[int, DecodedFilm] = {}
            lost: list[str] = []
            for number, item in items.items():
                found = _opened(decoder, item)
                if isinstance(found, str):
                    lost.append(found)
                else:
                    films[number] = found
            vectors = model.encode([film.pixels for film in films.values()])
            yield dict(zip(films, vectors, strict=True)), lost


def _opened(decoder: Decoder, item: Item) -> DecodedFilm | str:
    """The film that an item is, or what became of its file."""
    try:
        film = decoder.decode(Path(item.source))
    except InputError as error:
        return "gone" if error.code in _GONE else "refused"
    return film if film.sha256 == item.sha256 else "changed"
