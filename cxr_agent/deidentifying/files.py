"""Files of the copies: DICOM anew from the preamble on, pictures as PNG with nothing but pixels."""

from __future__ import annotations

import io
import warnings
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.deidentifying.header import HeaderCleaner
from cxr_agent.deidentifying.options import Options
from cxr_agent.deidentifying.pixels import Masked, signed_values, without_writing
from cxr_agent.deidentifying.pseudonyms import Pseudonyms
from cxr_agent.errors import InputCode, UsageError
from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.refusal import refusal
from cxr_agent.imaging.stored import StoredFilm

_DEFLATE: Final = 6


def dicom_copy(
    film: StoredFilm, pseudonyms: Pseudonyms, options: Options
) -> tuple[bytes, Masked | None]:
    """The DICOM file of a copy, uncompressed.

    Raises
    ------
    UsageError
        ``pydicom_missing``.
    InputError
        ``corrupt_header`` for a header that cannot be taken apart.
    """
    assert film.layout is not None
    assert film.header is not None
    values = signed_values(film.indices, film.layout)
    masked = None
    if options.mask_text:
        masked = without_writing(
            values, black=int(values.max()) if film.layout.monochrome1 else None
        )
        values = masked.values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote values
        return _dicom_file(film, values, pseudonyms, options), masked


def picture_copy(film: StoredFilm, options: Options) -> tuple[bytes, Masked | None]:
    """The PNG file of a copy."""
    from PIL import Image

    values: NDArray[Any] = film.indices
    masked = without_writing(values) if options.mask_text else None
    if masked is not None:
        values = masked.values
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(values)).save(buffer, "PNG", compress_level=_DEFLATE)
    return buffer.getvalue(), masked


def _dicom_file(
    film: StoredFilm, values: NDArray[Any], pseudonyms: Pseudonyms, options: Options
) -> bytes:
    try:
        import pydicom
        from pydicom.dataset import FileDataset, FileMetaDataset
        from pydicom.uid import ExplicitVRLittleEndian
    except ImportError:
        raise UsageError(
            "pydicom_missing",
            "pydicom is not installed",
            hint="pip install 'cxr-agent[dicom]'",
        ) from None
    try:
        header = pydicom.dcmread(io.BytesIO(film.data), force=True, stop_before_pixels=True)
    except Exception:  # its text could quote the file
        raise refusal(InputCode.CORRUPT_HEADER) from None
    cleaned = _cleaner(film, pseudonyms, options).cleaned(header)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", cleaned, file_meta=meta, preamble=bytes(128))
    _complete(made, film, pseudonyms)
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    _put_pixels(made, film, values)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()


def _cleaner(film: StoredFilm, pseudonyms: Pseudonyms, options: Options) -> HeaderCleaner:
    assert film.header is not None
    header = film.header
    patient_id, issuer = header.text(Tag.PATIENT_ID), header.text(Tag.ISSUER_OF_PATIENT_ID)
    patient = pseudonyms.patient(patient_id, issuer)
    # A film of nobody keeps its intervals within its own study at least.
    whose = f"patient {issuer}\\{patient_id}" if patient else header.text(Tag.STUDY_INSTANCE_UID)
    return HeaderCleaner(pseudonyms, options, patient, pseudonyms.days(whose))


def _complete(made: Any, film: StoredFilm, pseudonyms: Pseudonyms) -> None:
    """What no object goes without, where the source had none."""
    from pydicom.uid import ComputedRadiographyImageStorage

    if not made.get("SOPClassUID"):
        made.SOPClassUID = ComputedRadiographyImageStorage
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        if not made.get(keyword):
            setattr(made, keyword, pseudonyms.uid(keyword + pseudonyms.file_name(film.data)))


def _put_pixels(made: Any, film: StoredFilm, values: NDArray[Any]) -> None:
    assert film.layout is not None
    layout = film.layout
    made.SamplesPerPixel = 1
    made.PhotometricInterpretation = "MONOCHROME1" if layout.monochrome1 else "MONOCHROME2"
    made.Rows, made.Columns = values.shape
    made.BitsAllocated = 8 * values.itemsize
    made.BitsStored = layout.bits
    made.HighBit = layout.bits - 1
    made.PixelRepresentation = int(layout.signed)
    data = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()
    made.PixelData = data + b"\0" * (len(data) % 2)
    made["PixelData"].VR = "OB" if values.itemsize == 1 else "OW"
