"""A search of a DICOMweb server for the studies of a batch, and the films that it found.

Places of films are addresses of instances. They hold no login: a server that asks for one is
given that of the environment, or its bearer token.

References
----------
DICOM PS3.18 10.6.1 (query parameters), 10.4.1.1.1 (address of an instance).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from cxr_agent.errors import RemoteCode, UsageError
from cxr_agent.imaging.heading import Heading, heading_from
from cxr_agent.interop.dicomweb import address_parts, known_code
from cxr_agent.interop.dicomweb_limits import MAX_FETCHED, MAX_SEARCHED
from cxr_agent.interop.dicomweb_process import (
    LOGIN,
    TOKEN,
    check_library,
    failure,
    login_of_environment,
    speaking,
    token_of_environment,
)

_UID: Final = r"\d[\d.]{0,63}"
_INSTANCE: Final = re.compile(
    rf"(https?://.+)/studies/({_UID})/series/({_UID})/instances/({_UID})", re.ASCII
)
_ATTRIBUTE: Final = re.compile(r"[A-Za-z0-9]{1,64}(\.[A-Za-z0-9]{1,64}){0,7}", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)
_LONGEST: Final = 4096
_OURS: Final = frozenset({"limit", "offset", "includefield"})
"""Parameters that are not passed on as they are."""


@dataclass(frozen=True, slots=True)
class ServerFilm:
    """A film that a server has."""

    heading: Heading
    study: str
    """UID."""
    place: str
    """Address."""


@dataclass(frozen=True, slots=True)
class ServerPassed:
    """A film or study that is no chest film."""

    code: str


@dataclass(frozen=True, slots=True)
class ServerRefused:
    """A study whose films cannot be listed."""

    study: str
    """UID."""
    code: str
    message: str


ServerEntry = ServerFilm | ServerPassed | ServerRefused


@dataclass(slots=True)
class DicomwebQuery:
    """A search for studies."""

    url: str = field(repr=False)
    """Of the server, without a slash at the end."""
    filters: Mapping[str, str] = field(repr=False)
    offset: int = 0
    limit: int = MAX_SEARCHED + 1
    token: str = field(default="", repr=False)
    login: tuple[str, str] | None = field(default=None, repr=False)
    cut: bool = False
    """There was more; known when all entries have come."""

    @classmethod
    def at(cls, address: str) -> DicomwebQuery:
        """The search of an address like ``https://host/dicom-web/studies?StudyDate=20240101``.

        Raises
        ------
        UsageError
            ``bad_dicomweb_query``, ``bad_dicomweb_token``.
        ConfigError
            ``dicomweb_missing`` when the library is not installed.
        """
        check_library("give a folder or a table")
        where, _, asked = address.partition("?")
        base, step = where.rstrip("/").rpartition("/studies")[::2]
        if not base or step or len(address) > _LONGEST:
            raise _bad_query("is no search for studies")
        parameters = _parameters(asked)
        return cls(
            server_address(base),
            {name: value for name, value in parameters.items() if name not in _OURS},
            _number(parameters, "offset", 0),
            _number(parameters, "limit", MAX_SEARCHED + 1),
            token_of_environment(),
            login_of_environment(),
        )

    def entries(self) -> Iterator[ServerEntry]:
        """What the search finds, study after study.

        Raises
        ------
        RemoteError
            With a :class:`~cxr_agent.errors.RemoteCode`, when the server gives no list, or does not
            answer any more.
        """
        request = {
            "what": "list",
            "url": self.url,
            "login": self.login,
            "token": self.token,
            "filters": dict(self.filters),
            "offset": self.offset,
            "limit": self.limit,
        }
        with speaking(request) as process:
            while "cut" not in (told := process.answer()):
                try:
                    yield self._entry(told)
                except (KeyError, TypeError, ValueError):
                    raise failure(RemoteCode.BAD_ANSWER) from None
        self.cut = told["cut"] is True

    def _entry(self, told: Mapping[str, Any]) -> ServerEntry:
        if "passed" in told:
            return ServerPassed(known_code(told["passed"]))
        uids = [_uid(text) for text in told["uids"]]
        if "refused" in told:
            error = failure(RemoteCode(told["refused"]))
            (study,) = uids
            return ServerRefused(study, error.code, error.message)
        study, series, instance = uids
        place = f"{self.url}/studies/{study}/series/{series}/instances/{instance}"
        return ServerFilm(heading_from(told["film"]), study, place)


@contextmanager
def fetched_instances(places: Sequence[str]) -> Iterator[tuple[Path, ...]]:
    """Instances of one server as files in a private folder, which goes when this is closed.

    Raises
    ------
    UsageError
        ``bad_dicomweb_query`` for what is no address of an instance, or for too many of them.
    RemoteError
        With a :class:`~cxr_agent.errors.RemoteCode`, when one cannot be had.
    """
    found = [_INSTANCE.fullmatch(place) for place in places]
    if len(places) > MAX_FETCHED or len({m and m.group(1) for m in found}) != 1:
        raise _bad_query("is none of films of one server")
    films = [match.groups()[1:] for match in found if match is not None]
    if not films or found[0] is None:
        raise _bad_query("is none of a film")
    check_library("give a folder or a table")
    request = {
        "what": "films",
        "url": server_address(found[0].group(1)),
        "login": login_of_environment(),
        "token": token_of_environment(),
        "films": films,
    }
    with (
        tempfile.TemporaryDirectory(prefix="cxr-agent-") as folder,  # mode 0700
        speaking({**request, "folder": folder}) as process,
    ):
        process.answer()
        yield tuple(Path(folder) / f"{number}.dcm" for number in range(1, len(films) + 1))


def server_address(address: str) -> str:
    """The address of a server, checked.

    Raises
    ------
    UsageError
        ``bad_dicomweb_query``, also for an address that holds a login.
    """
    if "@" in address:
        raise UsageError(
            "bad_dicomweb_query",
            "the address holds a login, which others would see",
            hint=f"Leave it out, and give {LOGIN} or a bearer token in {TOKEN}.",
        )
    try:
        return address_parts(address)[0]
    except UsageError:
        raise _bad_query("is none of a DICOMweb server") from None


def _bad_query(what: str) -> UsageError:
    return UsageError(
        "bad_dicomweb_query",
        f"the address {what}",
        hint="Like https://host/dicom-web/studies?ModalitiesInStudy=DX&StudyDate=20240101-20241231",
    )


def _parameters(asked: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(asked, keep_blank_values=True, strict_parsing=bool(asked))
    except ValueError:
        raise _bad_query("has a search that cannot be read") from None
    names = [name for name, _ in pairs]
    plain = all(_ATTRIBUTE.fullmatch(name) for name in names)
    fragment = "#" in asked
    once = len({name for name in names if name != "includefield"}) == sum(
        name != "includefield" for name in names
    )
    if not plain or not once or fragment or not all(value.isprintable() for _, value in pairs):
        raise _bad_query("has a search that cannot be read")
    return dict(pairs)


def _number(parameters: Mapping[str, str], name: str, usual: int) -> int:
    text = parameters.get(name)
    if text is None:
        return usual
    if not _NUMBER.fullmatch(text):
        raise _bad_query(f"has a {name} that is no number")
    return int(text)


def _uid(text: Any) -> str:
    if not isinstance(text, str) or not re.fullmatch(_UID, text, re.ASCII):
        raise ValueError("not a UID")
    return text
