"""The ledger of a batch: which studies there are, and what came of each. One row per study.

SQLite in WAL mode with ``synchronous=FULL``: what was acknowledged is there after a kill or a
power cut (sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous). A study's result is
one row that one statement writes, so it is there once or not at all.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from cxr_agent.batch.inputs import digest_of, facts_of, is_as_it_was
from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.layout import LEDGER, LOCK
from cxr_agent.batch.work import FileFacts, Outcome, StudyResult
from cxr_agent.errors import ConfigError, UsageError
from cxr_agent.ledgers import Complaints, transaction

SCHEMA_VERSION: Final = "1"
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS study (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    films TEXT NOT NULL,
    priors TEXT NOT NULL,
    indication TEXT NOT NULL,
    listing INTEGER NOT NULL,
    state TEXT NOT NULL,
    begun INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    inputs TEXT NOT NULL DEFAULT '',
    setup TEXT NOT NULL DEFAULT '',
    run TEXT NOT NULL DEFAULT '',
    code TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    seconds REAL NOT NULL DEFAULT 0,
    ended TEXT NOT NULL DEFAULT '',
    device TEXT NOT NULL DEFAULT '',
    notes TEXT NOT NULL DEFAULT '',
    rows BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS study_state ON study (state, number);
CREATE TABLE IF NOT EXISTS file (
    place TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL
) STRICT;
"""
_BUSY_S: Final = 30.0
_AT_ONCE: Final = 500
"""Studies that are listed, or looked through, in one transaction."""


class State(StrEnum):
    """Of a study: waiting, or settled in one of three ways."""

    WAITING = "waiting"
    READ = Outcome.READ
    REFUSED = Outcome.REFUSED
    FAILED = Outcome.FAILED


@dataclass(frozen=True, slots=True)
class Waiting:
    """A study that is to be read."""

    number: int
    study: BatchStudy
    begun: int
    """How often it was handed out since it last came back."""
    lost: int
    """How often a worker was lost with it."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A study and what came of it."""

    number: int
    study: BatchStudy
    state: State
    run: str
    code: str
    message: str
    seconds: float
    ended: str
    device: str
    notes: str
    """Codes with blanks between."""
    rows: tuple[dict[str, Any], ...]


