"""Films of patients in archives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cxr_agent.imaging import Decoder, PriorSearch, load_study
from cxr_agent.interop.prior_source import prior_source
from cxr_agent.study import Study
from tests.imaging.films import dicom, ramp


def film(patient: str | None, number: int, **values: Any) -> bytes:
    """One of several films that differ in one corner; of a study of its own, unless it is told."""
    pixels = ramp()
    pixels[:4, :4] += number
    root = f"1.2.{sum(map(ord, patient or ''))}.{number}"
    facts = {
        "PatientID": patient,
        "StudyDate": "20200110",
        "StudyInstanceUID": root,
        "SeriesInstanceUID": f"{root}.1",
        "SOPInstanceUID": f"{root}.1.1",
    }
    return dicom(pixels, **{**facts, **values})


def search(url: str, current: Path, decoder: Decoder) -> tuple[Study, PriorSearch]:
    """Load a film with the priors that a server has."""
    told: list[PriorSearch] = []
    study = load_study(
        current, decoder=decoder, priors_from=prior_source(url), on_search=told.append
    )
    return study, told[0]
