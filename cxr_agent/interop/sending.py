"""Sending objects to an archive until it has them, or has said that it does not want them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from cxr_agent.errors import InputError, RemoteError, StoreCode
from cxr_agent.imaging.paths import open_film, read_start
from cxr_agent.interop.dicomweb_process import failure

_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE)
_AGAIN: Final = frozenset({StoreCode.UNREACHABLE, StoreCode.NO_ROOM})
"""What may be otherwise in a while."""
_MAGIC: Final = b"DICM"
_MAGIC_END: Final = 132
_LONGEST_WAIT_S: Final = 30.0


class Archive(Protocol):
    """Who takes objects."""

    def attempt(self, files: Sequence[Path]) -> Iterator[str]:
        """Send files once; in their order a :class:`~cxr_agent.errors.StoreCode`, or nothing."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a file."""

    path: Path
    code: str
    """A :class:`~cxr_agent.errors.StoreCode`; empty when the archive has it."""
    attempts: int


def archive_at(address: str, calling: str) -> Archive:
    """The archive behind ``https://host/dicom-web`` or ``AE@HOST:PORT``.

    Parameters
    ----------
    calling
        Our AE title.

    Raises
    ------
    UsageError
        ``bad_ae``, ``bad_dicomweb_query``, ``bad_dicomweb_login``, ``bad_dicomweb_token``.
    ConfigError
        ``dicomweb_missing``, ``pynetdicom_missing``.
    """
    if _ADDRESS.match(address):
        from cxr_agent.interop.dicomweb_archive import DicomwebArchive

        return DicomwebArchive.at(address)
    from cxr_agent.interop.dimse import DimseArchive

    return DimseArchive.at(address, calling)


def send(
    archive: Archive,
    files: Sequence[Path],
    *,
    deadline_s: float,
    on_sent: Callable[[Sent], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Sent, ...]:
    """Send files, again and again those for which the archive is away or full.

    Parameters
    ----------
    deadline_s
        After which no new attempt is begun.
    on_sent
        Told of each file once it is settled.

    Returns
    -------
    tuple of Sent
        In the order of ``files``.
    """
    until = time.monotonic() + deadline_s
    settled: dict[int, Sent] = {}
    attempts, wait_s = 0, 1.0
    while waiting := [number for number in range(len(files)) if number not in settled]:
        attempts += 1
        last = time.monotonic() + wait_s > until
        for number, code in zip(waiting, archive.attempt([files[n] for n in waiting]), strict=True):
            if code not in _AGAIN or last:
                settled[number] = Sent(files[number], code, attempts)
                if on_sent is not None:
                    on_sent(settled[number])
        if not last and len(settled) < len(files):
            sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
    return tuple(settled[number] for number in range(len(files)))


def check_dicom(file: Path) -> None:
    """Whether a file looks like one of DICOM (PS3.10 7.1).

    Raises
    ------
    InputError
        As for a film that cannot be opened, and ``not_dicom``.
    """
    descriptor, _ = open_film(os.fspath(file))
    try:
        start = read_start(descriptor, _MAGIC_END)
    finally:
        os.close(descriptor)
    if start[-len(_MAGIC) :] != _MAGIC:
        raise InputError(
            "not_dicom", "the file is none of DICOM", hint="Give files with a DICOM preamble."
        )


def check_sent(sent: Sequence[Sent]) -> None:
    """Whether the archive has all.

    Raises
    ------
    RemoteError
        With a :class:`~cxr_agent.errors.StoreCode`: ``store_partial`` when it has some.
    """
    error = store_error([one.code for one in sent])
    if error is not None:
        raise error


def store_error(codes: Sequence[str]) -> RemoteError | None:
    """The error for what became of several files; None when all are stored."""
    failed = [code for code in codes if code]
    if not failed:
        return None
    return failure(StoreCode(failed[0]) if len(failed) == len(codes) else StoreCode.PARTIAL)
