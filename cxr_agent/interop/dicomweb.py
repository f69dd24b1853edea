"""Priors from a DICOMweb server, fetched by a process of its own into a private folder.

That process alone speaks to the network and parses what comes back; it is limited, and ended when
it takes too long. What it fetched is then decoded and chosen from like any other folder.

References
----------
DICOM PS3.18 8.3.4, 10.6 (search, QIDO-RS) and 10.4 (retrieve, WADO-RS).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from cxr_agent.errors import InputCode, PriorCode, RemoteCode, UnsuitableCode, UsageError
from cxr_agent.imaging import DecodedFilm, Decoder, PriorFolder
from cxr_agent.imaging.decoder import FilmPath
from cxr_agent.imaging.film import latest_day
from cxr_agent.imaging.patient_key import PatientKey
from cxr_agent.interop.dicomweb_process import (
    check_library,
    login_of_environment,
    speaking,
    token_of_environment,
)

_CODES: Final = frozenset(
    str(code) for family in (InputCode, UnsuitableCode, PriorCode, RemoteCode) for code in family
)


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
        """The server at an address, with the login and token of the environment.

        Raises
        ------
        UsageError
            ``bad_dicomweb_url``, ``bad_dicomweb_login``, ``bad_dicomweb_token``.
        ConfigError
            ``dicomweb_missing`` when the library is not installed.
        """
        check_library("give --prior or a folder")
        url, login = address_parts(address)
        return cls(url, login or login_of_environment(), token_of_environment())

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
            speaking({**self._request(key, currents), "folder": folder}) as process,
        ):
            told = process.answer()
            yield PriorFolder(folder, named=True, passed=_passed(told), cut=told.get("cut") is True)

    def _request(self, key: PatientKey, currents: Sequence[DecodedFilm]) -> dict[str, Any]:
        """What the process is told; it goes through a pipe, never over a command line."""
        day = latest_day(currents)
        return {
            "what": "priors",
            "url": self.url,
            "login": self.login,
            "token": self.token,
            "patient_id": key.patient_id,
            "issuer": key.issuer,
            "until": "" if day is None else date.fromordinal(day).strftime("%Y%m%d"),
            "studies": [film.study for film in currents if film.study],
            "views": [film.view for film in currents],
        }


def address_parts(address: str) -> tuple[str, tuple[str, str] | None]:
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


def known_code(text: Any) -> str:
    """A code of this program's that was told elsewhere.

    Raises
    ------
    ValueError
        For anything else.
    """
    if text not in _CODES:
        raise ValueError("not a code")
    return str(text)


def _passed(told: Mapping[str, Any]) -> dict[str, int]:
    passed = told.get("passed")
    if not isinstance(passed, dict):
        return {}
    return {code: n for code, n in passed.items() if code in _CODES and isinstance(n, int)}
