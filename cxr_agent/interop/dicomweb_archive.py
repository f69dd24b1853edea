"""A DICOMweb server that takes objects, and tells which studies it has."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import RemoteCode
from cxr_agent.interop.dicomweb_limits import SERVER_S
from cxr_agent.interop.dicomweb_process import (
    check_library,
    failure,
    login_of_environment,
    speaking,
    token_of_environment,
)
from cxr_agent.interop.dicomweb_query import server_address
from cxr_agent.interop.dimse import answered_codes

_UID: Final = re.compile(r"\d[\d.]{0,63}", re.ASCII)
_GRACE_S: Final = 15.0
MAX_LISTED: Final = 10_000
"""Studies of one look."""


@dataclass(frozen=True, slots=True)
class ListedStudy:
    """A study that a server has."""

    uid: str
    count: int
    """Instances in it; -1 where the server does not tell."""


@dataclass(frozen=True, slots=True)
class DicomwebArchive:
    """A server that the user named; an :class:`~cxr_agent.interop.sending.Archive`."""

    url: str = field(repr=False)
    """Without credentials and without a slash at the end."""
    login: tuple[str, str] | None = field(default=None, repr=False)
    token: str = field(default="", repr=False)

    @classmethod
    def at(cls, address: str) -> DicomwebArchive:
        """The server at an address, with the login and token of the environment.

        Raises
        ------
        UsageError
            ``bad_dicomweb_query``, ``bad_dicomweb_login``, ``bad_dicomweb_token``.
        ConfigError
            ``dicomweb_missing``.
        """
        check_library("use an AE title or a folder")
        return cls(server_address(address), login_of_environment(), token_of_environment())

    def attempt(self, files: Sequence[Path]) -> Iterator[str]:
        """Store files once; a code for each, or nothing."""
        request = {
            **self._request("store"),
            "files": [os.fspath(path.absolute()) for path in files],
        }
        with speaking(request) as process:
            yield from answered_codes(process, len(files), SERVER_S + _GRACE_S)

    def studies(self, since: str) -> tuple[list[ListedStudy], bool]:
        """Studies with radiographs, the oldest first, and whether there are more.

        Parameters
        ----------
        since
            First day, ``YYYYMMDD``.

        Raises
        ------
        RemoteError
            With a :class:`~cxr_agent.errors.RemoteCode`.
        """
        request = {**self._request("studies"), "since": since, "limit": MAX_LISTED}
        found: list[ListedStudy] = []
        with speaking(request) as process:
            while "cut" not in (told := process.answer()):
                found.append(_listed(told))
        return found, told["cut"] is True

    def _request(self, what: str) -> dict[str, Any]:
        return {"what": what, "url": self.url, "login": self.login, "token": self.token}


def _listed(told: dict[str, Any]) -> ListedStudy:
    uid, count = told.get("study"), told.get("count")
    if not isinstance(uid, str) or not _UID.fullmatch(uid) or not isinstance(count, int):
        raise failure(RemoteCode.BAD_ANSWER)
    return ListedStudy(uid, count)
