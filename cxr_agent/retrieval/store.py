"""The record of truth: films, vectors and labels in SQLite, durable at every commit.

WAL with ``synchronous=FULL``: what was acknowledged is there after a kill or a power cut
(sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np

from cxr_agent.errors import ConfigError, UsageError
from cxr_agent.evidence import Polarity
from cxr_agent.ledgers import Complaints, transaction
from cxr_agent.retrieval.exact import Numbers
from cxr_agent.retrieval.items import Item, Part
from cxr_agent.study import FloatImage

STORE_VARIABLE: Final = "CXR_AGENT_STORE"
"""Names the folder of the store where no option does."""
SCHEMA_VERSION: Final = 2
_OLDER: Final = ("1",)
"""Versions that lack tables alone: these are made when such a store is opened."""
_FILE: Final = "store.sqlite"
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS item (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    patient TEXT NOT NULL,
    labels TEXT NOT NULL,
    report TEXT NOT NULL,
    vector BLOB NOT NULL,
    vector_sha256 TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS source (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    item INTEGER REFERENCES item (number)
) STRICT;
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    report, content='item', content_rowid='number', tokenize='porter unicode61'
);
CREATE TRIGGER IF NOT EXISTS item_words AFTER INSERT ON item WHEN new.report <> '' BEGIN
    INSERT INTO words (rowid, report) VALUES (new.number, new.report);
END;
CREATE TABLE IF NOT EXISTS encoded (
    encoder TEXT NOT NULL,
    part TEXT NOT NULL,
    item INTEGER NOT NULL REFERENCES item (number),
    vector BLOB NOT NULL,
    vector_sha256 TEXT NOT NULL,
    PRIMARY KEY (encoder, part, item)
) STRICT;
"""
COMPLAINTS: Final = Complaints(
    "store",
    in_use="another process is writing to this store of films",
    in_use_hint="Run the same command again when it is done: it goes on.",
    damaged_hint="`cxr-agent kb build` into another folder makes a new one.",
    option="--store",
)
_BUSY_S: Final = 30.0
_BLANKS: Final = "char(9, 10, 11, 12, 13, 32)"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was when it was looked at."""

    path: str
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Looked:
    """What became of a file: a film with its vector, or a code why it is none."""

    source: SourceFile
    item: Item | None = None
    vector: FloatImage | None = None
    """(dimensions,), of unit length."""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Generation:
    """Which films a store holds: an index that was built from another one is stale."""

    embedding: str
    dimensions: int
    items: int
    last: int

    @property
    def text(self) -> str:
        return f"{self.embedding} {self.dimensions} {self.items} {self.last}"


class Store(AbstractContextManager["Store"]):
    """A folder with one SQLite file.

    Parameters
    ----------
    folder
        Made where it is not there and ``create`` is set.
    embedding
        Identity of what makes the vectors: model, version, hash of its weights.

    Raises
    ------
    UsageError
        ``no_store``: there is none, and none may be made.
        ``other_embedding``: its vectors were made by something else.
    ConfigError
        ``bad_store``: the file is no store, or is damaged.
    OutputError
        ``disk_full``, ``store_not_writable``, ``store_in_use``; from what writes, too.
    """

    def __init__(self, folder: Path, *, embedding: str = "", create: bool = False) -> None:
        self.folder = folder
        self._path = folder / _FILE
        if not self._path.is_file():
            if not create:
                raise UsageError(
                    "no_store",
                    "there is no store of films here",
                    hint="Make one: cxr-agent kb build DIR.",
                )
            with COMPLAINTS.told():
                folder.mkdir(parents=True, exist_ok=True)
        self._db = self._open()
        try:
            with COMPLAINTS.told():
                self._settle(embedding)
        except BaseException:
            self._db.close()
            raise

    def _open(self) -> sqlite3.Connection:
        with COMPLAINTS.told():
            db = sqlite3.connect(
                self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            try:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=FULL")
                db.execute("PRAGMA foreign_keys=ON")
                db.executescript(_TABLES)
            except BaseException:
                db.close()
                raise
            return db

    def _settle(self, embedding: str) -> None:
        with transaction(self._db):
            self._db.execute(
                "INSERT OR IGNORE INTO meta VALUES ('schema', ?), ('salt', ?)",
                (str(SCHEMA_VERSION), secrets.token_hex(16)),
            )
            if embedding:
                self._db.execute("INSERT OR IGNORE INTO meta VALUES ('embedding', ?)", (embedding,))
            if self._meta("schema") in _OLDER:
                self._db.execute(
                    "UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA_VERSION),)
                )
        if self._meta("schema") != str(SCHEMA_VERSION):
            raise ConfigError(
                "bad_store",
                "the store was made by another version of this program",
                hint="Build it again into another folder.",
            )
        if embedding and self.embedding != embedding:
            raise UsageError(
                "other_embedding",
                "the vectors of this store were made by another embedding",
                hint="Build the store again into another folder: cxr-agent kb build.",
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def _meta(self, key: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    @property
    def embedding(self) -> str:
        return self._meta("embedding")

    def patient_key(self, identity: str) -> str:
        """Keyed hash of a patient's id, given as its fingerprint; the key is this store's own."""
        key = bytes.fromhex(self._meta("salt"))
        return hashlib.blake2b(identity.encode("utf-8"), key=key, digest_size=16).hexdigest()

    # Writing.

    def record(self, looked: Sequence[Looked]) -> int:
        """Keep what became of several files, all or none; the number of new films.

        A film that is there already, by its pixels, is not kept twice; its labels stay as they
        were first given.
        """
        new = 0
        with COMPLAINTS.told(), transaction(self._db):
            for one in looked:
                number: int | None = None
                outcome = one.refused
                if one.item is not None and one.vector is not None:
                    added = self._insert(one.item, one.vector)
                    new += added
                    outcome = "added" if added else "duplicate"
                    number = self._number(one.item.sha256)
                source = one.source
                self._db.execute(
                    "INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?)",
                    (source.path, source.size, source.modified_ns, outcome, number),
                )
        return new

    def _insert(self, item: Item, vector: FloatImage) -> int:
        blob = _blob(vector)
        labels = json.dumps({code: str(label) for code, label in sorted(item.labels.items())})
        done = self._db.execute(
            "INSERT OR IGNORE INTO item"
            " (sha256, source, patient, labels, report, vector, vector_sha256)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (item.sha256, item.source, item.patient, labels, item.report, blob, _digest(blob)),
        )
        return done.rowcount

    def keep_encoded(self, encoder: str, part: Part, vectors: Mapping[int, FloatImage]) -> int:
        """Keep further vectors of items, all or none; how many are new.

        Parameters
        ----------
        encoder
            Identity of what made them.
        part
            What they were made of.
        vectors
            (dimensions,), of unit length, by number of the item.
        """
        rows = [
            (encoder, str(part), number, blob, _digest(blob))
            for number, vector in vectors.items()
            for blob in (_blob(vector),)
        ]
        with COMPLAINTS.told(), transaction(self._db):
            return self._db.executemany(
                "INSERT OR IGNORE INTO encoded VALUES (?, ?, ?, ?, ?)", rows
            ).rowcount

    def _number(self, sha256: str) -> int | None:
        row = self._db.execute("SELECT number FROM item WHERE sha256 = ?", (sha256,)).fetchone()
        return int(row[0]) if row else None

    # Reading.

    def is_done(self, source: SourceFile) -> bool:
        """Whether this very file was looked at before."""
        row = self._db.execute(
            "SELECT size, modified_ns FROM source WHERE path = ?", (source.path,)
        ).fetchone()
        return row is not None and tuple(row) == (source.size, source.modified_ns)

    def generation(self) -> Generation:
        """What an index must have been built from to be of use."""
        items, last = self._db.execute(
            "SELECT COUNT(*), IFNULL(MAX(number), 0) FROM item"
        ).fetchone()
        row = self._db.execute("SELECT LENGTH(vector) / 4 FROM item LIMIT 1").fetchone()
        return Generation(self.embedding, int(row[0]) if row else 0, int(items), int(last))

    def vectors(self) -> tuple[Numbers, FloatImage]:
        """Numbers (N,) and vectors (N, dimensions) of all films.

        Raises
        ------
        ConfigError
            ``bad_store``: vectors of different lengths.
        """
        return _stacked(self._db.execute("SELECT number, vector FROM item ORDER BY number"))

    def encoded(self, encoder: str, part: Part) -> tuple[Numbers, FloatImage]:
        """Numbers (N,) and vectors (N, dimensions) of the items that an encoder encoded.

        Raises
        ------
        ConfigError
            ``bad_store``: vectors of different lengths.
        """
        return _stacked(
            self._db.execute(
                "SELECT item, vector FROM encoded WHERE encoder = ? AND part = ? ORDER BY item",
                (encoder, str(part)),
            )
        )

    def not_encoded(self, encoder: str, part: Part) -> list[int]:
        """Numbers of the items of which an encoder has no vector, and which have that part."""
        some = f"AND TRIM(report, {_BLANKS}) <> ''" if part is Part.REPORT else ""
        rows = self._db.execute(
            "SELECT number FROM item WHERE number NOT IN"  # noqa: S608 - the text is ours
            f" (SELECT item FROM encoded WHERE encoder = ? AND part = ?) {some} ORDER BY number",
            (encoder, str(part)),
        )
        return [int(number) for (number,) in rows]

    def encoders(self) -> dict[str, int]:
        """How many items each encoder encoded."""
        return {
            f"{encoder}, {part}s": int(count)
            for encoder, part, count in self._db.execute(
                "SELECT encoder, part, COUNT(*) FROM encoded GROUP BY encoder, part"
            )
        }

    def items(self, numbers: Iterable[int] | None = None) -> dict[int, Item]:
        """Films by number; all of them where none are named."""
        query = "SELECT number, sha256, source, patient, labels, report FROM item"
        if numbers is None:
            rows = self._db.execute(query)
        else:
            wanted = json.dumps([int(number) for number in numbers])
            rows = self._db.execute(
                f"{query} WHERE number IN (SELECT value FROM json_each(?))",  # noqa: S608 - ours
                (wanted,),
            )
        return {
            int(number): Item(
                sha256=sha256,
                source=source,
                patient=patient,
                labels={code: Polarity(label) for code, label in json.loads(labels).items()},
                report=report,
            )
            for number, sha256, source, patient, labels, report in rows
        }

    def reports_with(self, query: str, k: int) -> list[tuple[int, str]]:
        """Number and report of the items whose reports an FTS5 query finds, best first."""
        rows = self._db.execute(
            "SELECT words.rowid, item.report FROM words"
            " JOIN item ON item.number = words.rowid"
            " WHERE words MATCH ? ORDER BY bm25(words) LIMIT ?",
            (query, k),
        )
        return [(int(number), report) for number, report in rows]

    def kept(self, name: str) -> str | None:
        """What was measured on these very films and kept under a name, if anything was."""
        generation, _, text = self._meta(name).partition(" = ")
        return text if generation == self.generation().text else None

    def keep(self, name: str, text: str) -> None:
        """Keep something measured until the films change."""
        with COMPLAINTS.told(), transaction(self._db):
            self._db.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                (name, f"{self.generation().text} = {text}"),
            )

    def patient_of(self, sha256: str) -> str | None:
        """Whose film this is, where the store holds it."""
        row = self._db.execute("SELECT patient FROM item WHERE sha256 = ?", (sha256,)).fetchone()
        return str(row[0]) if row else None

    def outcomes(self) -> dict[str, int]:
        """How many files became what: ``added``, ``duplicate``, or a code of refusal."""
        return {
            str(outcome): int(count)
            for outcome, count in self._db.execute(
                "SELECT outcome, COUNT(*) FROM source GROUP BY outcome ORDER BY COUNT(*) DESC"
            )
        }

    def faults(self) -> list[str]:
        """What is wrong with the file, one line each; none when it is whole."""
        try:
            told = [str(row[0]) for row in self._db.execute("PRAGMA integrity_check")]
            found = [line for line in told if line != "ok"]
            for number, blob, digest in self._db.execute(
                "SELECT number, vector, vector_sha256 FROM item"
            ):
                if _digest(blob) != digest:
                    found.append(f"the vector of item {number} is not the one that was stored")
            for number, encoder, blob, digest in self._db.execute(
                "SELECT item, encoder, vector, vector_sha256 FROM encoded"
            ):
                if _digest(blob) != digest:
                    found.append(
                        f"the vector of item {number} by {encoder} is not the one that was stored"
                    )
        except sqlite3.DatabaseError:
            return ["the file is damaged"]
        return found


def _stacked(rows: Iterable[tuple[int, bytes]]) -> tuple[Numbers, FloatImage]:
    kept = list(rows)
    numbers = np.array([number for number, _ in kept], dtype=np.int64)
    if len({len(blob) for _, blob in kept}) > 1:
        raise _damaged()
    joined = np.frombuffer(b"".join(blob for _, blob in kept), dtype="<f4")
    return numbers, joined.reshape(len(kept), -1) if kept else joined.reshape(0, 0)


def _blob(vector: FloatImage) -> bytes:
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def _digest(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()


def _damaged() -> ConfigError:
    return ConfigError(
        "bad_store",
        "the store's file is damaged or is none",
        hint="`cxr-agent kb build` into another folder makes a new one.",
    )
