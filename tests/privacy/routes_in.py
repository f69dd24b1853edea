"""Films with identifiers in every field that a format has."""

# ruff: noqa: SIM905 (a list of words is easier to read as words)
from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydicom
from PIL import Image, PngImagePlugin
from pydicom import Dataset
from pydicom.datadict import DicomDictionary

from cxr_agent.testing.phantom import PhantomSpec, draw
from tests.cli.program import levels
from tests.imaging.films import anything_goes, chunk, data_set
from tests.privacy.canaries import Planted

_TEXTS: Final = frozenset("AE CS LO LT PN SH ST UC UR UT".split())
_DAYS: Final = frozenset({"DA", "DT"})
_NUMBERS: Final = frozenset({"DS", "IS"})
# What the pixels and the choice of what is read rest on; a film with a name there is refused, and
# refusals have a test of their own.
_NEEDED: Final = frozenset(
    "SOPClassUID Modality PhotometricInterpretation SpecificCharacterSet PatientOrientation "
    "BodyPartExamined ViewPosition PixelSpacing ImagerPixelSpacing NumberOfFrames StudyDate "
    "PatientAge PatientBirthDate NominalScannedPixelSpacing PixelAspectRatio RescaleSlope "
    "RescaleIntercept WindowCenter WindowWidth VOILUTFunction PresentationLUTShape "
    "PresentationIntentType PixelIntensityRelationship EstimatedRadiographicMagnificationFactor "
    "PatientSpeciesDescription SamplesPerPixel SeriesDescription StudyDescription ProtocolName "
    "AdmittingDiagnosesDescription ContentDate AcquisitionDate SeriesDate "
    "AcquisitionDateTime".split()
)
SYNTAX: Final = "1.2.840.10008.1.2.1"


def phantom_levels(bits: int, seed: int = 0) -> Any:
    return levels(draw(PhantomSpec(), 512).pixels, bits)


def marked(planted: Planted, vr: str, place: str) -> str:
    """An identifier as a field of this kind takes it; empty where none fits."""
    if vr in _TEXTS:
        return planted.word(place)
    if vr == "UI":
        return planted.uid(place)
    if vr in _DAYS:
        return planted.day(place)
    if vr in _NUMBERS:
        return planted.number(place)
    return ""


def full_dicom(planted: Planted) -> bytes:
    """A film with an identifier in every attribute of the dictionary that can hold one, in nested
    sequences, private elements, file meta information and preamble."""
    made = data_set(phantom_levels(12), bits=12, syntax=SYNTAX)
    with anything_goes():
        for tag, (vr, _, _, _, keyword) in sorted(DicomDictionary.items()):
            if keyword in _NEEDED or tag >> 16 in (0x0000, 0x0002, 0x0004, 0xFFFE):
                continue
            text = marked(planted, vr, keyword or f"{tag:08X}")
            if text:
                made.add_new(tag, vr, text)
        made.add(_nested(planted, 4))
        made.AdmittingDiagnosesDescription = planted.word("AdmittingDiagnosesDescription")
        made.StudyDescription = planted.word("StudyDescription")
        made.SeriesDescription = planted.word("SeriesDescription")
        _private(made, planted)
        made.file_meta.MediaStorageSOPInstanceUID = planted.uid("file meta: instance")
        made.file_meta.SourceApplicationEntityTitle = planted.word("file meta: AE")
        made.file_meta.ImplementationVersionName = planted.word("file meta: version")
        made.file_meta.PrivateInformationCreatorUID = planted.uid("file meta: private")
        made.file_meta.PrivateInformation = planted.word("file meta: private").encode() + b"\0"
        made.preamble = planted.word("preamble").encode().ljust(128, b"\0")
        file = io.BytesIO()
        pydicom.dcmwrite(file, made, enforce_file_format=True)
    return file.getvalue()


def _nested(planted: Planted, depth: int) -> pydicom.DataElement:
    item = Dataset()
    item.PatientName = planted.word(f"sequence, {depth} from the bottom")
    item.StudyInstanceUID = planted.uid(f"sequence, {depth} from the bottom")
    item.PatientBirthDate = planted.day(f"sequence, {depth} from the bottom")
    item.CodeMeaning = planted.word(f"code, {depth} from the bottom")
    if depth:
        item.add(_nested(planted, depth - 1))
    return pydicom.DataElement(0x00081250, "SQ", [item])  # Related Series Sequence


