"""Which films of a DICOMweb server are worth fetching, and fetching those.

References
----------
DICOM PS3.18 10.6 (QIDO-RS: studies of a patient up to a day), 10.4.1.1.2 (metadata of a study),
10.4.1.1.1 (one instance).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import requests
from dicomweb_client import DICOMwebClient

from cxr_agent.errors import InputError, PriorCode, RemoteCode, UnsuitableCode
from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.dicom_values import Header
from cxr_agent.imaging.fingerprint import fingerprint
from cxr_agent.imaging.header_rules import check_object, check_region, view_facts
from cxr_agent.imaging.patient_key import PatientKey
from cxr_agent.imaging.prior_search import MAX_PRIORS
from cxr_agent.imaging.refusal import refusal
from cxr_agent.interop.dicomweb_http import ServerFailure, bounded_session
from cxr_agent.interop.dicomweb_json import json_header
from cxr_agent.interop.dicomweb_limits import (
    CONNECT_S,
    MAX_FILMS_PER_STUDY,
    MAX_STUDIES,
    MAX_STUDIES_ASKED,
    SILENCE_S,
)
from cxr_agent.study import View

_T = TypeVar("_T")

_UID: Final = re.compile(r"\d[\d.]{0,63}", re.ASCII)
"""Not as strict as PS3.5 9.1, which films break; but always one step of a path."""
_MODALITIES_IN_STUDY: Final = "00080061"
RADIOGRAPHS: Final = frozenset({"CR", "DX", "DR", "RG", "OT", "SC"})
"""Modalities under which a chest film may stand; what it is, its own header says."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose films are looked for, and what they are to be priors of."""

    key: PatientKey
    until: str
    """Latest day, ``YYYYMMDD``; empty where the current film has no date."""
    studies: frozenset[str]
    """Fingerprints of the current films' studies."""
    views: frozenset[View]


