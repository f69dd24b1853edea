"""New identifiers for old ones: the same for the same, and of no use without the key."""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from cxr_agent.errors import OutputError, UsageError
from cxr_agent.given_files import MIB, read_given
from cxr_agent.trace.durable import sync_folder, write_file

KEY_BYTES: Final = 32
_MOST_DAYS: Final = 3650
_LEAST_DAYS: Final = 365
_BITS_OF_UID: Final = 16
"""Bytes of a UID below 2.25, which takes a UUID's 128 bits (PS3.5 B.2)."""


class Pseudonyms:
    """Keyed hashes (HMAC-SHA-256) of identifiers.

    Who has the key can find out whether an identifier that he guesses is behind a pseudonym, so
    it stays with whoever made the copies; without it, nothing can be told.

    Parameters
    ----------
    key
        At least 16 secret bytes.

    Raises
    ------
    ValueError
        For a shorter key.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:
            raise ValueError("a key of at least 16 bytes is needed")
        self._key = key

    def uid(self, uid: str) -> str:
        """The UID that takes its place."""
        digest = self._digest("uid", uid)[:_BITS_OF_UID]
        return f"2.25.{int.from_bytes(digest, 'big')}"

    def patient(self, patient_id: str, issuer: str) -> str:
        """The Patient ID that takes its place; empty where there is none."""
        if not patient_id:
            return ""
        return self._digest("patient", f"{issuer}\\{patient_id}").hex()[:16].upper()

    def days(self, whose: str) -> int:
        """By how many days dates are shifted into the past."""
        spread = _MOST_DAYS - _LEAST_DAYS + 1
        return _LEAST_DAYS + int.from_bytes(self._digest("days", whose)[:8], "big") % spread

    def file_name(self, content: bytes) -> str:
        """The name of a copy, without its ending."""
        return self._digest("file", sha256(content).hexdigest()).hex()[:24]

    def _digest(self, kind: str, text: str) -> bytes:
        return hmac.digest(self._key, f"{kind}:{text}".encode("utf-8", "surrogateescape"), "sha256")


def key_of(path: Path) -> bytes:
    """The key in a file.

    Raises
    ------
    UsageError
        ``bad_key`` when it cannot be read or is too short.
    """
    try:
        key = read_given(path, MIB)
    except ValueError as error:
        raise UsageError("bad_key", f"the key is {error}") from None
    except OSError as error:
        raise UsageError("bad_key", f"the key cannot be read: {error.strerror}") from None
    if len(key.strip()) < 16:
        raise UsageError(
            "bad_key",
            "the key is shorter than 16 bytes",
            hint="Make one: head -c 32 /dev/urandom > FILE",
        )
    return key


def kept_key(path: Path) -> bytes:
    """The key in a file, which is made where there is none, readable by its owner alone.

    It is there whole or not at all, and of several processes that make it at once all get one.

    Raises
    ------
    UsageError
        ``bad_key``.
    OutputError
        ``output_not_writable``.
    """
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _alone(path.parent):
                if not path.exists():
                    write_file(path, secrets.token_bytes(KEY_BYTES))
                    sync_folder(path.parent)
    except OSError as error:
        raise OutputError(
            "output_not_writable",
            f"the key cannot be written: {error.strerror}",
            hint="Name a file for it with --key.",
        ) from None
    return key_of(path)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
