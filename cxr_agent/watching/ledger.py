"""The ledger of a watch: which studies were seen, which run read each, and what is stored of it.

SQLite in WAL mode with ``synchronous=FULL``: what was acknowledged is there after a kill or a
power cut. A study goes from ``seen`` over ``read`` to ``stored``, each by one transaction; it is
``refused`` where it is no film for this program, and ``failed`` when it was tried often enough.

It holds Study Instance UIDs, without which nothing could be done once: the file is private to the
user (mode 0600) and is not to be passed on.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final

from cxr_agent.errors import ConfigError, UsageError
from cxr_agent.ledgers import Complaints, transaction
from cxr_agent.watching.layout import LEDGER, LOCK

COMPLAINTS: Final = Complaints(
    "watch",
    in_use="another process watches with this folder",
    in_use_hint="End it, or name another folder with --out.",
    damaged_hint="Begin in another folder; what was stored stays stored.",
)
SCHEMA_VERSION: Final = "1"
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS study (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    shape TEXT NOT NULL,
    since REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'seen',
    begun INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    next REAL NOT NULL DEFAULT 0,
    run TEXT NOT NULL DEFAULT '',
    code TEXT NOT NULL DEFAULT '',
    read_at TEXT NOT NULL DEFAULT '',
    stored_at TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS study_state ON study (state, number);
CREATE TABLE IF NOT EXISTS object (
    study INTEGER NOT NULL REFERENCES study,
    number INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    code TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (study, number)
) STRICT;
CREATE TABLE IF NOT EXISTS file (
    place BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    key TEXT NOT NULL,
    patient TEXT NOT NULL,
    day INTEGER,
    view TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS file_key ON file (key);
CREATE INDEX IF NOT EXISTS file_patient ON file (patient);
"""
_BUSY_S: Final = 30.0


class State(StrEnum):
    """How far a study has come."""

    SEEN = "seen"
    READ = "read"
    STORED = "stored"
    REFUSED = "refused"
    FAILED = "failed"


_UNREAD: Final = frozenset({State.SEEN, State.REFUSED})


@dataclass(frozen=True, slots=True)
class Due:
    """A study that is to be read."""

    number: int
    key: str
    begun: int
    """How often it was begun since it last came back."""
    tries: int


@dataclass(frozen=True, slots=True)
class Unstored:
    """A study with objects that are to be stored."""

    number: int
    run: str
    tries: int
    objects: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FileRow:
    """What is known of a file of a watched folder; identifiers are hashes."""

    place: str
    """Relative to the folder."""
    size: int
    modified_ns: int
    key: str
    """Of its study; empty for what is no film."""
    patient: str = ""
    day: int | None = None
    view: str = ""