@dataclass(slots=True)
class Search:
    """One search; films land in ``folder`` as files of DICOM."""

    server: DICOMwebClient
    wanted: Wanted
    folder: Path
    passed: Counter[str] = field(default_factory=Counter)
    """Films and studies that are not fetched, by code."""
    fetched: int = 0
    cut: bool = False
    failure: ServerFailure | None = None
    """The first."""

    def run(self) -> None:
        """Fetch the best films of the newest studies.

        Raises
        ------
        ServerFailure
            When there is not even a list of studies, or some film could not be had and none was.
        """
        studies = self._studies()
        self.cut = self.cut or len(studies) > MAX_STUDIES_ASKED
        with_films = 0
        for uid in studies[:MAX_STUDIES_ASKED]:
            if with_films == MAX_PRIORS:
                self.cut = True
                break
            before = self.fetched
            for film in (self._tried(self._films, uid) or [])[:MAX_FILMS_PER_STUDY]:
                self._tried(self._fetch, uid, film)
            with_films += self.fetched > before
            if RemoteCode.UNREACHABLE in self.passed:
                break  # the next would wait as long
        if self.failure is not None and not self.fetched:
            raise self.failure

    def _tried(self, call: Callable[..., _T], *what: Any) -> _T | None:
        """What ``call`` gives; None for a failure, which costs only what was asked for."""
        try:
            return call(*what)
        except ServerFailure as failure:
            self.failure = self.failure or failure
            self.passed[failure.code] += 1
            return None

    def _studies(self) -> list[str]:
        """UIDs of the patient's studies that may hold a prior, the newest first."""
        filters = {"PatientID": self.wanted.key.patient_id}
        if self.wanted.until:
            filters["StudyDate"] = f"-{self.wanted.until}"
        listed: list[dict[str, Any]] = []
        if issuer := self.wanted.key.issuer:
            listed = self._listed({**filters, "IssuerOfPatientID": issuer})
        if not listed:  # many an archive keeps no issuer; where a film names one, it is compared
            listed = self._listed(filters)
        found: list[tuple[str, str]] = []
        for item in listed:
            header, modalities = read_item(item, json_header), read_item(item, modalities_of)
            uid, day = uid_of(header, Tag.STUDY_INSTANCE_UID), header.text(Tag.STUDY_DATE)
            if fingerprint(uid) in self.wanted.studies:
                self.passed[PriorCode.SAME_STUDY] += 1
            elif day and self.wanted.until and day > self.wanted.until:
                self.passed[PriorCode.LATER_FILM] += 1
            elif modalities and not modalities & RADIOGRAPHS:
                self.passed[UnsuitableCode.UNSUPPORTED_MODALITY] += 1
            else:
                found.append((day, uid))
        return [uid for _, uid in sorted(found, reverse=True)]

    def _listed(self, filters: dict[str, str]) -> list[dict[str, Any]]:
        listed = answered(
            lambda: self.server.search_for_studies(
                limit=MAX_STUDIES, fields=["ModalitiesInStudy"], search_filters=filters
            )
        )
        self.cut = len(listed) >= MAX_STUDIES
        return data_sets(listed)

    def _films(self, study: str) -> list[Header]:
        """The frontal chest films of a study, the current film's projection first."""
        listed = answered(lambda: self.server.retrieve_study_metadata(study))
        found: list[tuple[int, Header]] = []
        for item in data_sets(listed):
            header = read_item(item, json_header)
            try:
                found.append((self._fit(header), header))
            except InputError as error:
                self.passed[error.code] += 1
        return [header for _, header in sorted(found, key=lambda pair: pair[0])]

    def _fit(self, header: Header) -> int:
        """0 for the projection of a current film, 1 for an unknown one, 2 for another.

        Raises
        ------
        InputError
            For what the header says is no frontal chest film of the patient.
        """
        key = self.wanted.key
        issuer = header.text(Tag.ISSUER_OF_PATIENT_ID)
        if header.text(Tag.PATIENT_ID) != key.patient_id or (
            issuer and key.issuer and issuer != key.issuer
        ):
            raise refusal(PriorCode.OTHER_PATIENT)
        check_object(header)
        check_region(header)
        view = view_facts(header).view
        return 1 if view is View.UNKNOWN else 0 if view in self.wanted.views else 2

    def _fetch(self, study: str, film: Header) -> None:
        series, instance = uid_of(film, Tag.SERIES_INSTANCE_UID), uid_of(film, Tag.SOP_INSTANCE_UID)
        data_set = answered(lambda: self.server.retrieve_instance(study, series, instance))
        path = self.folder / f"{self.fetched + 1}.dcm"
        answered(lambda: data_set.save_as(path, enforce_file_format=True))
        self.fetched += 1


def searched(
    url: str, login: tuple[str, str] | None, token: str, wanted: Wanted, folder: Path
) -> Search:
    """Search a server and fetch what is worth it; raises as :meth:`Search.run`."""
    with bounded_session(login, token) as session:
        client = client_of(url, session)
        search = Search(client, wanted, folder)
        search.run()
    return search


def client_of(url: str, session: requests.Session) -> DICOMwebClient:
    """A client that neither waits long nor asks twice."""
    client = answered(
        lambda: DICOMwebClient(
            url, session=session, permissive_uid=True, timeout=(CONNECT_S, SILENCE_S)
        )
    )
    client.set_http_retry_params(retry=False)
    return client


def answered(call: Callable[[], _T]) -> _T:
    """What ``call`` gives; whatever a library makes of a strange answer is one failure."""
    try:
        return call()
    except ServerFailure:
        raise
    except Exception:
        raise ServerFailure(RemoteCode.BAD_ANSWER) from None


def read_item(item: dict[str, Any], reader: Callable[[dict[str, Any]], _T]) -> _T:
    return answered(lambda: reader(item))


def uid_of(header: Header, tag: Tag) -> str:
    uid = header.text(tag)
    if not _UID.fullmatch(uid):
        raise ServerFailure(RemoteCode.BAD_ANSWER)
    return uid


def data_sets(listed: Sequence[Any]) -> list[dict[str, Any]]:
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise ServerFailure(RemoteCode.BAD_ANSWER)
    return listed


def modalities_of(item: dict[str, Any]) -> frozenset[str]:
    return frozenset(map(str, item.get(_MODALITIES_IN_STUDY, {}).get("Value") or ()))