class Ledger(AbstractContextManager["Ledger"]):
    """The record of a batch, in its folder; one process at a time may write it.

    Parameters
    ----------
    folder
        Made where it is not there and ``create`` is set.
    write
        Whether this process is to be the one that writes.

    Raises
    ------
    UsageError
        ``no_batch``: the folder holds none. ``not_a_batch``: it holds other things, and a batch
        is not begun among them.
    OutputError
        ``batch_in_use``, ``batch_not_writable``, ``disk_full``.
    ConfigError
        ``bad_batch``: the ledger is damaged, or of another version.
    """

    def __init__(self, folder: Path, *, create: bool = False, write: bool = True) -> None:
        self.folder = folder
        self._lock: int | None = None
        path = folder / LEDGER
        if not path.is_file() and not create:
            raise UsageError(
                "no_batch",
                "there is no batch in this folder",
                hint="Begin one: cxr-agent batch INPUT --out DIR.",
            )
        try:
            if create:
                _claim(folder)
            if write:
                self._lock = COMPLAINTS.locked(folder / LOCK)
        except OSError as error:
            raise COMPLAINTS.unwritable(error) from None
        try:
            self._db = self._open(path, write)
        except BaseException:
            self._unlock()
            raise

    def _open(self, path: Path, write: bool) -> sqlite3.Connection:
        with COMPLAINTS.told():
            mode = "rwc" if write else "ro"
            db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=_BUSY_S,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with COMPLAINTS.told():
                if write:
                    db.execute("PRAGMA journal_mode=WAL")
                    db.execute("PRAGMA synchronous=FULL")
                    db.executescript(_TABLES)
                    db.execute(
                        "INSERT OR IGNORE INTO about VALUES ('schema', ?)", (SCHEMA_VERSION,)
                    )
                found = db.execute("SELECT value FROM about WHERE name = 'schema'").fetchone()
            if found is None or found[0] != SCHEMA_VERSION:
                raise ConfigError(
                    "bad_batch",
                    "the batch was written by another version of this program",
                    hint="Begin it again in another folder.",
                )
        except BaseException:
            db.close()
            raise
        return db

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another process write."""
        self._db.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # What the batch is.

    def about(self, name: str) -> Any:
        """What was kept under a name; None where nothing was."""
        with COMPLAINTS.told():
            row = self._db.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def keep_about(self, name: str, value: object) -> None:
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, json.dumps(value)))

    # Which studies there are.

    def begin_listing(self) -> int:
        """Number of a new listing: studies that it does not name are no part of the batch."""
        with COMPLAINTS.told():
            row = self._db.execute("SELECT coalesce(max(listing), 0) FROM study").fetchone()
        return int(row[0]) + 1

    def list_studies(self, listing: int, studies: Iterable[BatchStudy]) -> None:
        """Take up studies; what came of one that is known by its name stays."""
        with self._writing() as db:
            db.executemany(
                "INSERT INTO study (name, films, priors, indication, listing, state)"
                " VALUES (?, ?, ?, ?, ?, 'waiting') ON CONFLICT (name) DO UPDATE SET"
                " films = excluded.films, priors = excluded.priors,"
                " indication = excluded.indication, listing = excluded.listing",
                (
                    (
                        one.name,
                        json.dumps(one.films),
                        json.dumps(one.priors),
                        one.indication,
                        listing,
                    )
                    for one in studies
                ),
            )

    def list_refused(self, listing: int, name: str, code: str, message: str, setup: str) -> None:
        """Take up an entry that is no study, settled as such."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO study (name, films, priors, indication, listing, state, code, message,"
                " setup, ended) VALUES (?, '[]', '[]', '', ?, 'refused', ?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET films = '[]', priors = '[]', indication = '',"
                " listing = excluded.listing, state = 'refused', code = excluded.code,"
                " message = excluded.message, setup = excluded.setup, inputs = '', rows = NULL,"
                " run = '', begun = 0, lost = 0",
                (name, listing, code, message, setup, _now()),
            )

    def end_listing(self, listing: int) -> None:
        """From now on the batch is what this listing named."""
        self.keep_about("listing", listing)

    def freshen(self, setup: str) -> int:
        """Have read again what was settled from other files, or by other tools or weights.

        Returns
        -------
        int
            How many studies wait that were settled.
        """
        stale = 0
        after = 0
        while True:
            with COMPLAINTS.told():
                rows = self._db.execute(
                    "SELECT number, films, priors, indication, inputs, setup FROM study"  # noqa: S608 - ours
                    f" WHERE number > ? AND state <> 'waiting' AND {_LISTED} AND films <> '[]'"
                    " ORDER BY number LIMIT ?",
                    (after, _AT_ONCE),
                ).fetchall()
            if not rows:
                return stale
            after = rows[-1][0]
            changed = [
                (number,)
                for number, films, priors, indication, inputs, made_by in rows
                if made_by != setup
                or self._inputs(json.loads(films), json.loads(priors), indication) != inputs
            ]
            if changed:
                self._wait_again("number = ?", changed)
                stale += len(changed)

    def retry_failed(self) -> None:
        """Have read again what failed."""
        self._wait_again(f"state = 'failed' AND {_LISTED}", [()])

    def _wait_again(self, which: str, values: Sequence[tuple[Any, ...]]) -> None:
        with self._writing() as db:
            db.executemany(
                f"UPDATE study SET state = 'waiting', begun = 0, lost = 0"  # noqa: S608 - ours
                f" WHERE {which}",
                values,
            )

    def _inputs(self, films: Sequence[str], priors: Sequence[str], indication: str) -> str:
        return digest_of(
            [self._sha256(place) for place in films],
            [self._sha256(place) for place in priors],
            indication,
        )

    def _sha256(self, place: str) -> str:
        with COMPLAINTS.told():
            row = self._db.execute(
                "SELECT size, modified_ns, sha256 FROM file WHERE place = ?", (json.dumps(place),)
            ).fetchone()
        if row is not None and is_as_it_was(FileFacts(place, *row)):
            return str(row[2])
        facts = facts_of(place)
        with self._writing() as db:
            _keep_files(db, (facts,))
        return facts.sha256

    # What becomes of them.

    def waiting(self, after: int, limit: int = _AT_ONCE) -> list[Waiting]:
        """The next studies that wait, by number."""
        with COMPLAINTS.told():
            rows = self._db.execute(
                "SELECT number, name, films, priors, indication, begun, lost"  # noqa: S608 - ours
                " FROM study"
                f" WHERE number > ? AND state = 'waiting' AND {_LISTED} ORDER BY number LIMIT ?",
                (after, limit),
            ).fetchall()
        return [
            Waiting(number, _study(name, films, priors, indication), begun, lost)
            for number, name, films, priors, indication, begun, lost in rows
        ]

    def hand_out(self, number: int) -> None:
        """A study is being read from now on, which a crash of everything does not hide."""
        with self._writing() as db:
            db.execute("UPDATE study SET begun = begun + 1 WHERE number = ?", (number,))

    def take_back(self, number: int) -> None:
        """It was handed out and not begun."""
        with self._writing() as db:
            db.execute("UPDATE study SET begun = max(begun - 1, 0) WHERE number = ?", (number,))

    def lose(self, number: int) -> int:
        """A worker was lost with it; how often by now."""
        with self._writing() as db:
            (lost,) = db.execute(
                "UPDATE study SET begun = 0, lost = lost + 1 WHERE number = ? RETURNING lost",
                (number,),
            ).fetchone()
        return int(lost)

    def settle(self, number: int, run: str, result: StudyResult, setup: str) -> str:
        """Record what came of a study; the run that this puts in the shade, if there was one."""
        packed = zlib.compress(json.dumps(result.rows, ensure_ascii=False).encode())
        with COMPLAINTS.told():
            before, films, priors, indication = self._db.execute(
                "SELECT run, films, priors, indication FROM study WHERE number = ?", (number,)
            ).fetchone()
        # Of a study that no worker lived to tell of: a rerun must know which files it was.
        inputs = result.inputs or self._inputs(json.loads(films), json.loads(priors), indication)
        with self._writing() as db:
            db.execute(
                "UPDATE study SET state = ?, begun = 0, lost = 0, inputs = ?, setup = ?, run = ?,"
                " code = ?, message = ?, seconds = ?, ended = ?, device = ?, notes = ?, rows = ?"
                " WHERE number = ?",
                (
                    result.outcome,
                    inputs,
                    setup,
                    run,
                    result.code,
                    result.message,
                    result.seconds,
                    _now(),
                    result.device,
                    " ".join(result.notes),
                    packed,
                    number,
                ),
            )
            _keep_files(db, result.files)
        return str(before)

    # What there is to see.

    def counts(self) -> dict[State, int]:
        """Studies by state."""
        with COMPLAINTS.told():
            rows = self._db.execute(
                f"SELECT state, count(*) FROM study WHERE {_LISTED} GROUP BY state"  # noqa: S608 - ours
            ).fetchall()
        return dict.fromkeys(State, 0) | {State(state): count for state, count in rows}

    def reasons(self) -> dict[tuple[str, str], int]:
        """Settled studies by state and code, the most first."""
        with COMPLAINTS.told():
            rows = self._db.execute(
                "SELECT state, code, count(*) FROM study"  # noqa: S608 - ours
                f" WHERE state <> 'waiting' AND {_LISTED}"
                " GROUP BY state, code ORDER BY 3 DESC, 2"
            ).fetchall()
        return {(state, code): count for state, code, count in rows}

    def settled(self, after: int = 0, at_once: int = _AT_ONCE) -> Iterator[Settled]:
        """What came of each study, by number; studies that wait are left out.

        Parameters
        ----------
        after
            Number of the last study that is not wanted.
        at_once
            Rows that are fetched together.
        """
        while True:
            with COMPLAINTS.told():
                rows = self._db.execute(
                    "SELECT number, name, films, priors, indication, state, run, code,"  # noqa: S608 - ours
                    " message,"
                    " seconds, ended, device, notes, rows FROM study"
                    f" WHERE number > ? AND state <> 'waiting' AND {_LISTED}"
                    " ORDER BY number LIMIT ?",
                    (after, at_once),
                ).fetchall()
            if not rows:
                return
            for row in rows:
                yield _settled(row)
            after = rows[-1][0]

    def runs(self, first: int, last: int) -> frozenset[str]:
        """Runs that results of studies ``first`` to ``last`` rest on."""
        with COMPLAINTS.told():
            rows = self._db.execute(
                "SELECT run FROM study WHERE number BETWEEN ? AND ? AND run <> ''", (first, last)
            ).fetchall()
        return frozenset(run for (run,) in rows)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with COMPLAINTS.told(), transaction(self._db):
            yield self._db


