"""A path to a film, or to what its header says, in this process; use the worker for strange files.

Use :class:`~cxr_agent.imaging.Decoder` unless the process is already limited in memory and time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, TypeVar

from cxr_agent.errors import CxrAgentError, InputCode, InputError
from cxr_agent.imaging.dicom_directory import DirectoryFile, directory_files
from cxr_agent.imaging.dicom_file import read_dicom_file
from cxr_agent.imaging.dicom_film import dicom_film
from cxr_agent.imaging.dicom_key import dicom_key
from cxr_agent.imaging.dicom_pixels import pixel_layout, stored_pixels
from cxr_agent.imaging.film import DecodedFilm
from cxr_agent.imaging.header_rules import check_object
from cxr_agent.imaging.heading import Heading, dicom_heading
from cxr_agent.imaging.paths import open_film, read_all, read_start
from cxr_agent.imaging.patient_key import PatientKey
from cxr_agent.imaging.raster import jpeg_film, jpeg_raster, png_film, png_raster
from cxr_agent.imaging.refusal import refusal
from cxr_agent.imaging.sniff import SNIFF_BYTES, FileKind, sniff
from cxr_agent.imaging.stored import StoredFilm

_T = TypeVar("_T")

_HEADER_BYTES: Final = 1 << 16
"""Holds the header of nearly every film."""
_CUT: Final = frozenset({InputCode.TRUNCATED, InputCode.CORRUPT_HEADER})
"""What a header looks like that is cut off."""


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
    return _guarded(dicom_key, data)


def heading_of(path: str) -> Heading:
    """What the header says of a film; an empty heading for a PNG or JPEG, which has none.

    As little of the file is read as holds the header, so a film with a heading may still turn
    out to be unreadable.

    Raises
    ------
    InputError
        With an :class:`~cxr_agent.errors.InputCode`.
    UnsuitableFilm
        ``unsupported_modality``, ``not_chest``.
    """
    descriptor, size = open_film(path)
    try:
        start = read_start(descriptor, _HEADER_BYTES)
        if sniff(start[:SNIFF_BYTES]) in (FileKind.PNG, FileKind.JPEG):
            return Heading()
        try:
            return _guarded(dicom_heading, start)
        except InputError as error:
            if size <= len(start) or error.code not in _CUT:
                raise
            return _guarded(dicom_heading, read_all(descriptor, size))
    finally:
        os.close(descriptor)


def directory_of(path: str) -> tuple[DirectoryFile, ...]:
    """The images that a DICOM directory lists.

    Raises
    ------
    InputError
        With an :class:`~cxr_agent.errors.InputCode`; ``not_an_image`` for a picture.
    """
    data, kind = _content(path)
    if kind in (FileKind.PNG, FileKind.JPEG):
        raise refusal(InputCode.NOT_AN_IMAGE)
    return _guarded(directory_files, data)


def stored_film(path: str) -> StoredFilm:
    """The file with the grey levels that it stores, whatever it shows.

    Raises
    ------
    InputError
        With an :class:`~cxr_agent.errors.InputCode`.
    """
    data, kind = _content(path)
    match kind:
        case FileKind.PNG:
            return StoredFilm(kind, data, _guarded(png_raster, data).upright)
        case FileKind.JPEG:
            return StoredFilm(kind, data, _guarded(jpeg_raster, data).upright)
        case _:
            return _guarded(lambda content: _dicom_stored(kind, content), data)


def _dicom_stored(kind: FileKind, data: bytes) -> StoredFilm:
    file = read_dicom_file(data)
    check_object(file.header)
    layout = pixel_layout(file.header)
    return StoredFilm(kind, data, stored_pixels(file, layout).indices, layout, file.header)


def _content(path: str) -> tuple[bytes, FileKind]:
    descriptor, size = open_film(path)
    try:
        kind = sniff(read_start(descriptor, SNIFF_BYTES))
        return read_all(descriptor, size), kind
    finally:
        os.close(descriptor)


def decode_bytes(data: bytes, kind: FileKind) -> DecodedFilm:
    """As :func:`decode`, for the content of a file."""
    readers = {FileKind.PNG: png_film, FileKind.JPEG: jpeg_film}
    return _guarded(readers.get(kind, dicom_film), data)


def _guarded(reader: Callable[[bytes], _T], data: bytes) -> _T:
    try:
        return reader(data)
    except (CxrAgentError, MemoryError):
        raise
    except Exception:
        # A fault of ours that a strange file found. Its text could quote the file: drop it.
        raise refusal(InputCode.DECODE_CRASH) from None
