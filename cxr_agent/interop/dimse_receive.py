"""Receiving objects by C-STORE into a folder, in a process that does nothing else.

An object is on the disk, under a name that says nothing, before its sender is told so.

References
----------
DICOM PS3.4 annex A (verification), annex B (storage; B.2.3: status); PS3.8 (association).
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pynetdicom import AE, evt
from pynetdicom.events import Event

from cxr_agent.imaging.fingerprint import fingerprint
from cxr_agent.interop.dimse_limits import (
    ANNOUNCED_PDU_BYTES,
    GREETING_S,
    MAX_PDU_BYTES,
    MAX_WAITING_BYTES,
    SILENCE_S,
)
from cxr_agent.trace.durable import TEMPORARY, sync_folder, write_file

SUCCESS: Final = 0x0000
NO_ROOM: Final = 0xA700
DUPLICATE: Final = 0x0111
NOT_UNDERSTOOD: Final = 0xC000

_VERIFICATION: Final = "1.2.840.10008.1.1"
_STORAGE: Final = "1.2.840.10008.5.1.4.1.1"
KINDS: Final = (
    f"{_STORAGE}.1",  # computed radiography
    f"{_STORAGE}.1.1",  # digital X-ray for presentation
    f"{_STORAGE}.1.1.1",  # digital X-ray for processing
    f"{_STORAGE}.7",  # secondary capture
    f"{_STORAGE}.11.1",  # greyscale presentation state
    f"{_STORAGE}.66.4",  # segmentation
    f"{_STORAGE}.88.11",  # basic text SR
    f"{_STORAGE}.88.22",  # enhanced SR
    f"{_STORAGE}.88.33",  # comprehensive SR
    f"{_STORAGE}.88.34",  # comprehensive 3D SR
)
SYNTAXES: Final = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.5",
)


@dataclass(frozen=True, slots=True)
class Reception:
    """How a receiver behaves."""

    folder: Path
    title: str
    host: str
    port: int
    """0 for any that is free."""
    callers: tuple[str, ...]
    """AE titles that may send; empty for all."""
    max_bytes: int
    """Of one object."""
    max_files: int
    """In the folder."""
    max_associations: int


@dataclass(slots=True, eq=False)
class Receiver:
    """A server of C-ECHO and C-STORE.

    Parameters
    ----------
    told
        Told what became of each object: ``stored``, ``duplicate``, ``no_room``, ``not_understood``.
        Called from several threads.
    """

    reception: Reception
    told: Callable[[str], None]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _files: int = 0
    _waiting: weakref.WeakKeyDictionary[Any, int] = field(default_factory=weakref.WeakKeyDictionary)
    """Bytes that came over an association since its last object."""
    _server: Any = None

    def start(self) -> int:
        """Listen; the port.

        Raises
        ------
        OSError
            When the address is not to be had, or the folder not writable.
        """
        folder = self.reception.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):  # else it is told to each sender alone
            raise PermissionError("the folder cannot be written")
        for left in folder.glob(f"*/{TEMPORARY}*"):
            left.unlink(missing_ok=True)
        self._files = sum(1 for _ in folder.glob("*/*.dcm"))
        entity = AE(ae_title=self.reception.title)
        entity.require_called_aet = True
        entity.require_calling_aet = list(self.reception.callers)
        entity.maximum_associations = self.reception.max_associations
        entity.maximum_pdu_size = ANNOUNCED_PDU_BYTES
        entity.acse_timeout = GREETING_S
        entity.dimse_timeout = entity.network_timeout = SILENCE_S
        entity.add_supported_context(_VERIFICATION)
        for kind in KINDS:
            entity.add_supported_context(kind, list(SYNTAXES))
        self._server = entity.start_server(
            (self.reception.host, self.reception.port),
            block=False,
            evt_handlers=[(evt.EVT_CONN_OPEN, self._bound), (evt.EVT_C_STORE, self._store)],
        )
        return int(self._server.socket.getsockname()[1])

    def close(self) -> None:
        """Listen no more; associations are aborted."""
        self._server.shutdown()

    def _bound(self, event: Event) -> None:
        """Hold a new connection to what it may send at a time, and how slowly."""
        connection: Any = event.assoc.dul.socket
        connection.socket.settimeout(SILENCE_S)
        whole, key = connection.recv, event.assoc

        def recv(count: int) -> bytearray:
            # Before the bytes are read: a length of 4 GiB is quickly written.
            with self._lock:
                waiting = self._waiting.get(key, 0) + count
                others = sum(n for one, n in self._waiting.items() if one.is_alive())
                if (
                    count > MAX_PDU_BYTES
                    or waiting > self.reception.max_bytes + MAX_PDU_BYTES
                    or others + count > MAX_WAITING_BYTES
                ):
                    raise OSError("more than may be sent")
                self._waiting[key] = waiting
            return bytearray(whole(count))

        connection.recv = recv

    def _store(self, event: Event) -> int:
        with self._lock:
            self._waiting[event.assoc] = 0
        try:
            uid = str(event.request.AffectedSOPInstanceUID or "")  # type: ignore[union-attr]
            # The library makes the head anew of what was agreed on and asked for.
            data = event.encoded_dataset()
        except Exception:  # whatever it makes of a strange request
            uid, data = "", b""
        if not uid or len(data) > self.reception.max_bytes:
            self.told("not_understood")
            return NOT_UNDERSTOOD
        status, what = self._kept(fingerprint(uid), data)
        self.told(what)
        return status

    def _kept(self, name: str, data: bytes) -> tuple[int, str]:
        folder = self.reception.folder / name[:2]
        path = folder / f"{name[:40]}.dcm"
        with self._lock:  # two may send one object at the same time
            try:
                if path.exists():
                    # An instance never changes (PS3.5 9.1): what differs is another one's.
                    same = path.read_bytes() == data
                    return (SUCCESS, "duplicate") if same else (DUPLICATE, "not_understood")
                if self._files >= self.reception.max_files:
                    return NO_ROOM, "no_room"
                if not folder.exists():
                    folder.mkdir(mode=0o700)
                    sync_folder(folder.parent)
                write_file(path, data)
                sync_folder(folder)
            except OSError:
                return NO_ROOM, "no_room"
            self._files += 1
        return SUCCESS, "stored"
