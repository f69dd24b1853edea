"""A study at a DICOMweb server, by its address: the films that are to be read, as local files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cxr_agent.batch.listing import BatchStudy, Refused, fetched, studies_of
from cxr_agent.errors import InputError, RemoteCode, UsageError

_STUDY: Final = re.compile(r"(https?://.+)/studies/(\d[\d.]{0,63})/?", re.ASCII | re.IGNORECASE)
_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE)


def is_address(text: str) -> bool:
    """Whether what the user named lies behind an address."""
    return _ADDRESS.match(text) is not None


@contextmanager
def study_films(address: str) -> Iterator[tuple[Path, ...]]:
    """The films of a study, which go when this is closed.

    Films that can be read come first, then the lateral views beside them, which the reading names.
    Detector values are left out where there is a picture.

    Parameters
    ----------
    address
        As ``https://host/dicom-web/studies/1.2.3``, without a login.

    Raises
    ------
    UsageError
        ``bad_dicomweb_study``, ``bad_dicomweb_query``, ``bad_dicomweb_login``,
        ``bad_dicomweb_token``.
    InputError
        When there is no such study, or no film in it.
    ConfigError
        ``dicomweb_missing``.
    RemoteError
        With a :class:`~cxr_agent.errors.RemoteCode`.
    """
    match = _STUDY.fullmatch(address)
    if match is None:
        raise UsageError(
            "bad_dicomweb_study",
            "the address is none of a study",
            hint="Like https://host/dicom-web/studies/1.2.3; `batch` reads many of a server.",
        )
    server, uid = match.groups()
    with fetched(listed_films(f"{server}/studies?StudyInstanceUID={uid}")) as films:
        yield films


def listed_films(source: str | list[str]) -> tuple[str, ...]:
    """Places of the films of one study; raises as :func:`study_films`.

    Parameters
    ----------
    source
        A search that finds one study, or paths of files.
    """
    with studies_of(source, priors=0) as listing:
        found = list(listing)
    studies = [one for one in found if isinstance(one, BatchStudy)]
    if len(studies) == 1:
        return studies[0].films
    if studies:
        raise InputError(
            "conflicting_study",
            "what claims to be one study is of several patients",
            hint="Read its films one by one.",
        )
    for one in found:
        if isinstance(one, Refused):
            raise _refused(one)
    passed = listing.summary.passed.most_common(1)
    raise InputError(
        passed[0][0] if passed else "no_such_study",
        "the study holds no film of a chest" if passed else "the server has no such study",
        hint="Check the address.",
    )


def _refused(one: Refused) -> Exception:
    if one.code in set(RemoteCode):
        from cxr_agent.interop.dicomweb_process import failure

        return failure(RemoteCode(one.code))
    return InputError(one.code, one.message)
