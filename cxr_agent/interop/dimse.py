"""Application entities of DICOM: one to send to, and one that receives, in processes of their own.

Both are spoken to over DIMSE, which has neither encryption nor logins: for networks that have.

References
----------
DICOM PS3.8 9.3 (AE titles), PS3.5 6.2 (AE).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cxr_agent.errors import (
    ConfigError,
    OutputError,
    RemoteCode,
    RemoteError,
    StoreCode,
    UsageError,
)
from cxr_agent.imaging.limits import MAX_FILE_BYTES, MIB
from cxr_agent.interop.dicomweb_process import Process, speaking
from cxr_agent.interop.dimse_limits import ANSWER_S, CONNECT_S

OWN_TITLE: Final = "CXR-AGENT"
LOOPBACK: Final = "127.0.0.1"
_WORKER: Final = "cxr_agent.interop.dimse_worker"
_TITLE: Final = re.compile(r"(?! )[ -\[\]-~]{1,16}(?<! )", re.ASCII)
_PEER: Final = re.compile(r"(?P<title>[^@]+)@(?P<host>\[[0-9A-Fa-f:.]+\]|[^@:\s]+):(?P<port>\d+)")
_LISTEN: Final = re.compile(r"(?P<title>[^@]+)@(?:(?P<host>\[[^\]]+\]|[^@:\s]+):)?(?P<port>\d+)")
_START_S: Final = 60.0
_END_S: Final = 3.0
_LONGEST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class DimseArchive:
    """An application entity that takes objects; an :class:`~cxr_agent.interop.sending.Archive`."""

    title: str
    host: str
    port: int
    calling: str = OWN_TITLE

    @classmethod
    def at(cls, address: str, calling: str = OWN_TITLE) -> DimseArchive:
        """The one that ``AE@HOST:PORT`` names.

        Raises
        ------
        UsageError
            ``bad_ae``.
        ConfigError
            ``pynetdicom_missing``.
        """
        check_library()
        match = _PEER.fullmatch(address)
        if match is None:
            raise _bad_ae("--aet and --store want AE@HOST:PORT", "Like ARCHIVE@10.0.0.5:104.")
        host = match["host"].strip("[]")
        return cls(title_of(match["title"]), host, port_of(match["port"]), title_of(calling))

    def attempt(self, files: Sequence[Path]) -> Iterator[str]:
        """Send files once; a code for each, or nothing."""
        request = {
            "what": "send",
            "host": self.host,
            "port": self.port,
            "called": self.title,
            "calling": self.calling,
            "files": [os.fspath(path.absolute()) for path in files],
            "file_bytes": 0,
        }
        with speaking(request, _WORKER) as process:
            yield from answered_codes(process, len(files), _START_S + CONNECT_S + 2 * ANSWER_S)


@dataclass(frozen=True, slots=True)
class Listening:
    """How objects are received."""

    title: str = OWN_TITLE
    port: int = 0
    host: str = LOOPBACK
    callers: tuple[str, ...] = ()
    """AE titles that may send; empty for all."""
    max_bytes: int = MAX_FILE_BYTES
    max_files: int = 100_000
    max_associations: int = 8

    @classmethod
    def at(cls, address: str) -> Listening:
        """What ``AE@PORT`` or ``AE@HOST:PORT`` names; without a host only this machine can send.

        Raises
        ------
        UsageError
            ``bad_ae``.
        """
        match = _LISTEN.fullmatch(address)
        if match is None:
            raise _bad_ae("--listen wants AE@PORT", "Like CXR-AGENT@11112, or AE@HOST:PORT.")
        host = (match["host"] or LOOPBACK).strip("[]")
        return cls(title_of(match["title"]), port_of(match["port"]), host)


@contextmanager
def receiving(folder: Path, how: Listening, *, told: bool = False) -> Iterator[tuple[Process, int]]:
    """A process that receives into a folder while this is open, and its port.

    Parameters
    ----------
    told
        Whether it says ``got`` of each object; then it has to be listened to.

    Raises
    ------
    ConfigError
        ``pynetdicom_missing``.
    OutputError
        ``not_listening``: the address is in use or not this machine's, or the folder not writable.
    """
    check_library()
    request = {
        "what": "receive",
        "folder": os.fspath(folder.absolute()),
        "title": how.title,
        "host": how.host,
        "port": how.port,
        "callers": list(how.callers),
        "max_bytes": how.max_bytes,
        "max_files": how.max_files,
        "max_associations": how.max_associations,
        "file_bytes": how.max_bytes + MIB,
        "told": told,
    }
    with speaking(request, _WORKER, end_s=_END_S) as process:
        try:
            port = int(process.answer(_START_S)["port"])
        except (RemoteError, KeyError, TypeError, ValueError):
            raise OutputError(
                "not_listening",
                "nothing can be received at this address, or into this folder",
                hint="Check --host and --port, that nobody else listens there, and --out.",
            ) from None
        yield process, port


def answered_codes(process: Process, count: int, wait_s: float) -> Iterator[str]:
    """What a process says became of each object; one that says nothing is not waited for again."""
    lost = ""
    for _ in range(count):
        told = lost
        if not lost:
            try:
                process.answer(wait_s)
            except RemoteError as error:
                told = error.code
                if told not in set(StoreCode):  # of the process itself
                    away = told == RemoteCode.UNREACHABLE
                    told = lost = StoreCode.UNREACHABLE if away else StoreCode.BAD_ANSWER
        yield told


def check_library() -> None:
    """Whether pynetdicom is there.

    Raises
    ------
    ConfigError
        ``pynetdicom_missing``.
    """
    if find_spec("pynetdicom") is None:
        raise ConfigError(
            "pynetdicom_missing",
            "pynetdicom is not installed",
            hint="pip install 'cxr-agent[dicom]'.",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    return host in ("localhost", "::1") or host.startswith("127.")


def title_of(text: str) -> str:
    """An AE title.

    Raises
    ------
    UsageError
        ``bad_ae``.
    """
    if not _TITLE.fullmatch(text):
        raise _bad_ae("this is no AE title", "Up to 16 ASCII characters, without a backslash.")
    return text


def port_of(text: str) -> int:
    """A port; raises as :func:`title_of`."""
    port = int(text) if len(text) <= len(str(_LONGEST_PORT)) else 0
    if not 0 < port <= _LONGEST_PORT:
        raise _bad_ae("this is no port", f"Give 1 to {_LONGEST_PORT}.")
    return port


def _bad_ae(message: str, hint: str) -> UsageError:
    return UsageError("bad_ae", message, hint=hint)
