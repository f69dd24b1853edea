"""Storing files on a DICOMweb server, one in a request, in the process that speaks to it.

The bytes go as they are. dicomweb-client would encode data sets anew, and make an exception of the
answer that says why an instance was not taken.

References
----------
DICOM PS3.18 10.5 (store, STOW-RS), I.2 (store instances response); PS3.7 annex C (status).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import requests
from pydicom import filereader

from cxr_agent.errors import RemoteCode, StoreCode
from cxr_agent.imaging.limits import MAX_FILE_BYTES
from cxr_agent.interop.dicomweb_http import BoundedAdapter, ServerFailure, bounded_session
from cxr_agent.interop.dicomweb_limits import CONNECT_S, SILENCE_S

STORED: Final = ""
_ANSWERS: Final = range(400, 600)
"""Statuses of HTTP that are looked at; a redirection is none of them."""
_BY_STATUS: Final = {
    401: StoreCode.UNAUTHORISED,
    403: StoreCode.UNAUTHORISED,
    407: StoreCode.UNAUTHORISED,
    413: StoreCode.NO_ROOM,
    429: StoreCode.UNREACHABLE,
    507: StoreCode.NO_ROOM,
}
_BY_FAILURE: Final = {
    RemoteCode.UNREACHABLE: StoreCode.UNREACHABLE,
    RemoteCode.REFUSED: StoreCode.REFUSED,
    RemoteCode.BAD_ANSWER: StoreCode.BAD_ANSWER,
}
_HOPELESS: Final = frozenset({StoreCode.UNREACHABLE, StoreCode.UNAUTHORISED})
"""What is true of the next file too."""
_STORED_SEQUENCE: Final = "00081199"
_FAILED_SEQUENCE: Final = "00081198"
_INSTANCE: Final = "00081155"
_REASON: Final = "00081197"
DUPLICATE: Final = 0x0111
"""The archive has the instance already, which is all that is wanted."""


def stored(
    url: str, login: tuple[str, str] | None, token: str, paths: Sequence[Path]
) -> Iterator[str]:
    """Store files, and yield for each a :class:`~cxr_agent.errors.StoreCode`, or nothing.

    After the first for which the server does not answer, or lets nobody in, none is tried.
    """
    adapter = BoundedAdapter(_ANSWERS)
    hopeless = ""
    with bounded_session(login, token, adapter) as session:
        for path in paths:
            if not hopeless:
                adapter.renew()
                code = _store(session, f"{url}/studies", path)
                hopeless = code if code in _HOPELESS else ""
                yield code
            else:
                yield hopeless


def code_of_status(status: int) -> str:
    """What a status of DIMSE says of an object (DICOM PS3.4 B.2.3, PS3.7 annex C)."""
    if status in (0, DUPLICATE, 0x0001, 0x0107, 0x0116) or 0xB000 <= status <= 0xBFFF:
        return STORED
    if 0xA700 <= status <= 0xA7FF:
        return StoreCode.NO_ROOM
    return StoreCode.UNAUTHORISED if status == 0x0124 else StoreCode.REFUSED


def _store(session: requests.Session, url: str, path: Path) -> str:
    try:
        uid, data = _file(path)
    except Exception:  # whatever pydicom makes of a file that is none of DICOM
        return StoreCode.REFUSED
    boundary = secrets.token_hex(16)
    start = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    try:
        answer = session.post(
            url,
            data=start + data + f"\r\n--{boundary}--\r\n".encode(),
            headers={
                "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
                "Accept": "application/dicom+json",
            },
            timeout=(CONNECT_S, SILENCE_S),
            allow_redirects=False,
        )
    except ServerFailure as failure:
        return _BY_FAILURE[failure.code]
    except requests.RequestException:
        return StoreCode.UNREACHABLE
    return _judged(answer, uid)


def _file(path: Path) -> tuple[str, bytes]:
    """Instance UID and bytes."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError("too large")
    return str(filereader.read_file_meta_info(path).MediaStorageSOPInstanceUID), path.read_bytes()


def _judged(answer: requests.Response, uid: str) -> str:
    """What an answer says of the one instance of its request."""
    status = answer.status_code
    if status in _BY_STATUS or status >= 500:
        return _BY_STATUS.get(status, StoreCode.UNREACHABLE)
    try:
        told = answer.json()
        told = told[0] if isinstance(told, list) else told
        if uid in _values(told, _STORED_SEQUENCE, _INSTANCE):
            return STORED
        reasons = [int(reason) for reason in _values(told, _FAILED_SEQUENCE, _REASON)]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        reasons = []
    if reasons:
        return code_of_status(reasons[0])
    return StoreCode.REFUSED if status >= 400 else StoreCode.BAD_ANSWER


def _values(data_set: dict[str, Any], sequence: str, attribute: str) -> list[Any]:
    """Values of an attribute in the items of a sequence of the DICOM JSON model."""
    items = data_set.get(sequence, {}).get("Value") or ()
    return [value for item in items for value in item.get(attribute, {}).get("Value") or ()]
