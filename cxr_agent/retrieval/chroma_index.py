"""Chroma as an index that is never trusted: built whole into a new folder, then put in place.

Chroma's persistent store does not survive a kill while it writes, so nothing is ever written into
one that is in use: another is built beside it, stamped with what it was built from, and the stamp
is replaced last. Whatever has no fitting stamp, or fails, is built again from the store.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from cxr_agent.ledgers import disk_error
from cxr_agent.output import write_whole
from cxr_agent.retrieval.items import Where
from cxr_agent.retrieval.store import COMPLAINTS, Generation, Store
from cxr_agent.study import FloatImage

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME: Final = "films"
_STAMP: Final = "stamp.json"
_BATCH: Final = 2_000
"""Chroma takes at most 5,461 at once."""
_OS_ERROR: Final = re.compile(r"\(os error (\d+)\)")
_SQLITE_CODE: Final = re.compile(r"\(code: (\d+)\)")
"""How chromadb's Rust part tells of the system's errors and of SQLite's (1.5)."""
_LEAST_BYTES: Final = 1 << 20
"""What an index takes, beside twice its vectors."""
_HNSW: Final = {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 32}


def is_there() -> bool:
    """Whether chromadb is installed, without importing it."""
    return find_spec("chromadb") is not None


class ChromaIndex:
    """The index of one store.

    Parameters
    ----------
    store
        What it is built from; the index lies in the folder ``index`` beside its file.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._folder = store.folder / "index"
        self._collection: Any = None
        self._built_from: Generation | None = None

    def is_current(self) -> bool:
        """Whether an index lies there that was built from what the store holds now."""
        return self._stamped() is not None

    def _stamped(self) -> Path | None:
        try:
            stamp = json.loads((self._folder / _STAMP).read_text(encoding="utf-8"))
            place = self._folder / str(stamp["folder"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        fits = stamp.get("generation") == self._store.generation().text and place.is_dir()
        return place if fits and place.parent == self._folder else None

    def rebuild(self) -> None:
        """Build it anew from the store; another process that does so is waited for.

        Raises
        ------
        OutputError
            ``disk_full`` or ``store_not_writable``. What was there before is still there.
        """
        try:
            with self._alone():
                self._build()
        except OSError as error:
            raise COMPLAINTS.unwritable(error) from None

    def nearest(self, query: FloatImage, k: int, where: Where) -> list[tuple[int, float]]:
        """As :func:`cxr_agent.retrieval.exact.nearest`, approximately.

        An index that is missing, stale or damaged is built again, once.
        """
        try:
            return self._ask(query, k, where)
        except Exception:  # whatever Chroma raises of a damaged index, the store is whole
            self.rebuild()
            return self._ask(query, k, where)

    def _ask(self, query: FloatImage, k: int, where: Where) -> list[tuple[int, float]]:
        generation = self._store.generation()
        if self._collection is None or self._built_from != generation:
            self._open(generation)
        count = self._collection.count()
        if count != generation.items:
            raise RuntimeError("the index does not hold what its stamp says")
        if not count:
            return []
        told = self._collection.query(
            query_embeddings=[query.tolist()],
            n_results=min(k, count),
            where=_condition(where),
            include=["distances"],
        )
        return [
            (int(number), float(distance))
            for number, distance in zip(told["ids"][0], told["distances"][0], strict=True)
        ]

    def _open(self, generation: Generation) -> None:
        place = self._stamped()
        if place is None:
            self.rebuild()
            place = self._stamped()
            if place is None:
                raise RuntimeError("the index changed while it was built")
        self._collection = _client(place).get_collection(_NAME, embedding_function=None)
        self._built_from = generation

    def _build(self) -> None:
        self._collection = None  # its folder will be gone
        generation = self._store.generation()
        numbers, vectors = self._store.vectors()
        items = self._store.items()
        place = self._folder / uuid4().hex
        try:
            with _complaints_of_chroma(self._folder, _LEAST_BYTES + 2 * vectors.nbytes):
                collection = _client(place).create_collection(
                    _NAME, embedding_function=None, configuration={"hnsw": _HNSW}
                )
                for start in range(0, len(numbers), _BATCH):
                    batch = numbers[start : start + _BATCH]
                    collection.add(
                        ids=[str(number) for number in batch],
                        embeddings=vectors[start : start + _BATCH],
                        metadatas=[
                            _facts(items[int(n)].patient, items[int(n)].labels) for n in batch
                        ],
                    )
            stamp = {"generation": generation.text, "folder": place.name}
            write_whole(self._folder / _STAMP, json.dumps(stamp).encode("utf-8"))
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)  # nobody would ever look into it
            raise
        for other in self._folder.iterdir():
            if other.is_dir() and other != place:
                shutil.rmtree(other, ignore_errors=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@contextmanager
def _complaints_of_chroma(folder: Path, size: int) -> Iterator[None]:
    """What Chroma says of the disk, which it tells in words alone, as errors of the system.

    Parameters
    ----------
    folder, size
        Where there should be room for so many bytes: Chroma does not always say why it failed.
    """
    try:
        yield
    except Exception as error:
        told = str(error)
        of_system, of_sqlite = _OS_ERROR.search(told), _SQLITE_CODE.search(told)
        if of_system is not None:
            raise OSError(int(of_system[1]), os.strerror(int(of_system[1]))) from None
        cause = disk_error(int(of_sqlite[1])) if of_sqlite is not None else None
        if cause is not None:
            raise cause from None
        _require_room(folder, size)
        raise


def _require_room(folder: Path, size: int) -> None:
    """Raise OSError where so many bytes cannot be written."""
    with TemporaryFile(dir=folder) as file:
        file.write(bytes(size))


def _client(place: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(path=str(place), settings=Settings(anonymized_telemetry=False))


def _facts(patient: str, labels: Mapping[str, str]) -> dict[str, str]:
    return {"patient": patient, **{f"label_{code}": str(value) for code, value in labels.items()}}


def _condition(where: Where) -> dict[str, Any] | None:
    parts: list[dict[str, Any]] = [
        {f"label_{code}": {"$eq": str(value)}} for code, value in where.labels.items()
    ]
    if where.not_patients:
        parts.append({"patient": {"$nin": sorted(where.not_patients)}})
    if len(parts) > 1:
        return {"$and": parts}
    return parts[0] if parts else None
