"""What passes between a :class:`~cxr_agent.imaging.Decoder` and its worker.

A request says what is wanted, and the path of a file. An answer is a fixed header, a JSON object
and, where a film was wanted, the raw pixels. The worker has handled a file of unknown origin and is
not trusted: nothing it says is executed, unpickled or shown, and whatever does not fit is taken as
a crash.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

import numpy as np

from cxr_agent.errors import InputCode, InputError
from cxr_agent.imaging.dicom_directory import DirectoryFile
from cxr_agent.imaging.film import DecodedFilm, ordered
from cxr_agent.imaging.heading import Heading, heading_from, heading_record
from cxr_agent.imaging.limits import MAX_PIXELS, MAX_SIDE_PX
from cxr_agent.imaging.patient_key import PatientKey
from cxr_agent.imaging.refusal import refusal, refusal_from_name
from cxr_agent.study import (
    AgeGroup,
    FloatImage,
    Notice,
    PixelSpacing,
    SpacingKind,
    View,
)

READY: Final = b"CXRWORK3"
"""First thing that a worker says: the protocol and its version."""
REQUEST: Final = struct.Struct("<BI")
"""An :class:`Ask`, and the length of the path that follows."""
ANSWER: Final = struct.Struct("<4sIII")
"""Magic, length of the JSON object, rows and columns; both are zero where no pixels follow."""
MAGIC: Final = b"CXRF"
_FINGERPRINT: Final = re.compile(r"(?:[0-9a-f]{64})?")
MAX_PATH_BYTES: Final = 1 << 16
MAX_JSON_BYTES: Final = 1 << 14
MAX_DIRECTORY_BYTES: Final = 1 << 25
"""The JSON of a directory of 100,000 files."""


class Ask(IntEnum):
    """What is wanted of a file."""

    FILM = 1
    PATIENT = 2
    HEADING = 3
    DIRECTORY = 4


def film_answer(film: DecodedFilm) -> bytes:
    """Header and JSON object for ``film``; its pixels follow as little-endian float32."""
    spacing = film.spacing
    facts = {
        "view": film.view,
        "view_source": film.view_source,
        "age_group": film.age_group,
        "spacing": None if spacing is None else [spacing.row_mm, spacing.column_mm, spacing.kind],
        "notices": list(film.notices),
        "film_day": film.film_day,
        "patient": film.patient,
        "study": film.study,
    }
    text = json.dumps(facts).encode("ascii")
    return ANSWER.pack(MAGIC, len(text), *film.pixels.shape) + text


def patient_answer(key: PatientKey) -> bytes:
    """Header and JSON object for a key."""
    text = json.dumps({"patient_id": key.patient_id, "issuer": key.issuer}).encode("ascii")
    return ANSWER.pack(MAGIC, len(text), 0, 0) + text


def heading_answer(heading: Heading) -> bytes:
    """Header and JSON object for a heading."""
    return _facts_answer(heading_record(heading))


def directory_answer(files: tuple[DirectoryFile, ...]) -> bytes:
    """Header and JSON object for the files of a directory.

    Raises
    ------
    InputError
        ``metadata_bomb`` where they are too many to be told.
    """
    answer = _facts_answer({"files": [[*one.parts, one.passed] for one in files]})
    if len(answer) > MAX_DIRECTORY_BYTES:
        raise refusal(InputCode.METADATA_BOMB)
    return answer


def _facts_answer(facts: Mapping[str, Any]) -> bytes:
    text = json.dumps(facts).encode("ascii")
    return ANSWER.pack(MAGIC, len(text), 0, 0) + text


def refusal_answer(error: InputError) -> bytes:
    """Header and JSON object for a refusal: its code, and nothing else."""
    text = json.dumps({"refused": error.code}).encode("ascii")
    return ANSWER.pack(MAGIC, len(text), 0, 0) + text


def read_header(header: bytes, most: int = MAX_JSON_BYTES) -> tuple[int, int, int]:
    """Length of the JSON object, rows and columns, all within bounds.

    Raises
    ------
    InputError
        ``decode_crash`` for a header that no sound worker writes.
    """
    magic, length, rows, columns = ANSWER.unpack(header)
    sound = magic == MAGIC and length <= most
    if not sound or max(rows, columns) > MAX_SIDE_PX or rows * columns > MAX_PIXELS:
        raise refusal(InputCode.DECODE_CRASH)
    if (rows == 0) is not (columns == 0):
        raise refusal(InputCode.DECODE_CRASH)
    return length, rows, columns


def read_refusal(text: bytes) -> InputError:
    """The exception that a refusing answer stands for."""
    try:
        return refusal_from_name(str(json.loads(text)["refused"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return refusal(InputCode.DECODE_CRASH)


def read_patient(text: bytes) -> PatientKey:
    """The key of an answer.

    Raises
    ------
    InputError
        The refusal, if it is one; ``decode_crash`` when something does not fit.
    """
    try:
        facts = json.loads(text)
        return PatientKey(facts["patient_id"], facts["issuer"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise read_refusal(text) from None


def read_heading(text: bytes) -> Heading:
    """The heading of an answer; raises as :func:`read_patient`."""
    try:
        return heading_from(json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise read_refusal(text) from None


def read_directory(text: bytes) -> tuple[DirectoryFile, ...]:
    """The files of an answer; raises as :func:`read_patient`."""
    try:
        files = json.loads(text)["files"]
        return tuple(DirectoryFile(tuple(parts), passed) for *parts, passed in files)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise read_refusal(text) from None


def read_film(text: bytes, pixels: FloatImage) -> DecodedFilm:
    """The film of an answer, every value checked.

    Raises
    ------
    InputError
        ``decode_crash`` when something does not fit.
    """
    try:
        film = _film(json.loads(text), pixels)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise refusal(InputCode.DECODE_CRASH) from None
    if not (pixels.min() >= 0 and pixels.max() <= 1):  # false for NaN as well
        raise refusal(InputCode.DECODE_CRASH)
    return film


def _film(facts: dict[str, Any], pixels: FloatImage) -> DecodedFilm:
    spacing, day, source = facts["spacing"], facts["film_day"], facts["view_source"]
    if day is not None and not isinstance(day, int):
        raise TypeError
    if source not in ("header", "none"):
        raise ValueError
    if spacing is not None:
        row_mm, column_mm, kind = spacing
        spacing = PixelSpacing(float(row_mm), float(column_mm), SpacingKind(kind))
        if not (np.isfinite(spacing.row_mm) and np.isfinite(spacing.column_mm)):
            raise ValueError
    return DecodedFilm(
        pixels,
        view=View(facts["view"]),
        view_source=source,
        age_group=AgeGroup(facts["age_group"]),
        spacing=spacing,
        notices=ordered({Notice(name) for name in facts["notices"]}),
        film_day=day,
        patient=_fingerprint(facts["patient"]),
        study=_fingerprint(facts["study"]),
    )


def _fingerprint(told: Any) -> str:
    if not isinstance(told, str) or not _FINGERPRINT.fullmatch(told):
        raise ValueError
    return told
