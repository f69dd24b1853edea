"""What the ledgers in SQLite share: who may write, transactions, and complaints as our errors."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cxr_agent.errors import ConfigError, OutputError


@dataclass(frozen=True, slots=True)
class Complaints:
    """What is said where a ledger cannot be used."""

    noun: str
    """What it is a ledger of; errors have codes ``bad_NOUN``, ``NOUN_in_use``,
    ``NOUN_not_writable``."""
    in_use: str
    """What another process is doing then."""
    in_use_hint: str
    damaged_hint: str
    option: str = "--out"
    """Names its folder."""

    def unwritable(self, error: OSError) -> OutputError:
        """The error for a folder that cannot be written."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return OutputError(
                "disk_full",
                f"no space left for the {self.noun}",
                hint="Free space and run the same command again: it goes on.",
            )
        return OutputError(
            f"{self.noun}_not_writable",
            f"the {self.noun} cannot be written: {error.strerror or type(error).__name__}",
            hint=f"Choose another {self.option}, or run the same command again.",
        )

    def taken(self) -> OutputError:
        """The error for a ledger that another process holds."""
        return OutputError(f"{self.noun}_in_use", self.in_use, hint=self.in_use_hint)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Complaints of SQLite and of the system as ours."""
        try:
            yield
        except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
            raise  # a fault of ours: no file makes one
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0)
            of_the_disk = disk_error(code)
            if of_the_disk is not None:
                raise self.unwritable(of_the_disk) from None
            if code & 0xFF == sqlite3.SQLITE_BUSY:
                raise self.taken() from None
            raise ConfigError(
                f"bad_{self.noun}",
                f"the ledger of the {self.noun} is damaged",
                hint=self.damaged_hint,
            ) from None
        except OSError as error:
            raise self.unwritable(error) from None

    def locked(self, path: Path) -> int:
        """Keep other processes out until the descriptor that is returned is closed.

        Raises
        ------
        OutputError
            ``NOUN_in_use``.
        OSError
            When the file cannot be made.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise self.taken() from None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def disk_error(code: int) -> OSError | None:
    """What a result code of SQLite says of the disk; None where it is about something else."""
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return OSError(errno.ENOSPC, "")
    if primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        return OSError(errno.EIO, "the disk failed")
    return None


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of what is written inside the block, or nothing of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
