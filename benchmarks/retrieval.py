"""Looking for similar films: a store, its index, and exact search, by how many films there are."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from cxr_agent.retrieval import Collection, Engine, Item, Store
from cxr_agent.retrieval.store import Looked, SourceFile
from cxr_agent.study import FloatImage

SIZES: Final = (1_000, 10_000, 100_000)
_DIMENSIONS: Final = 256
_QUERIES: Final = 100
_BATCH: Final = 1_000

Answer = TypeVar("Answer")


def rows(sizes: tuple[int, ...] = SIZES) -> list[tuple[str, str]]:
    """What was measured, and how long it took."""
    return [row for size in sizes for row in _of_size(size)]


def _of_size(size: int) -> list[tuple[str, str]]:
    vectors = _vectors(size + _QUERIES)
    queries = vectors[size:]
    with (
        tempfile.TemporaryDirectory() as folder,
        Store(Path(folder), embedding="made", create=True) as store,
    ):
        write_s = _seconds(lambda: _fill(store, vectors[:size]))
        index_s = _seconds(Collection(store, Engine.CHROMA).index.rebuild)
        by_chroma, exact = Collection(store, Engine.CHROMA), Collection(store, Engine.EXACT)
        numpy_ms, _ = _asked(lambda query: np.argsort(-(vectors[:size] @ query))[:10], queries)
        exact_ms, wanted = _asked(exact.search, queries)
        chroma_ms, found = _asked(by_chroma.search, queries)
    recall = sum(
        len({hit.number for hit in one} & {hit.number for hit in two})
        for one, two in zip(wanted, found, strict=True)
    ) / (10 * len(queries))
    return [
        (f"{size:,} films kept in SQLite, {_BATCH} a commit", f"{write_s:.2f} s"),
        (f"{size:,} films: Chroma's index built", f"{index_s:.2f} s"),
        (f"{size:,} films: plain NumPy, a full sort", f"{numpy_ms:.2f} ms a query"),
        (
            f"{size:,} films: our exact search",
            f"{exact_ms:.2f} ms a query, {exact_ms / numpy_ms:.2f} of plain NumPy",
        ),
        (
            f"{size:,} films: Chroma",
            f"{chroma_ms:.2f} ms a query, {chroma_ms / exact_ms:.2f} of exact; "
            f"recall@10 {recall:.4f}",
        ),
    ]


def _vectors(count: int) -> FloatImage:
    """Unit vectors around 64 centres."""
    draw = np.random.default_rng(0)
    centres = draw.standard_normal((64, _DIMENSIONS), dtype=np.float32)
    vectors = centres[draw.integers(0, 64, count)]
    vectors += 0.7 * draw.standard_normal((count, _DIMENSIONS), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _fill(store: Store, vectors: FloatImage) -> None:
    made = [
        Looked(SourceFile(str(n), 1, n), Item(f"{n:064x}", str(n), f"p{n}"), vector)
        for n, vector in enumerate(vectors)
    ]
    for start in range(0, len(made), _BATCH):
        store.record(made[start : start + _BATCH])


def _seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _asked(ask: Callable[[FloatImage], Answer], queries: FloatImage) -> tuple[float, list[Answer]]:
    """Median milliseconds of a query, after one that loads, and all answers."""
    ask(queries[0])
    answers: list[Answer] = []
    times: list[float] = []
    for query in queries:
        start = time.perf_counter()
        answers.append(ask(query))
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times), answers
