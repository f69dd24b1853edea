"""The films that a search of a DICOMweb server finds, and fetching films by their UIDs.

References
----------
DICOM PS3.18 10.6 (QIDO-RS: search, paging), 10.4.1.1.2 (metadata of a study), 10.4.1.1.1 (one
instance).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dicomweb_client import DICOMwebClient

from cxr_agent.errors import InputError, RemoteCode, UnsuitableCode
from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.dicom_values import Header
from cxr_agent.imaging.heading import heading, heading_record
from cxr_agent.interop.dicomweb_http import BoundedAdapter, ServerFailure, bounded_session
from cxr_agent.interop.dicomweb_json import json_header
from cxr_agent.interop.dicomweb_limits import MAX_SEARCHED, MAX_SILENT, PAGE
from cxr_agent.interop.dicomweb_search import (
    RADIOGRAPHS,
    answered,
    client_of,
    data_sets,
    modalities_of,
    read_item,
    uid_of,
)

Told = dict[str, Any]
Login = tuple[str, str] | None
"""User and password."""


@dataclass(frozen=True, slots=True)
class Query:
    """A search for studies, as the user wrote it."""

    filters: Mapping[str, str]
    offset: int
    limit: int
    """Studies at most."""


def listed(url: str, login: Login, token: str, query: Query) -> Iterator[Told]:
    """What a search finds, study after study, the oldest first.

    Yields
    ------
    dict
        ``film``: a heading, and ``uids`` of study, series and instance; or ``passed``: a code; or
        ``refused``: a code, and ``uids`` of the study. ``cut`` at the end.

    Raises
    ------
    ServerFailure
        When there is no list of studies, or the server does not answer any more.
    """
    adapter = BoundedAdapter()
    with bounded_session(login, token, adapter) as session:
        client = client_of(url, session)
        studies = _studies(client, adapter, query)
        for _ in studies.others:
            yield {"passed": UnsuitableCode.UNSUPPORTED_MODALITY}
        silent = 0
        for study in studies.in_order:
            adapter.renew()
            try:
                films = list(_films(client, study))
            except ServerFailure as failure:
                silent = silent + 1 if failure.code is RemoteCode.UNREACHABLE else 0
                if silent == MAX_SILENT:
                    raise
                films = [{"refused": failure.code, "uids": [study]}]
            else:
                silent = 0
            yield from films
    yield {"cut": studies.cut}


def fetch(url: str, login: Login, token: str, films: Sequence[Sequence[str]], folder: Path) -> None:
    """Fetch instances into ``1.dcm``, ``2.dcm`` ... in their order.

    Raises
    ------
    ServerFailure
        For the first that cannot be had.
    """
    with bounded_session(login, token) as session:
        client = client_of(url, session)
        for number, uids in enumerate(films, 1):
            _fetch(client, uids, folder / f"{number}.dcm")


def _fetch(client: DICOMwebClient, uids: Sequence[str], path: Path) -> None:
    study, series, instance = uids
    data_set = answered(lambda: client.retrieve_instance(study, series, instance))
    answered(lambda: data_set.save_as(path, enforce_file_format=True))


@dataclass(slots=True)
class _Studies:
    """What pages of a search brought."""

    days: dict[str, str] = field(default_factory=dict)
    """By the UID of the study."""
    others: set[str] = field(default_factory=set)
    """UIDs of studies that hold no radiograph."""
    cut: bool = False

    def __len__(self) -> int:
        return len(self.days) + len(self.others)

    @property
    def in_order(self) -> list[str]:
        """UIDs, the oldest first."""
        return [uid for uid, _ in sorted(self.days.items(), key=lambda one: (one[1], one[0]))]

    def add(self, item: dict[str, Any]) -> None:
        header, modalities = read_item(item, json_header), read_item(item, modalities_of)
        uid = uid_of(header, Tag.STUDY_INSTANCE_UID)
        if modalities and not modalities & RADIOGRAPHS:
            self.others.add(uid)
        else:
            self.days[uid] = header.text(Tag.STUDY_DATE)


def _studies(client: DICOMwebClient, adapter: BoundedAdapter, query: Query) -> _Studies:
    """The studies that a search finds.

    Pages are asked for until one brings nothing new: a server may give fewer than were asked for,
    and one that ignores the offset gives the first page again.
    """
    found, offset, most = _Studies(), query.offset, min(query.limit, MAX_SEARCHED)
    while len(found) < most:
        adapter.renew()
        before = len(found)
        page = _page(client, query, offset, min(PAGE, most - before))
        offset += len(page)
        for item in page[: most - before]:
            found.add(item)
        if len(found) == before:
            return found
    found.cut = query.limit > MAX_SEARCHED
    return found


def _page(client: DICOMwebClient, query: Query, offset: int, limit: int) -> list[dict[str, Any]]:
    return data_sets(
        answered(
            lambda: client.search_for_studies(
                limit=limit,
                offset=offset,
                fields=["ModalitiesInStudy"],
                search_filters=dict(query.filters),
            )
        )
    )


def _films(client: DICOMwebClient, study: str) -> Iterator[Told]:
    for item in data_sets(answered(lambda: client.retrieve_study_metadata(study))):
        header = read_item(item, json_header)
        try:
            film = heading(header)
        except InputError as error:
            yield {"passed": error.code}
            continue
        yield {"film": heading_record(film), "uids": _uids(study, header)}


def _uids(study: str, header: Header) -> list[str]:
    return [study, uid_of(header, Tag.SERIES_INSTANCE_UID), uid_of(header, Tag.SOP_INSTANCE_UID)]
