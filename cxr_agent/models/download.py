"""One file from an https address: resumed where the server allows it, in bounded time."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from cxr_agent.errors import ModelError

Progress = Callable[[str, int, int | None], None]
"""Told a file's name, the bytes that are there and how many there will be, where that is known."""

SECONDS: Final = 20.0
"""How long a connection may take, or stay silent."""
_TRIES: Final = 3
"""Tries in a row that bring nothing, before the download is given up."""
_PAUSE_S: Final = 1.0
_CHUNK: Final = 1 << 18
_BUSY: Final = frozenset({408, 429, 500, 502, 503, 504})
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+)")


class Offline(Exception):  # noqa: N818 - a state of the machine
    """The server cannot be reached; holds why, in a few words."""


class _BrokeOffError(Exception):
    """The connection ended early; another try may bring more."""


class _NoDowngrade(HTTPRedirectHandler):
    """Follows redirects, but never from https to a connection that anybody can change."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            fp.close()
            raise ModelError(
                "untrusted_server",
                f"{urlsplit(req.full_url).hostname} redirects to a connection without encryption",
                hint="Nothing was installed. Fetch the file by hand and use --from.",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(url: str, target: Path, *, progress: Progress) -> None:
    """Fetch ``url`` into ``target``, which appears only when it is whole.

    What was fetched before an interruption is kept beside it as ``<name>.part`` and continued by
    the next call, unless the server says that the file is another one by now (``If-Range``,
    RFC 9110, section 13.1.5).

    Raises
    ------
    Offline
        No connection: no route, no name, refused, or silent for :data:`SECONDS`.
    ModelError
        ``access_denied``, ``source_gone``, ``download_failed``, ``download_interrupted`` or
        ``untrusted_server``.
    OSError
        The file cannot be written.
    """
    part = _Part(target)
    opener = build_opener(_NoDowngrade())
    target.parent.mkdir(parents=True, exist_ok=True)
    best, fruitless = part.size(), 0
    while True:
        try:
            _fetch_rest(opener, url, part, progress)
            break
        except _BrokeOffError as error:
            size = part.size()
            fruitless = 0 if size > best else fruitless + 1
            best = max(best, size)
            if fruitless >= _TRIES:
                raise ModelError(
                    "download_interrupted",
                    f"{target.name} breaks off at {size / 1e6:.1f} MB: {error}",
                    hint="Run the same command again: it continues where it stopped.",
                ) from None
            time.sleep(_PAUSE_S * fruitless)
    part.finish()


class _Part:
    """The bytes of a file so far, and what tells whether the server still has the same file."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self._validator = target.with_name(target.name + ".part.etag")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def validator(self) -> str | None:
        """The ETag that these bytes came with; without one they cannot be continued safely."""
        return self._validator.read_text() if self._validator.exists() else None

    def restart(self, etag: str | None) -> None:
        self.path.unlink(missing_ok=True)
        self._validator.unlink(missing_ok=True)
        if etag is not None:
            self._validator.write_text(etag)

    def finish(self) -> None:
        self.path.replace(self.target)
        self._validator.unlink(missing_ok=True)


def _fetch_rest(opener: OpenerDirector, url: str, part: _Part, progress: Progress) -> None:
    """Ask for what is missing and append it; returns when the file is whole."""
    start, validator = part.size(), part.validator()
    headers = {"Accept-Encoding": "identity"}
    if start and validator is not None:
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    # The catalogue lets https through, and http on this machine.
    request = Request(url, headers=headers)  # noqa: S310
    response = _open(opener, request, part)
    if response is None:
        return
    with response:
        start, total = _place(response, part, start)
        with part.path.open("ab") as file:
            while chunk := _read(response):
                file.write(chunk)
                start += len(chunk)
                progress(part.target.name, start, total)
    if total is not None and start != total:
        raise _BrokeOffError("the connection ended")


def _place(response: HTTPResponse, part: _Part, start: int) -> tuple[int, int | None]:
    """Where the answer's bytes begin, and the size of the whole file."""
    if response.status == 206:
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != start:
            part.restart(None)
            raise _BrokeOffError("the server sent another part than the one asked for")
        return start, int(match[2])
    etag = response.headers.get("ETag")
    # A weak tag promises a like file, not the same bytes (RFC 9110, section 8.8.1).
    part.restart(etag if etag is not None and not etag.startswith("W/") else None)
    length = response.headers.get("Content-Length")
    return 0, int(length) if length is not None and length.isdigit() else None


def _open(opener: OpenerDirector, request: Request, part: _Part) -> HTTPResponse | None:
    """The server's answer; None when it says that nothing is missing."""
    host = urlsplit(request.full_url).hostname or ""
    try:
        response: HTTPResponse = opener.open(request, timeout=SECONDS)
        return response
    except HTTPError as error:
        error.close()
        if error.code == 416:
            if error.headers.get("Content-Range") == f"bytes */{part.size()}":
                return None
            part.restart(None)
            raise _BrokeOffError("the server has no such part") from None
        if error.code in _BUSY:
            raise _BrokeOffError(f"{host} answers with status {error.code}") from None
        raise refused(error.code, host, request.full_url, by_token=False) from None
    except URLError as error:
        raise _unreachable(error.reason, host) from None
    except (OSError, HTTPException) as error:
        raise _unreachable(error, host) from None


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read(_CHUNK)
    except (OSError, HTTPException) as error:
        raise _BrokeOffError(_why(error)) from None


def refused(status: int, host: str, page: str, *, by_token: bool) -> ModelError:
    """The error for a server that answers with an HTTP status that is not going to change.

    Parameters
    ----------
    page
        Where a person can see what the server has and asks for.
    by_token
        Whether a token in ``HF_TOKEN`` would be sent.
    """
    if status in (401, 403):
        way = "set HF_TOKEN to a token that may read it and pull again, or " if by_token else ""
        # The hub gives the same answer for a repository that is not there (any more).
        gone = ", or no longer has the model" if by_token and status == 401 else ""
        return ModelError(
            "access_denied",
            f"{host} refuses access (HTTP {status}): it asks for consent and a token{gone}",
            hint=f"Accept the conditions at {page}, then {way}fetch the files by hand and "
            "use --from.",
        )
    if status in (404, 410):
        return ModelError(
            "source_gone",
            f"{host} has no such file or revision (HTTP {status})",
            hint=f"See {page}. Files that you have can be installed with --from.",
        )
    return ModelError(
        "download_failed",
        f"{host} answers with HTTP {status}",
        hint="Try later; files that you have can be installed with --from.",
    )


def _unreachable(reason: str | BaseException, host: str) -> Exception:
    if isinstance(reason, ssl.SSLError):
        return ModelError(
            "untrusted_server",
            f"the certificate of {host} is not trusted",
            hint="Nothing was installed. Behind an inspecting proxy, set SSL_CERT_FILE to its "
            "certificate.",
        )
    return Offline(f"{host}: {_why(reason)}")


def _why(reason: str | BaseException) -> str:
    if isinstance(reason, TimeoutError):
        return f"silent for {SECONDS:.0f} s"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror.lower()
    return "no connection" if isinstance(reason, str) else "the connection broke"
