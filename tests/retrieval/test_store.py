"""The record of truth: nothing twice, nothing lost, nothing altered unnoticed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from cxr_agent.errors import ConfigError, UsageError
from cxr_agent.retrieval import Store
from cxr_agent.retrieval.store import Looked, SourceFile

from .made import clustered, filled, looked


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    vectors = clustered(7)
    with filled(tmp_path, vectors):
        pass
    with Store(tmp_path, embedding="made 1") as store:
        numbers, found = store.vectors()
        assert np.array_equal(found, vectors)
        assert store.items([int(numbers[3])])[int(numbers[3])] == looked(3, vectors[3]).item
        assert store.generation().items == 7
        assert not store.faults()


def test_one_film_in_two_files_is_one_item(tmp_path: Path) -> None:
    (vector,) = clustered(1)
    first = looked(0, vector)
    again = Looked(SourceFile("/films/copy.png", 1, 1), first.item, vector)
    with Store(tmp_path, embedding="made 1", create=True) as store:
        assert store.record([first, again]) == 1
        assert store.record([first]) == 0
        assert store.outcomes() == {"duplicate": 2}
        assert store.generation().items == 1


def test_a_file_that_changed_is_looked_at_again(tmp_path: Path) -> None:
    with filled(tmp_path, clustered(1)) as store:
        assert store.is_done(SourceFile("/films/0.png", 1, 0))
        assert not store.is_done(SourceFile("/films/0.png", 2, 0))
        assert not store.is_done(SourceFile("/films/0.png", 1, 5))


def test_a_batch_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    vectors = clustered(3)
    broken = Looked(SourceFile("/films/x.png", 1, 1), looked(2, vectors[2]).item, vectors[2])
    object.__setattr__(broken.source, "size", None)
    with Store(tmp_path, embedding="made 1", create=True) as store:
        with pytest.raises(sqlite3.IntegrityError):
            store.record([looked(0, vectors[0]), broken])
        assert store.generation().items == 0
        assert store.record([looked(0, vectors[0])]) == 1


def test_keys_of_patients_are_of_one_store(tmp_path: Path) -> None:
    with (
        Store(tmp_path / "a", create=True) as one,
        Store(tmp_path / "b", create=True) as other,
    ):
        assert one.patient_key("Smith") == one.patient_key("Smith") != one.patient_key("Smyth")
        assert one.patient_key("Smith") != other.patient_key("Smith")
        assert "smith" not in one.patient_key("Smith").lower()


def test_an_altered_vector_is_noticed(tmp_path: Path) -> None:
    with filled(tmp_path, clustered(5)):
        pass
    db = sqlite3.connect(tmp_path / "store.sqlite")
    db.execute("UPDATE item SET vector = zeroblob(LENGTH(vector)) WHERE number = 3")
    db.commit()
    db.close()
    with Store(tmp_path) as store:
        assert store.faults() == ["the vector of item 3 is not the one that was stored"]


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to be read" * 99])
def test_what_is_no_store(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UsageError, match="no_store"):
        Store(tmp_path)
    (tmp_path / "store.sqlite").write_bytes(content)
    if content:
        with pytest.raises(ConfigError, match="bad_store"):
            Store(tmp_path)
    else:  # SQLite takes an empty file for a new store
        with Store(tmp_path) as store:
            assert store.generation().items == 0


def test_vectors_of_two_embeddings_are_never_mixed(tmp_path: Path) -> None:
    with filled(tmp_path, clustered(2)):
        pass
    with pytest.raises(UsageError, match="other_embedding"):
        Store(tmp_path, embedding="made 2")


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    with filled(tmp_path, clustered(2)):
        pass
    db = sqlite3.connect(tmp_path / "store.sqlite")
    db.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    db.commit()
    db.close()
    with pytest.raises(ConfigError, match="bad_store"):
        Store(tmp_path)
