"""The process that speaks to a DICOMweb server, seen from this one.

What goes in is one line, over a pipe and never over a command line; what comes out is lines of
JSON, of which nothing is believed.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Final

from cxr_agent.errors import ConfigError, RemoteCode, RemoteError, StoreCode, UsageError
from cxr_agent.imaging.bare_process import bare_command, bare_environment
from cxr_agent.interop.dicomweb_limits import SERVER_S

TOKEN: Final = "CXR_AGENT_DICOMWEB_TOKEN"  # noqa: S105 - a name
"""Environment variable with a bearer token for the server."""

LOGIN: Final = "CXR_AGENT_DICOMWEB_LOGIN"
"""Environment variable with ``user:password``, which an address in a command would show to all."""

_BEARER: Final = re.compile(r"[\x21-\x7e]+")
_CERTIFICATES: Final = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
_GRACE_S: Final = 15.0
"""For the process to start, and to end by itself."""
_MAX_LINE_BYTES: Final = 1 << 16
_TEXTS: Final = {
    RemoteCode.UNREACHABLE: (
        "the DICOMweb server does not answer",
        "Check the address, the network and the server's certificate.",
    ),
    RemoteCode.REFUSED: (
        "the DICOMweb server refuses the request",
        f"Check the path of the address and the credentials ({TOKEN}).",
    ),
    RemoteCode.BAD_ANSWER: (
        "the DICOMweb server answers something that is not DICOMweb, or too much",
        "Check the path of the address.",
    ),
    StoreCode.UNREACHABLE: (
        "the archive does not answer",
        "Check the address, the network, and the server's certificate or AE title.",
    ),
    StoreCode.UNAUTHORISED: (
        "the archive does not let this program in",
        f"Check the credentials ({LOGIN}, {TOKEN}) or the AE titles.",
    ),
    StoreCode.REFUSED: (
        "the archive does not take the object",
        "It may keep no objects of this kind, or have another one of this UID.",
    ),
    StoreCode.NO_ROOM: ("the archive has no room", "Try again later."),
    StoreCode.BAD_ANSWER: (
        "the archive answers something that was not asked",
        "Check the path of the address.",
    ),
    StoreCode.PARTIAL: (
        "the archive took some of the objects and not the others",
        "Send those again that it did not take.",
    ),
}


@dataclass(slots=True)
class Process:
    """What is said by a process that :func:`speaking` started."""

    descriptor: int
    _said: bytearray = field(default_factory=bytearray)

    def answer(self, wait_s: float | None = None) -> dict[str, Any]:
        """The next line, waited for as long as a server may take, or ``wait_s``.

        Raises
        ------
        RemoteError
            With a code of the server's: what the process tells, or that it says nothing that fits.
        """
        wait_s = SERVER_S + _GRACE_S if wait_s is None else wait_s
        try:
            told = json.loads(self._line(time.monotonic() + wait_s))
            failed = _code(told["failed"]) if told["failed"] else None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise failure(RemoteCode.BAD_ANSWER) from None
        if failed is not None:
            raise failure(failed)
        assert isinstance(told, dict)
        return told

    def heard(self, wait_s: float) -> dict[str, Any] | None:
        """The next line if one comes in time; raises as :meth:`answer`."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.descriptor, selectors.EVENT_READ)
            if b"\n" not in self._said and not selector.select(wait_s):
                return None
        return self.answer()

    def _line(self, deadline: float) -> bytes:
        """What the process says up to the end of the line, or of itself."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.descriptor, selectors.EVENT_READ)
            while b"\n" not in self._said and len(self._said) < _MAX_LINE_BYTES:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise failure(RemoteCode.UNREACHABLE)
                part = os.read(self.descriptor, _MAX_LINE_BYTES)
                if not part:
                    break
                self._said += part
        line, _, rest = bytes(self._said).partition(b"\n")
        self._said[:] = rest
        return line


@contextmanager
def speaking(
    request: Mapping[str, Any],
    module: str = "cxr_agent.interop.dicomweb_worker",
    *,
    end_s: float = 0,
) -> Iterator[Process]:
    """A process that answers a request, which lives while this is open.

    However this program ends, the process sees its input end, and removes the folder that the
    request names.

    Parameters
    ----------
    end_s
        Seconds in which it may end by itself, before it is killed.
    """
    kept = {name: os.environ[name] for name in _CERTIFICATES if name in os.environ}
    process = subprocess.Popen(
        bare_command(module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # the libraries log what they ask for
        bufsize=0,
        cwd="/",
        env={**bare_environment(), **kept},
        start_new_session=True,  # Ctrl-C is for the program, which then ends this process
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with suppress(BrokenPipeError):  # then it has no answer either
            process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
        yield Process(process.stdout.fileno())
    finally:
        if end_s:
            process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(end_s)
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def check_library(instead: str) -> None:
    """Whether dicomweb-client is there.

    Raises
    ------
    ConfigError
        ``dicomweb_missing``; the hint says what to do ``instead``.
    """
    if find_spec("dicomweb_client") is None:
        raise ConfigError(
            "dicomweb_missing",
            "dicomweb-client is not installed",
            hint=f"pip install 'cxr-agent[dicomweb]', or {instead}.",
        )


def token_of_environment() -> str:
    """The bearer token, or nothing.

    Raises
    ------
    UsageError
        ``bad_dicomweb_token``.
    """
    token = os.environ.get(TOKEN, "").strip()
    if token and not _BEARER.fullmatch(token):
        raise UsageError("bad_dicomweb_token", f"{TOKEN} holds no bearer token")
    return token


def login_of_environment() -> tuple[str, str] | None:
    """User and password, or nothing.

    Raises
    ------
    UsageError
        ``bad_dicomweb_login``.
    """
    text = os.environ.get(LOGIN, "")
    if not text:
        return None
    user, colon, password = text.partition(":")
    if not (user and colon and text.isprintable()):
        raise UsageError("bad_dicomweb_login", f"{LOGIN} holds no user:password")
    return user, password


def _code(text: Any) -> RemoteCode | StoreCode:
    return StoreCode(text) if text in set(StoreCode) else RemoteCode(text)


def failure(code: RemoteCode | StoreCode) -> RemoteError:
    """The exception for ``code``."""
    message, hint = _TEXTS[code]
    return RemoteError(code, message, hint=hint)