COMPLAINTS: Final = Complaints(
    "batch",
    in_use="another process is working on this batch",
    in_use_hint="Wait for it, or take a part of the studies into another folder with --shard.",
    damaged_hint="Begin the batch again in another folder.",
)
_LISTED: Final = "listing = (SELECT CAST(value AS INTEGER) FROM about WHERE name = 'listing')"


def _claim(folder: Path) -> None:
    """Make the folder, or take one that is a batch's or empty."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / LEDGER).exists() or (folder / LOCK).exists():
        return
    if any(folder.iterdir()):
        raise UsageError(
            "not_a_batch",
            "the folder is not empty and holds no batch",
            hint="Name a new folder with --out.",
        )


def _keep_files(db: sqlite3.Connection, files: Sequence[FileFacts]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)",
        # As JSON: a path need not be valid text, which SQLite asks for.
        ((json.dumps(one.place), one.size, one.modified_ns, one.sha256) for one in files),
    )


def _study(name: str, films: str, priors: str, indication: str) -> BatchStudy:
    return BatchStudy(name, tuple(json.loads(films)), tuple(json.loads(priors)), indication)


def _settled(row: Sequence[Any]) -> Settled:
    number, name, films, priors, indication, state, run, code, message, *facts, packed = row
    seconds, ended, device, notes = facts
    return Settled(
        number=number,
        study=_study(name, films, priors, indication),
        state=State(state),
        run=run,
        code=code,
        message=message,
        seconds=seconds,
        ended=ended,
        device=device,
        notes=notes,
        rows=tuple(json.loads(zlib.decompress(packed))) if packed else (),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
