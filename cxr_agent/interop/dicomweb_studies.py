"""Which radiographic studies of the last days a DICOMweb server has, and how many instances each.

References
----------
DICOM PS3.18 10.6 (QIDO-RS: studies since a day, by modality).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dicomweb_client import DICOMwebClient

from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.interop.dicomweb_http import BoundedAdapter, bounded_session
from cxr_agent.interop.dicomweb_json import json_header
from cxr_agent.interop.dicomweb_limits import PAGE
from cxr_agent.interop.dicomweb_search import (
    answered,
    client_of,
    data_sets,
    modalities_of,
    read_item,
    uid_of,
)

NEW_FILMS: Final = ("CR", "DX")
"""Modalities under which new films come. What is stored as another one is read by hand."""
_INSTANCES: Final = "00201208"


def radiographic(
    url: str, login: tuple[str, str] | None, token: str, since: str, limit: int
) -> Iterator[dict[str, Any]]:
    """Studies that hold a radiograph, the oldest first.

    Parameters
    ----------
    since
        First day, ``YYYYMMDD``.
    limit
        Studies at most.

    Yields
    ------
    dict
        ``study``: its UID, and ``count``: instances in it, or -1. ``cut`` at the end.

    Raises
    ------
    ServerFailure
        When there is no list of studies.
    """
    adapter = BoundedAdapter()
    found: dict[str, tuple[str, int]] = {}
    with bounded_session(login, token, adapter) as session:
        client = client_of(url, session)
        for modality in NEW_FILMS:
            filters = {"StudyDate": f"{since}-", "ModalitiesInStudy": modality}
            _pages(client, adapter, filters, limit, found)
    for _, uid in sorted((day, uid) for uid, (day, _) in found.items()):
        yield {"study": uid, "count": found[uid][1]}
    yield {"cut": len(found) >= limit}


def _pages(
    client: DICOMwebClient,
    adapter: BoundedAdapter,
    filters: dict[str, str],
    limit: int,
    found: dict[str, tuple[str, int]],
) -> None:
    """Ask until a page brings nothing that was not there: servers may ignore the offset."""
    offset, seen = 0, set[str]()
    while len(found) < limit:
        adapter.renew()
        before = len(seen)
        page = _page(client, filters, offset)
        offset += len(page)
        for item in page:
            header, modalities = read_item(item, json_header), read_item(item, modalities_of)
            uid = uid_of(header, Tag.STUDY_INSTANCE_UID)
            seen.add(uid)
            if not modalities or modalities & set(NEW_FILMS):
                found[uid] = header.text(Tag.STUDY_DATE), read_item(item, _count)
        if len(seen) == before:
            return


def _page(client: DICOMwebClient, filters: dict[str, str], offset: int) -> list[dict[str, Any]]:
    return data_sets(
        answered(
            lambda: client.search_for_studies(
                limit=PAGE,
                offset=offset,
                fields=["ModalitiesInStudy", "NumberOfStudyRelatedInstances"],
                search_filters=filters,
            )
        )
    )


def _count(item: dict[str, Any]) -> int:
    values = item.get(_INSTANCES, {}).get("Value") or (-1,)
    return int(values[0])
