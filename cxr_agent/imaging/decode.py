"""A path to a film, or to its patient's key, in this process; strange files belong in the worker.

Use :class:`~cxr_agent.imaging.Decoder` unless the process is already limited in memory and time.
"""

from __future__ import annotations

import os

from cxr_agent.errors import CxrAgentError, InputCode
from cxr_agent.imaging.dicom_film import dicom_film
from cxr_agent.imaging.dicom_key import dicom_key
from cxr_agent.imaging.film import DecodedFilm
from cxr_agent.imaging.paths import open_film, read_all, read_start
from cxr_agent.imaging.patient_key import PatientKey
from cxr_agent.imaging.raster import jpeg_film, png_film
from cxr_agent.imaging.refusal import refusal
from cxr_agent.imaging.sniff import SNIFF_BYTES, FileKind, sniff


def decode(path: str) -> DecodedFilm:
    """Read one film.

    Parameters
    ----------
    path
        Any file name; bytes that are no UTF-8 as surrogate escapes (:func:`os.fsdecode`).

    Raises
    ------
    InputError
        With an :class:`~cxr_agent.errors.InputCode`.
    UnsuitableFilm
        With an :class:`~cxr_agent.errors.UnsuitableCode`.
    """
    film = decode_bytes(*_content(path))
    film.pixels.setflags(write=False)
    return film


def patient_of(path: str) -> PatientKey:
    """By what an archive knows the patient of a film; an empty key where no header tells.

    Raises
    ------
    InputError
        With an :class:`~cxr_agent.errors.InputCode`.
    """
    data, kind = _content(path)
    if kind in (FileKind.PNG, FileKind.JPEG):
        return PatientKey()
    try:
        return dicom_key(data)
    except (CxrAgentError, MemoryError):
        raise
    except Exception:
        raise refusal(InputCode.DECODE_CRASH) from None  # as below


def _content(path: str) -> tuple[bytes, FileKind]:
    descriptor, size = open_film(path)
    try:
        kind = sniff(read_start(descriptor, SNIFF_BYTES))
        return read_all(descriptor, size), kind
    finally:
        os.close(descriptor)


def decode_bytes(data: bytes, kind: FileKind) -> DecodedFilm:
    """As :func:`decode`, for the content of a file."""
    try:
        if kind is FileKind.PNG:
            return png_film(data)
        if kind is FileKind.JPEG:
            return jpeg_film(data)
        return dicom_film(data)
    except (CxrAgentError, MemoryError):
        raise
    except Exception:
        # A fault of ours that a strange file found. Its text could quote the file: drop it.
        raise refusal(InputCode.DECODE_CRASH) from None
