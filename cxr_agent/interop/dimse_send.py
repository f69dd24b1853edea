"""Sending files to an application entity by C-STORE, in the process that speaks to it.

References
----------
DICOM PS3.4 annex A (verification), annex B (storage); PS3.7 9.1.1, 9.1.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydicom import filereader
from pynetdicom import AE, _config
from pynetdicom.association import Association

from cxr_agent.errors import StoreCode
from cxr_agent.interop.dicomweb_store import STORED, code_of_status
from cxr_agent.interop.dimse_limits import (
    ANNOUNCED_PDU_BYTES,
    ANSWER_S,
    CONNECT_S,
    MAX_CONTEXTS,
    SILENCE_S,
)

_VERIFICATION: Final = "1.2.840.10008.1.1"


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom to send to, and in whose name."""

    host: str
    port: int
    called: str
    calling: str


@dataclass(frozen=True, slots=True)
class _Object:
    path: Path
    kind: str
    syntax: str


def sent(peer: Peer, paths: Sequence[Path]) -> Iterator[str]:
    """Send files, and yield for each a :class:`~cxr_agent.errors.StoreCode`, or nothing.

    The peer is asked first whether it is there (C-ECHO). The bytes go as they are: what it does not
    take in the transfer syntax of the file is refused.
    """
    _config.STORE_SEND_CHUNKED_DATASET = True
    objects = [_object(path) for path in paths]
    contexts = {(one.kind, one.syntax) for one in objects if one is not None}
    association = _associated(peer, sorted(contexts)[:MAX_CONTEXTS])
    code = _greeted(association)
    for one in objects:
        if one is None:
            yield StoreCode.REFUSED
        elif code:
            yield code
        else:
            told, code = _store(association, one)
            yield told
    if association.is_established:
        association.release()


def _associated(peer: Peer, contexts: Sequence[tuple[str, str]]) -> Association:
    entity = AE(ae_title=peer.calling)
    entity.connection_timeout = CONNECT_S
    entity.acse_timeout = SILENCE_S
    entity.dimse_timeout = ANSWER_S
    entity.network_timeout = ANSWER_S
    entity.add_requested_context(_VERIFICATION)
    for kind, syntax in contexts:
        entity.add_requested_context(kind, syntax)
    return entity.associate(
        peer.host,
        peer.port,
        ae_title=peer.called,
        max_pdu=ANNOUNCED_PDU_BYTES,
        # Who speaks to this machine alone has no socket that is bound to others.
        bind_address=("127.0.0.1", 0) if _is_here(peer.host) else None,
    )


def _is_here(host: str) -> bool:
    return host == "localhost" or host.startswith("127.")


def _greeted(association: Association) -> str:
    """Nothing when the peer is there, else why not."""
    if not association.is_established:
        return StoreCode.UNAUTHORISED if association.is_rejected else StoreCode.UNREACHABLE
    try:
        status = association.send_c_echo()
    except ValueError:  # it does not offer the echo, so it cannot be asked
        return ""
    except RuntimeError:
        return StoreCode.UNREACHABLE
    return "" if status and status.Status == 0 else StoreCode.UNREACHABLE


def _store(association: Association, one: _Object) -> tuple[str, str]:
    """What came of an object, and why nothing will come of the others."""
    try:
        status: Any = association.send_c_store(one.path)
    except ValueError:  # no context was accepted for it
        return StoreCode.REFUSED, ""
    except RuntimeError:  # the association is no more
        return StoreCode.UNREACHABLE, StoreCode.UNREACHABLE
    if not status:
        return StoreCode.UNREACHABLE, StoreCode.UNREACHABLE
    return code_of_status(int(status.Status)), STORED


def _object(path: Path) -> _Object | None:
    """What has to be agreed on before a file can be sent; None for what is no DICOM file."""
    try:
        meta = filereader.read_file_meta_info(path)
        kind, syntax = str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)
    except Exception:  # whatever pydicom makes of it
        return None
    return _Object(path, kind, syntax)