def _private(made: Dataset, planted: Planted) -> None:
    for group in (0x0009, 0x0019, 0x0021, 0x0029, 0x7FE1):
        block = made.private_block(group, planted.word(f"private creator {group:04X}"), create=True)
        for at, vr in enumerate(("LO", "UT", "PN", "UI", "DA", "UN", "OB")):
            place = f"private {group:04X} {vr}"
            text = (
                planted.word(place).encode() if vr in ("UN", "OB") else marked(planted, vr, place)
            )
            block.add_new(at + 1, vr, text)
        item = Dataset()
        item.PatientName = planted.word(f"private sequence {group:04X}")
        block.add_new(0x20, "SQ", [item])


def png_film(planted: Planted) -> bytes:
    """A PNG with every chunk of words."""
    words = PngImagePlugin.PngInfo()
    for key in ("Title", "Author", "Description", "Comment", "Patient"):
        words.add_text(key, planted.word(f"tEXt {key}"))
        words.add_text(f"{key}-z", planted.word(f"zTXt {key}"), zip=True)
        words.add_itxt(f"{key}-i", planted.word(f"iTXt {key}"), zip=True)
    words.add_itxt("XML:com.adobe.xmp", _xmp(planted.word("XMP of a PNG")))
    exif = Image.Exif()
    for tag in (0x010E, 0x013B, 0x8298):
        exif[tag] = planted.word(f"EXIF {tag:04X} of a PNG")
    buffer = io.BytesIO()
    picture = Image.fromarray(phantom_levels(8))
    picture.save(buffer, "PNG", pnginfo=words, exif=exif)
    data = buffer.getvalue()
    own = chunk(b"prVt", planted.word("private chunk").encode())
    return data[:-12] + own + data[-12:] + planted.word("behind a PNG").encode()


def jpeg_film(planted: Planted) -> bytes:
    """A JPEG with comments and application segments."""
    exif = Image.Exif()
    for tag in (0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x8298):
        exif[tag] = planted.word(f"EXIF {tag:04X} of a JPEG")
    buffer = io.BytesIO()
    Image.fromarray(phantom_levels(8)).save(
        buffer,
        "JPEG",
        quality=95,
        exif=exif,
        comment=planted.word("JPEG comment").encode(),
        xmp=_xmp(planted.word("XMP of a JPEG")).encode(),
    )
    data = buffer.getvalue()
    segment = b"Photoshop 3.0\0" + planted.word("APP13").encode()
    return (
        data[:2]
        + b"\xff\xed"
        + struct.pack(">H", len(segment) + 2)
        + segment
        + data[2:]
        + planted.word("behind a JPEG").encode()
    )


def _xmp(word: str) -> str:
    return f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><dc:creator>{word}</dc:creator></x:xmpmeta>"


def refused_films(planted: Planted) -> dict[str, bytes]:
    """Files that are refused for what their fields say, with names in those fields."""
    pixels = np.asarray(phantom_levels(12))
    made = {}
    fields: dict[str, dict[str, Any]] = {
        "modality": {"Modality": planted.word("Modality")},
        "part": {"BodyPartExamined": "HAND", "StudyDescription": planted.word("hand")},
        "photometric": {"PhotometricInterpretation": planted.word("Photometric")},
        "frames": {"NumberOfFrames": planted.number("NumberOfFrames")},
        "class": {"SOPClassUID": planted.uid("SOPClassUID")},
        "view": {"ViewPosition": "LL", "PatientName": planted.word("lateral")},
    }
    for name, values in fields.items():
        with anything_goes():
            data = data_set(pixels, bits=12, syntax=SYNTAX, **values)
            file = io.BytesIO()
            pydicom.dcmwrite(file, data, enforce_file_format=True)
        made[f"{name}.dcm"] = file.getvalue()
    made["cut.dcm"] = made["view.dcm"][:5000]
    made["letter.txt"] = f"Dear {planted.word('letter')}, here is the film.\n".encode() * 20
    return made


def write_all(folder: Path, films: dict[str, bytes]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in films.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in films]
