"""Small films in every format, built for the tests."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom import config
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from cxr_agent.errors import InputCode, InputError
from cxr_agent.imaging.decode import decode_bytes
from cxr_agent.imaging.film import DecodedFilm
from cxr_agent.imaging.sniff import SNIFF_BYTES, sniff

DX = "1.2.840.10008.5.1.4.1.1.1.1"
SHAPE = (96, 80)


def read(data: bytes) -> DecodedFilm:
    """Decode in this process."""
    return decode_bytes(data, sniff(data[:SNIFF_BYTES]))


def survives(data: bytes) -> None:
    """A film in range, or a reasoned refusal; a fault of ours shows as ``decode_crash``."""
    try:
        film = read(data)
    except InputError as error:
        code = error.code
    else:
        code = ""
        assert 0 <= film.pixels.min() <= film.pixels.max() <= 1
    assert code != InputCode.DECODE_CRASH


def ramp(bits: int = 12) -> NDArray[Any]:
    """A diagonal ramp over the whole range, different in each corner."""
    rows, columns = np.indices(SHAPE)
    share = (2 * rows + columns) / (2 * SHAPE[0] + SHAPE[1] - 3)
    return np.rint(share * (2**bits - 1)).astype(np.uint8 if bits <= 8 else np.uint16)


def png(pixels: NDArray[Any], **options: Any) -> bytes:
    """A PNG of an array, by Pillow."""
    return saved(Image.fromarray(pixels), "PNG", **options)


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """A Pillow picture as the bytes of a file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def jpeg(pixels: NDArray[Any], **options: Any) -> bytes:
    """A JPEG of an array, by Pillow."""
    return saved(Image.fromarray(pixels), "JPEG", **options)


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk with a good checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(data: bytes, kind: bytes, body: bytes, *, before: bytes = b"IDAT") -> bytes:
    """A PNG with one more chunk."""
    at = data.index(before) - 4
    return data[:at] + chunk(kind, body) + data[at:]


@contextmanager
def anything_goes() -> Iterator[None]:
    """pydicom writes what it is told."""
    settings = config.settings
    kept = settings.reading_validation_mode, settings.writing_validation_mode
    settings.reading_validation_mode = settings.writing_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        settings.reading_validation_mode, settings.writing_validation_mode = kept


def data_set(pixels: NDArray[Any], *, bits: int, syntax: str, **values: Any) -> FileDataset:
    """A DX image; a keyword of ``None`` leaves the element out."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DX
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.TransferSyntaxUID = syntax
    made = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    defaults: dict[str, Any] = {
        "SOPClassUID": DX,
        "SOPInstanceUID": "1.2.3.4",
        "Modality": "DX",
        "StudyDate": "20190314",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PatientOrientation": ["L", "F"],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": 8 * pixels.itemsize,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
    }
    for name, value in {**defaults, **values}.items():
        if value is not None:
            setattr(made, name, value)
    made.PixelData = pixels.tobytes()
    made["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"
    return made


def dicom(
    pixels: NDArray[Any] | None = None,
    *,
    bits: int = 12,
    syntax: str = ExplicitVRLittleEndian,
    compress: str | None = None,
    **values: Any,
) -> bytes:
    """A DICOM file; see :func:`data_set`."""
    with anything_goes():
        made = data_set(ramp() if pixels is None else pixels, bits=bits, syntax=syntax, **values)
        if compress is not None:
            made.compress(compress, generate_instance_uid=False)
        file = io.BytesIO()
        pydicom.dcmwrite(file, made, enforce_file_format=True)
    return file.getvalue()


def lut(first: int, entries: list[int], bits: int, *, count: int | None = None) -> pydicom.Dataset:
    """An item of a Modality or VOI LUT Sequence."""
    item = pydicom.Dataset()
    item.add_new(0x00283002, "US", [len(entries) if count is None else count, first, bits])
    item.ModalityLUTType = "US"
    item.add_new(0x00283006, "OW", np.array(entries, dtype="<u2").tobytes())
    return item
