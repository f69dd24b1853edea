"""HTTP that stays with one server and within bounds, for dicomweb-client to speak through."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Collection
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter

from cxr_agent.errors import RemoteCode
from cxr_agent.interop.dicomweb_limits import (
    MAX_ALL_BYTES,
    MAX_FILM_BYTES,
    MAX_LIST_BYTES,
    SERVER_S,
)

_CHUNK: Final = 1 << 16
_FAILURES: Final = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)


class ServerFailure(Exception):  # noqa: N818 - named for what it tells
    """No usable answer; carries no text of the server's."""

    def __init__(self, code: RemoteCode) -> None:
        super().__init__(code)
        self.code = code


class BoundedAdapter(HTTPAdapter):
    """Reads every answer whole, up to a size and a moment, and follows no redirection.

    Whoever asks gets a whole answer of the server that was asked, with a status of success, or a
    :class:`ServerFailure`.

    Parameters
    ----------
    statuses
        Of HTTP, which are answers too.
    """

    def __init__(self, statuses: Collection[int] = ()) -> None:
        super().__init__(max_retries=0)
        self._statuses = frozenset(statuses)
        self.renew()

    def renew(self) -> None:
        """Begin with time and amount anew, for another study."""
        self._deadline = time.monotonic() + SERVER_S
        self._left = MAX_ALL_BYTES

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        """One exchange; see the class."""
        if time.monotonic() > self._deadline:
            raise ServerFailure(RemoteCode.UNREACHABLE)
        # dicomweb-client writes one without the port, which names another server.
        request.headers.pop("Host", None)
        try:
            response = super().send(request, *args, **{**options, "stream": True})
        except _FAILURES:
            raise ServerFailure(RemoteCode.UNREACHABLE) from None
        try:
            status = response.status_code
            if not 200 <= status < 300 and status not in self._statuses:
                raise ServerFailure(RemoteCode.REFUSED)
            listed = "json" in request.headers.get("Accept", "")
            body = self._read(response, MAX_LIST_BYTES if listed else MAX_FILM_BYTES)
        finally:
            response.close()
        response.raw = io.BytesIO(body)
        return response

    def _read(self, response: requests.Response, limit: int) -> bytes:
        body = bytearray()
        limit = min(limit, self._left)
        while True:
            try:
                # Not read(): that waits for a whole chunk, which a slow server never gives.
                part = response.raw.read1(_CHUNK, decode_content=True)
            except _FAILURES:
                raise ServerFailure(RemoteCode.UNREACHABLE) from None
            if not part:
                break
            body += part
            if len(body) > limit:
                raise ServerFailure(RemoteCode.BAD_ANSWER)
            if time.monotonic() > self._deadline:
                raise ServerFailure(RemoteCode.UNREACHABLE)
        self._left -= len(body)
        return bytes(body)


def bounded_session(
    login: tuple[str, str] | None, token: str, adapter: BoundedAdapter | None = None
) -> requests.Session:
    """A session without the settings of the surroundings: no proxy, no .netrc, no cookies kept."""
    session = requests.Session()
    session.trust_env = False
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True
    session.headers["Accept-Encoding"] = "identity"  # a small answer cannot unfold to a large one
    if login is not None:
        session.auth = login
    elif token:
        session.headers["Authorization"] = f"Bearer {token}"
    adapter = adapter or BoundedAdapter()
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