class Ledger(AbstractContextManager["Ledger"]):
    """The record of a watch, in its folder; one process at a time holds it.

    Parameters
    ----------
    folder
        Made where it is not there.
    source
        What is watched, as a hash; the same as before.

    Raises
    ------
    UsageError
        ``not_a_watch``, ``watch_differs``.
    OutputError
        ``watch_in_use``, ``watch_not_writable``, ``disk_full``.
    ConfigError
        ``bad_watch``: the ledger is damaged, or of another version.
    """

    def __init__(self, folder: Path, source: str) -> None:
        self.folder = folder
        try:
            _claim(folder)
            self._lock = COMPLAINTS.locked(folder / LOCK)
        except OSError as error:
            raise COMPLAINTS.unwritable(error) from None
        try:
            self._db = self._open(folder / LEDGER)
        except BaseException:
            os.close(self._lock)
            raise
        try:
            self._check("schema", SCHEMA_VERSION, _other_version())
            self._check("source", source, _other_source())
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        with COMPLAINTS.told():
            # SQLite gives the files beside it the same mode.
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.executescript(_TABLES)
        return db

    def _check(self, name: str, value: str, error: UsageError | ConfigError) -> None:
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (name, value))
            row = db.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        if row[0] != value:
            raise error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another process hold it."""
        self._db.close()
        os.close(self._lock)

    # What is seen.

    def see(self, studies: Iterable[tuple[str, str]], now: float) -> int:
        """Take up studies by key and shape; one whose shape changed waits anew.

        One that was refused is looked at again then: the film may have come after its lateral view.

        Returns
        -------
        int
            How many are new.
        """
        with self._reading() as db:
            known = {
                key: (shape, state)
                for key, shape, state in db.execute("SELECT key, shape, state FROM study")
            }
        fresh = {key: shape for key, shape in studies if key not in known}
        changed = [
            (shape, now, key)
            for key, shape in studies
            if key in known and known[key][1] in _UNREAD and known[key][0] != shape
        ]
        if fresh or changed:
            with self._writing() as db:
                db.executemany(
                    "INSERT INTO study (key, shape, since) VALUES (?, ?, ?)",
                    ((key, shape, now) for key, shape in fresh.items()),
                )
                db.executemany(
                    "UPDATE study SET state = 'seen', code = '', shape = ?, since = ?"
                    " WHERE key = ?",
                    changed,
                )
        return len(fresh)

    def next_due(self, now: float, settled_s: float) -> Due | None:
        """The next study that is to be read: its shape did not change for a while."""
        with self._reading() as db:
            row = db.execute(
                "SELECT number, key, begun, tries FROM study WHERE state = 'seen' AND since <= ?"
                " AND next <= ? ORDER BY number LIMIT 1",
                (now - settled_s, now),
            ).fetchone()
        return None if row is None else Due(*row)

    def begin(self, number: int) -> None:
        """It is being read from now on, which a kill does not hide."""
        self._update(number, "begun = begun + 1")

    # What becomes of it.

    def read(self, number: int, run: str, objects: int, code: str) -> None:
        """A run read it, and its objects are on the disk."""
        with self._writing() as db:
            db.execute(
                "UPDATE study SET state = 'read', run = ?, code = ?, read_at = ?, begun = 0,"
                " tries = 0, next = 0 WHERE number = ?",
                (run, code, _now(), number),
            )
            db.executemany(
                "INSERT INTO object (study, number) VALUES (?, ?)",
                ((number, one) for one in range(1, objects + 1)),
            )

    def refuse(self, number: int, code: str) -> None:
        self._update(number, "state = 'refused', begun = 0, code = ?", code)

    def fail(self, number: int, code: str) -> None:
        self._update(number, "state = 'failed', begun = 0, code = ?", code)

    def try_again(self, number: int, code: str, at: float) -> None:
        """It did not work, and is tried again later."""
        self._update(number, "begun = 0, tries = tries + 1, code = ?, next = ?", code, at)

    def put_off(self, number: int, at: float) -> None:
        """It was not its fault."""
        self._update(number, "begun = 0, next = ?", at)

    def retry_failed(self) -> None:
        """Try again what failed."""
        with self._writing() as db:
            db.execute("UPDATE object SET state = 'waiting', code = '' WHERE state = 'failed'")
            db.execute(
                "UPDATE study SET state = iif(run = '', 'seen', 'read'), tries = 0, next = 0,"
                " begun = 0, code = '' WHERE state = 'failed'"
            )

    # What is stored.

    def unstored(self, now: float) -> list[Unstored]:
        """Read studies that are not settled, in their order.

        One whose objects are all settled is among them: a kill came before its own state was.
        """
        with self._reading() as db:
            rows = db.execute(
                "SELECT study.number, run, tries,"
                " group_concat(iif(object.state = 'waiting', object.number, NULL)) FROM study"
                " JOIN object ON object.study = study.number"
                " WHERE study.state = 'read' AND next <= ? GROUP BY study.number"
                " ORDER BY study.number",
                (now,),
            ).fetchall()
        return [
            Unstored(number, run, tries, tuple(sorted(map(int, text.split(",")))) if text else ())
            for number, run, tries, text in rows
        ]

    def settle_object(self, study: int, number: int, code: str) -> None:
        """The archive has an object, or will not have it."""
        with self._writing() as db:
            db.execute(
                "UPDATE object SET state = ?, code = ? WHERE study = ? AND number = ?",
                ("failed" if code else "stored", code, study, number),
            )

    def settle_storing(self, study: int) -> State:
        """What became of a study none of whose objects waits."""
        with self._writing() as db:
            row = db.execute(
                "SELECT code FROM object WHERE study = ? AND state = 'failed' ORDER BY number",
                (study,),
            ).fetchone()
            state = State.STORED if row is None else State.FAILED
            db.execute(
                "UPDATE study SET state = ?1, stored_at = ?3,"
                " code = iif(?1 = 'failed', ?2, iif(code GLOB 'store_*', '', code)),"
                " next = 0 WHERE number = ?4",
                (state, "" if row is None else row[0], _now(), study),
            )
        return state

    # What there is.

    def counts(self) -> dict[State, int]:
        """Studies by state."""
        with self._reading() as db:
            rows = db.execute("SELECT state, count(*) FROM study GROUP BY state").fetchall()
        return dict.fromkeys(State, 0) | {State(state): count for state, count in rows}

    def runs(self) -> frozenset[str]:
        """Runs that something rests on."""
        with self._reading() as db:
            rows = db.execute("SELECT run FROM study WHERE run <> ''").fetchall()
        return frozenset(run for (run,) in rows)

    # The files of a folder.

    def files(self) -> dict[str, tuple[int, int]]:
        """Size and time of each file that was looked into."""
        with self._reading() as db:
            rows = db.execute("SELECT place, size, modified_ns FROM file").fetchall()
        return {os.fsdecode(place): (size, modified) for place, size, modified in rows}

    def keep_files(self, files: Sequence[FileRow]) -> None:
        with self._writing() as db:
            db.executemany(
                "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (os.fsencode(f.place), f.size, f.modified_ns, f.key, f.patient, f.day, f.view)
                    for f in files
                ),
            )

    def forget_files(self, places: Iterable[str]) -> None:
        """They are no longer there."""
        with self._writing() as db:
            db.executemany(
                "DELETE FROM file WHERE place = ?", ((os.fsencode(one),) for one in places)
            )

    def films(self, key: str = "", patient: str = "") -> list[FileRow]:
        """The films of a study, or of a patient; without either all of them."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT place, size, modified_ns, key, patient, day, view FROM file"
                " WHERE key <> '' AND (?1 = '' OR key = ?1) AND (?2 = '' OR patient = ?2)"
                " ORDER BY place",
                (key, patient),
            ).fetchall()
        return [FileRow(os.fsdecode(place), *rest) for place, *rest in rows]

    def _update(self, number: int, what: str, *values: str | float) -> None:
        with self._writing() as db:
            db.execute(
                f"UPDATE study SET {what} WHERE number = ?",  # noqa: S608 - the text is ours
                (*values, number),
            )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with COMPLAINTS.told():
            yield self._db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with COMPLAINTS.told(), transaction(self._db):
            yield self._db


def _claim(folder: Path) -> None:
    """Make the folder, or take one that is a watch's or empty."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / LEDGER).exists() and not (folder / LOCK).exists() and any(folder.iterdir()):
        raise UsageError(
            "not_a_watch",
            "the folder is not empty and holds no watch",
            hint="Name a new folder with --out.",
        )


def _other_version() -> ConfigError:
    return ConfigError(
        "bad_watch",
        "the watch was begun by another version of this program",
        hint="Begin in another folder.",
    )


def _other_source() -> UsageError:
    return UsageError(
        "watch_differs",
        "the folder belongs to the watch of another source",
        hint="Name another folder with --out.",
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
