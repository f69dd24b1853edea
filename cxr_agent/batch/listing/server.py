"""The films that a search of a DICOMweb server finds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from cxr_agent.batch.listing.found import Candidate, Fault, Found
from cxr_agent.batch.listing.listed import Summary
from cxr_agent.interop.dicomweb_query import DicomwebQuery, ServerFilm, ServerPassed


def server_films(address: str, summary: Summary) -> Iterator[Found]:
    """The films of a search.

    Raises
    ------
    UsageError
        ``bad_dicomweb_query``, ``bad_dicomweb_token``.
    ConfigError
        ``dicomweb_missing``.
    RemoteError
        While it runs, when the server gives no list.
    """
    return _films(DicomwebQuery.at(address), summary)


def _films(query: DicomwebQuery, summary: Summary) -> Iterator[Found]:
    for entry in query.entries():
        if isinstance(entry, ServerPassed):
            summary.seen += 1
            summary.passed[entry.code] += 1
            continue
        candidate = Candidate(_name(query, entry.study))
        if isinstance(entry, ServerFilm):
            yield Found(candidate, entry.heading, place=entry.place)
        else:
            yield Found(candidate, fault=Fault(entry.code, entry.message))
    summary.cut = query.cut


def _name(query: DicomwebQuery, study: str) -> str:
    """The same in every run, and not the UID."""
    digest = hashlib.sha256(f"{query.url} {study}".encode()).hexdigest()
    return f"study-{digest[:16]}"
