"""How good an embedding is for retrieval in one store: ours, or any encoder of films by name.

Of each film with a finding, the nearest films of other patients: the share that has a finding in
common with it (precision at k, as on the card of our own embedding).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cxr_agent.errors import InputError, UsageError
from cxr_agent.evidence import Interval, Polarity
from cxr_agent.imaging import Decoder
from cxr_agent.models.adapters import load_adapter, medimageinsight
from cxr_agent.models.adapters.sources import read_json, resolve
from cxr_agent.retrieval import exact
from cxr_agent.retrieval.exact import Numbers
from cxr_agent.retrieval.items import Item
from cxr_agent.retrieval.store import Store
from cxr_agent.study import FloatImage

NEIGHBOURS: Final = 5
_DRAWS: Final = 1_000
_BATCH: Final = 16
_FILM_FAMILIES: Final = {
    **dict.fromkeys(("dinov2", "dinov2_with_registers", "dinov3_vit"), "dinov2"),
    **dict.fromkeys(("clip", "siglip"), "clip"),
}
"""The family that reads a checkpoint, by its configuration's ``model_type``: those for films."""
_OPEN_CLIP: Final = "open_clip_config.json"


@dataclass(frozen=True, slots=True)
class Quality:
    """Precision at k over the films of a store."""

    films: int
    """With a finding and at least k films of other patients that may be found."""
    precision: float
    interval: Interval
    """95 % by bootstrap over films."""
    k: int


def quality(
    items: dict[int, Item], numbers: Numbers, vectors: FloatImage, k: int = NEIGHBOURS
) -> Quality:
    """Measure one set of vectors.

    Parameters
    ----------
    items
        Of the store, by number.
    numbers, vectors
        (N,) in ascending order and (N, dimensions) of unit length.

    Raises
    ------
    UsageError
        ``too_few_films`` where no film can be measured.
    """
    present = {number: _present(items[number]) for number in map(int, numbers)}
    scores = np.array(list(_scores(items, present, numbers, vectors, k)))
    if not scores.size:
        raise UsageError(
            "too_few_films",
            "no film has a finding and enough films of other patients to be compared with",
            hint="Build the store from a table with labels: cxr-agent kb build films.csv.",
        )
    draw = np.random.default_rng(0).integers(0, scores.size, (_DRAWS, scores.size))
    low, high = np.percentile(scores[draw].mean(axis=1), (2.5, 97.5))
    return Quality(scores.size, float(scores.mean()), (float(low), float(high)), k)


def _scores(
    items: dict[int, Item],
    present: dict[int, frozenset[str]],
    numbers: Numbers,
    vectors: FloatImage,
    k: int,
) -> Iterator[float]:
    for place, number in enumerate(map(int, numbers)):
        if not present[number]:
            continue
        near = exact.nearest(vectors[place], numbers, vectors, k, _of_others(items, number))
        if len(near) == k:
            yield sum(bool(present[other] & present[number]) for other, _ in near) / k


def _of_others(items: dict[int, Item], number: int) -> Callable[[int], bool]:
    return lambda other: items[other].patient != items[number].patient


def _present(item: Item) -> frozenset[str]:
    return frozenset(code for code, said in item.labels.items() if said is Polarity.PRESENT)


def film_vectors(store: Store, source: str, device: str = "cpu") -> tuple[Numbers, FloatImage]:
    """Vectors of a store's films by an encoder of films; those whose file is gone are left out.

    Parameters
    ----------
    source
        A model that was pulled, as ``rad-dino`` or ``biomedclip``, or a folder; nothing is
        downloaded.

    Raises
    ------
    UsageError
        ``no_film_encoder``.
    ModelError
        As :func:`cxr_agent.models.adapters.load_adapter`.
    """
    folder = resolve(source, fetch=False)
    model = load_adapter(_family(folder), folder, device=device)
    numbers: list[int] = []
    parts: list[FloatImage] = []
    with Decoder() as decoder:
        everything = list(store.items().items())
        for start in range(0, len(everything), _BATCH):
            films = {}
            for number, item in everything[start : start + _BATCH]:
                pixels = _pixels(decoder, item)
                if pixels is not None:
                    films[number] = pixels
            if films:
                parts.append(model.encode(list(films.values())))
                numbers += films
    vectors = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
    return np.array(numbers, dtype=np.int64), vectors


def _pixels(decoder: Decoder, item: Item) -> FloatImage | None:
    try:
        film = decoder.decode(Path(item.source))
    except InputError:
        return None
    return film.pixels if film.sha256 == item.sha256 else None


def _family(folder: Path) -> str:
    if folder.is_dir() and (folder / _OPEN_CLIP).is_file():
        return "clip"
    if folder.is_dir() and (folder / medimageinsight.WEIGHTS).is_file():
        return "medimageinsight"
    kind = read_json(folder / "config.json").get("model_type") if folder.is_dir() else None
    if kind not in _FILM_FAMILIES:
        raise UsageError(
            "no_film_encoder",
            "this checkpoint makes no vectors of films",
            hint="The family is dinov2, medimageinsight or clip: docs/pretrained.md.",
        )
    return _FILM_FAMILIES[str(kind)]
