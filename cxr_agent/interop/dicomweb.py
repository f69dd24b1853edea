"""Priors from a DICOMweb server, fetched by a process of its own into a private folder.

That process alone speaks to the network and parses what comes back; it is limited, and ended when
it takes too long. What it fetched is then decoded and chosen from like any other folder.

References
----------
DICOM PS3.18 8.3.4, 10.6 (search, QIDO-RS) and 10.4 (retrieve, WADO-RS).
"""

from __future__ import annotations

import json
import os
import re
import selectors
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from cxr_agent.errors import (
    ConfigError,
    InputCode,
    PriorCode,
    RemoteCode,
    RemoteError,
    UnsuitableCode,
    UsageError,
)
from cxr_agent.imaging import DecodedFilm, Decoder, PriorFolder
from cxr_agent.imaging.bare_process import bare_command, bare_environment
from cxr_agent.imaging.decoder import FilmPath
from cxr_agent.imaging.film import latest_day
from cxr_agent.imaging.patient_key import PatientKey
from cxr_agent.interop.dicomweb_limits import SERVER_S

TOKEN: Final = "CXR_AGENT_DICOMWEB_TOKEN"
"""Environment variable with a bearer token for the server."""

_CERTIFICATES: Final = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
_GRACE_S: Final = 15.0
"""For the process to start, and to end by itself."""
_MAX_ANSWER_BYTES: Final = 1 << 16
_BEARER: Final = re.compile(r"[\x21-\x7e]+")
_CODES: Final = frozenset(
    str(code) for family in (InputCode, UnsuitableCode, PriorCode, RemoteCode) for code in family
)
_TEXTS: Final = {
    RemoteCode.UNREACHABLE: (
        "the DICOMweb server does not answer",
        "Check the address, the network and the server's certificate, or give --prior.",
    ),
    RemoteCode.REFUSED: (
        "the DICOMweb server refuses the request",
        f"Check the path of the address and the credentials ({TOKEN}), or give --prior.",
    ),
    RemoteCode.BAD_ANSWER: (
        "the DICOMweb server answers something that is not DICOMweb, or too much",
        "Check the path of the address, or give --prior.",
    ),
}


@dataclass(frozen=True, slots=True)
class DicomwebServer:
    """A server that the user named; a :class:`~cxr_agent.imaging.PriorSource`."""

    url: str = field(repr=False)
    """Without credentials and without a slash at the end."""
    login: tuple[str, str] | None = field(default=None, repr=False)
    """User and password of the address."""
    token: str = field(default="", repr=False)

    @classmethod
    def at(cls, address: str) -> DicomwebServer:
        """The server at an address, with the token of the environment.

        Raises
        ------
        UsageError
            ``bad_dicomweb_url``, ``bad_dicomweb_token``.
        ConfigError
            ``dicomweb_missing`` when the library is not installed.
        """
        if find_spec("dicomweb_client") is None:
            raise ConfigError(
                "dicomweb_missing",
                "dicomweb-client is not installed",
                hint="pip install 'cxr-agent[dicomweb]', or give --prior or a folder.",
            )
        url, login = _parts(address)
        token = os.environ.get(TOKEN, "").strip()
        if token and not _BEARER.fullmatch(token):
            raise UsageError("bad_dicomweb_token", f"{TOKEN} holds no bearer token")
        return cls(url, login, token)

    @contextmanager
    def opened(
        self, films: Sequence[FilmPath], currents: Sequence[DecodedFilm], decoder: Decoder
    ) -> Iterator[PriorFolder]:
        """Ask for the patient's earlier films, and keep a few while this is open.

        Raises
        ------
        UsageError
            ``no_patient_id`` when no current film names a patient to ask for.
        RemoteError
            With a :class:`~cxr_agent.errors.RemoteCode`, when the server gave nothing at all.
        """
        key = _patient(films, decoder)
        with (
            tempfile.TemporaryDirectory(prefix="cxr-agent-") as folder,  # mode 0700
            _fetched({**self._request(key, currents), "folder": folder}) as told,
        ):
            yield PriorFolder(folder, named=True, passed=_passed(told), cut=told.get("cut") is True)

    def _request(self, key: PatientKey, currents: Sequence[DecodedFilm]) -> dict[str, Any]:
        """What the process is told; it goes through a pipe, never over a command line."""
        day = latest_day(currents)
        return {
            "url": self.url,
            "login": self.login,
            "token": self.token,
            "patient_id": key.patient_id,
            "issuer": key.issuer,
            "until": "" if day is None else date.fromordinal(day).strftime("%Y%m%d"),
            "studies": [film.study for film in currents if film.study],
            "views": [film.view for film in currents],
        }


def _parts(address: str) -> tuple[str, tuple[str, str] | None]:
    """Address without and with what stands before the ``@``."""
    try:
        parts = urlsplit(address)
        port = "" if parts.port is None else f":{parts.port}"
        host = parts.hostname or ""
    except ValueError:
        host = ""
    clean = address.isascii() and address.isprintable() and " " not in address
    if not host or not clean or parts.query or parts.fragment:
        raise UsageError(
            "bad_dicomweb_url",
            "--priors-from holds no address of a DICOMweb server",
            hint="Like https://host/dicom-web, with no ? or # in it.",
        )
    shown = f"[{host}]" if ":" in host else host
    login = None
    if parts.username is not None:
        login = unquote(parts.username), unquote(parts.password or "")
    return f"{parts.scheme.lower()}://{shown}{port}{parts.path.rstrip('/')}", login


def _patient(films: Sequence[FilmPath], decoder: Decoder) -> PatientKey:
    for film in films:
        key = decoder.patient_of(film)
        if key.patient_id:
            return key
    raise UsageError(
        "no_patient_id",
        "the film names no patient that a server could be asked for",
        hint="Give --prior, or a folder after --priors-from.",
    )


@contextmanager
def _fetched(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The answer of a process, which lives while this is open and outlives this program.

    However this program ends, the process sees its input end, and removes the folder.
    """
    kept = {name: os.environ[name] for name in _CERTIFICATES if name in os.environ}
    process = subprocess.Popen(
        bare_command("cxr_agent.interop.dicomweb_worker"),
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
        yield _told(_line(process.stdout.fileno(), time.monotonic() + SERVER_S + _GRACE_S))
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _line(descriptor: int, deadline: float) -> bytes:
    """What a process says up to the end of the line, or of the process."""
    said = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not said.endswith(b"\n") and len(said) < _MAX_ANSWER_BYTES:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise _failure(RemoteCode.UNREACHABLE)
            part = os.read(descriptor, _MAX_ANSWER_BYTES)
            if not part:
                break
            said += part
    return bytes(said)


def _told(said: bytes) -> dict[str, Any]:
    try:
        told = json.loads(said)
        failed = RemoteCode(told["failed"]) if told["failed"] else None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _failure(RemoteCode.BAD_ANSWER) from None
    if failed is not None:
        raise _failure(failed)
    assert isinstance(told, dict)
    return told


def _passed(told: Mapping[str, Any]) -> dict[str, int]:
    passed = told.get("passed")
    if not isinstance(passed, dict):
        return {}
    return {code: n for code, n in passed.items() if code in _CODES and isinstance(n, int)}


def _failure(code: RemoteCode) -> RemoteError:
    message, hint = _TEXTS[code]
    return RemoteError(code, message, hint=hint)
