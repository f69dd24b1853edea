"""The patient's key out of a file's header; the pixels are not even looked at."""

from __future__ import annotations

from cxr_agent.imaging.dicom_file import read_dicom_file
from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.patient_key import PatientKey, is_askable


def dicom_key(data: bytes) -> PatientKey:
    """By what an archive knows the patient of a DICOM file.

    Raises
    ------
    InputError
        What :func:`~cxr_agent.imaging.dicom_file.read_dicom_file` raises.
    """
    header = read_dicom_file(data, stop_after=Tag.ISSUER_OF_PATIENT_ID).header
    texts = [header.text(tag) for tag in (Tag.PATIENT_ID, Tag.ISSUER_OF_PATIENT_ID)]
    return PatientKey(*(text if is_askable(text) else "" for text in texts))
