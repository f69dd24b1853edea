"""Exact search is exact; Chroma finds the same, and is made anew whenever it is not fit."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.errors import OutputError, UsageError
from cxr_agent.evidence import Polarity
from cxr_agent.retrieval import Collection, Engine, Store, Where, chroma_index
from cxr_agent.retrieval.exact import nearest

from .made import clustered, filled, looked


@given(
    count=st.integers(1, 60),
    k=st.integers(1, 70),
    seed=st.integers(0, 1000),
    every=st.integers(1, 7),
)
def test_exact_is_a_sort_by_distance(count: int, k: int, seed: int, every: int) -> None:
    vectors, query = clustered(count, seed), clustered(1, seed + 1)[0]
    numbers = np.arange(10, 10 + count)
    found = nearest(query, numbers, vectors, k, lambda number: number % every == 0)
    wanted = sorted(
        (float(1 - vector @ query), int(number))
        for number, vector in zip(numbers, vectors, strict=True)
        if number % every == 0
    )[:k]
    assert [number for number, _ in found] == [number for _, number in wanted]
    assert [d for _, d in found] == pytest.approx([d for d, _ in wanted], abs=1e-6)


def numbers_of(store: Store, engine: Engine, query: int, where: Where | None = None) -> list[int]:
    found = Collection(store, engine).search(clustered(200)[query], 10, where)
    return [hit.number for hit in found]


@pytest.mark.parametrize(
    "where",
    [
        Where(),
        Where(labels={"pleural_effusion": Polarity.PRESENT}),
        Where(not_patients=frozenset({"p0", "p1"})),
        Where(labels={"pleural_effusion": Polarity.ABSENT}, not_patients=frozenset({"p0"})),
    ],
)
def test_both_engines_agree(tmp_path: Path, where: Where) -> None:
    with filled(tmp_path, clustered(200)) as store:
        found = numbers_of(store, Engine.CHROMA, 0, where)
        assert found == numbers_of(store, Engine.EXACT, 0, where)
        assert len(found) == 10
        assert all(where.allows(item) for item in store.items(found).values())


def _gone(index: Path) -> None:
    shutil.rmtree(index)


def _torn_stamp(index: Path) -> None:
    stamp = index / "stamp.json"
    stamp.write_bytes(stamp.read_bytes()[:10])


def _stranger(index: Path) -> None:
    (index / "stamp.json").write_text(json.dumps({"generation": "x", "folder": "../.."}))


def _no_database(index: Path) -> None:
    for file in index.rglob("chroma.sqlite3"):
        file.write_bytes(b"\0" * 100)


def _emptied(index: Path) -> None:
    for folder in index.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
            folder.mkdir()


@pytest.mark.parametrize("harm", [_gone, _torn_stamp, _stranger, _no_database, _emptied])
def test_a_damaged_index_is_made_anew(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    with filled(tmp_path, clustered(200)) as store:
        wanted = numbers_of(store, Engine.EXACT, 5)
        assert numbers_of(store, Engine.CHROMA, 5) == wanted
        # Chroma keeps a client per path within a process: the harm is done to a fresh copy.
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path, copy, ignore=shutil.ignore_patterns("copy"))
    harm(copy / "index")
    with Store(copy) as store:
        assert numbers_of(store, Engine.CHROMA, 5) == wanted
        assert Collection(store).index.is_current()


def test_a_stale_index_is_made_anew(tmp_path: Path) -> None:
    vectors = clustered(200)
    with filled(tmp_path, vectors[:150]) as store:
        collection = Collection(store, Engine.CHROMA)
        collection.search(vectors[0])
        store.record([looked(n, vectors[n]) for n in range(150, 200)])
        assert not collection.index.is_current()
        assert collection.search(vectors[180], 1)[0].item.sha256 == f"{180:064x}"
        assert collection.index.is_current()
        assert sum(one.is_dir() for one in (tmp_path / "index").iterdir()) == 1


def test_a_query_of_another_embedding(tmp_path: Path) -> None:
    with (
        filled(tmp_path, clustered(3)) as store,
        pytest.raises(UsageError, match="other_embedding"),
    ):
        Collection(store).search(np.ones(7, dtype=np.float32))


def test_an_empty_store_has_no_neighbours(tmp_path: Path) -> None:
    with Store(tmp_path, embedding="made 1", create=True) as store:
        for engine in (Engine.EXACT, Engine.CHROMA):
            assert Collection(store, engine).search(clustered(1)[0]) == []


@pytest.mark.slow
def test_recall_over_ten_thousand_films(tmp_path: Path) -> None:
    vectors = clustered(10_200)
    with filled(tmp_path, vectors[:10_000]) as store:
        by_chroma, exact = Collection(store, Engine.CHROMA), Collection(store, Engine.EXACT)
        found = 0
        for query in vectors[10_000:]:
            wanted = {hit.number for hit in exact.search(query, 10)}
            found += len(wanted & {hit.number for hit in by_chroma.search(query, 10)})
        assert found / 2_000 >= 0.99


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("No space left on device (os error 28)", "disk_full"),
        ("error returned from database: (code: 13) database or disk is full", "disk_full"),
        ("error returned from database: (code: 14) unable to open", "store_not_writable"),
        ("error returned from database: (code: 778) disk I/O error", "store_not_writable"),
        ("error returned from database: (code: 8) readonly database", "store_not_writable"),
    ],
)
def test_what_chroma_says_of_the_disk_is_an_error_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, code: str
) -> None:
    """As chromadb 1.5 words it; tests/enduring has it do so on real disks."""

    def fail(place: Path) -> None:
        place.mkdir()
        (place / "half").write_bytes(b"x")
        raise RuntimeError(told)

    with filled(tmp_path, clustered(20)) as store:
        index = Collection(store, Engine.CHROMA).index
        index.rebuild()
        before = (tmp_path / "index" / "stamp.json").read_bytes()
        monkeypatch.setattr(chroma_index, "_client", fail)
        with pytest.raises(OutputError) as caught:
            index.rebuild()
        assert caught.value.code == code
        assert (tmp_path / "index" / "stamp.json").read_bytes() == before
        assert sum(one.is_dir() for one in (tmp_path / "index").iterdir()) == 1


def test_chroma_fails_without_a_word_where_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(place: Path) -> None:
        raise RuntimeError("Error in compaction: Failed to apply logs to the metadata segment")

    def full(folder: Path, size: int) -> None:
        assert folder == tmp_path / "index"
        assert size > 1 << 20
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(chroma_index, "_client", fail)
    monkeypatch.setattr(chroma_index, "_require_room", full)
    with filled(tmp_path, clustered(3)) as store, pytest.raises(OutputError, match="disk_full"):
        Collection(store, Engine.CHROMA).index.rebuild()


def test_what_chroma_says_of_itself_stays_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(place: Path) -> None:
        raise RuntimeError("error returned from database: (code: 1) no such table")

    monkeypatch.setattr(chroma_index, "_client", fail)
    with (
        filled(tmp_path, clustered(3)) as store,
        pytest.raises(RuntimeError, match="no such table"),
    ):
        Collection(store, Engine.CHROMA).index.rebuild()
