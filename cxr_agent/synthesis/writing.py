"""Synthetic films as files, each with the mark that :mod:`cxr_agent.imaging.synthetic` looks for.

No name, number or date of the CT's patient is ever read, so none can be written.

References
----------
DICOM PS3.3 A.26 (Digital X-Ray Image IOD), C.8.11; C.12.1 (Synthetic Data).
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cxr_agent.imaging.synthetic import PNG_KEYWORD
from cxr_agent.study import FloatImage
from cxr_agent.synthesis.drr import Radiograph, true_values
from cxr_agent.synthesis.geometry import Beam, Projection
from cxr_agent.synthesis.geometry_file import projection_record
from cxr_agent.synthesis.refusal import library_missing
from cxr_agent.synthesis.volume import Points

if TYPE_CHECKING:
    from pydicom import Dataset

MARK: Final = "SYNTHETIC: digitally reconstructed radiograph (DRR) of a CT; not a patient's film"
WrittenFiles = dict[str, bytes]
_DX: Final = "1.2.840.10008.5.1.4.1.1.1.1"
_EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
_LEVELS: Final = 4095
_VIEW_CODES: Final = {
    Beam.PA: ("272479007", "postero-anterior"),
    Beam.AP: ("399348003", "antero-posterior"),
    Beam.LATERAL: ("399173006", "left lateral"),
}
_VIEWS: Final = {Beam.PA: "PA", Beam.AP: "AP", Beam.LATERAL: "LL"}
_ORIENTATIONS: Final = {Beam.PA: ["L", "F"], Beam.AP: ["L", "F"], Beam.LATERAL: ["P", "F"]}


def png_bytes(pixels: FloatImage, mark: str = MARK, program: str = "drr") -> bytes:
    """An 8-bit PNG with the mark in a text chunk.

    Parameters
    ----------
    mark
        What says how it was made; that there is one is what makes the film synthetic.
    program
        The command that made it.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    marked = PngInfo()
    marked.add_itxt(PNG_KEYWORD, mark)
    marked.add_text("Software", f"cxr-agent {program}")
    file = io.BytesIO()
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(file, "PNG", pnginfo=marked)
    return file.getvalue()


def dicom_bytes(made: Radiograph) -> bytes:
    """A Digital X-Ray Image for presentation, of 12 bits, with the marks.

    Raises
    ------
    UsageError
        ``pydicom_missing``.
    """
    try:
        from pydicom.uid import generate_uid
    except ModuleNotFoundError:
        raise library_missing("pydicom", "dicom") from None
    instance = generate_uid()
    image = _header(made, instance)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that this version does not know yet
        image.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _header(made: Radiograph, instance: str) -> Dataset:
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, generate_uid

    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.MediaStorageSOPClassUID = UID(_DX)
    image.file_meta.MediaStorageSOPInstanceUID = UID(instance)
    image.file_meta.TransferSyntaxUID = UID(_EXPLICIT_LITTLE)
    image.SOPClassUID, image.SOPInstanceUID = _DX, instance
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    for keyword in (
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
        *("AccessionNumber", "ReferringPhysicianName", "StudyID", "ContentDate", "ContentTime"),
    ):
        setattr(image, keyword, "")
    image.Modality, image.PresentationIntentType = "DX", "FOR PRESENTATION"
    image.Manufacturer, image.SoftwareVersions = "cxr-agent", "drr"
    image.SeriesNumber, image.InstanceNumber = 1, 1
    image.SeriesDescription = "SYNTHETIC DRR of chest CT"
    _mark(image)
    _place(image, made.projection)
    _pixels(image, made.pixels)
    return image


def _mark(image: Dataset) -> None:
    image.SyntheticData = "YES"
    image.ImageType = ["DERIVED", "SECONDARY"]
    image.DerivationDescription = MARK
    image.ContentQualification = "RESEARCH"
    image.BurnedInAnnotation = "NO"
    image.RecognizableVisualFeatures = "NO"
    image.QualityControlImage = "NO"


def _place(image: Dataset, projection: Projection) -> None:
    image.BodyPartExamined = "CHEST"
    image.AnatomicRegionSequence = [_code("51185008", "Chest")]
    image.ImageLaterality = "U"
    image.ViewPosition = _VIEWS[projection.beam]
    code, meaning = _VIEW_CODES[projection.beam]
    image.ViewCodeSequence = [_code(code, meaning)]
    image.PatientOrientation = _ORIENTATIONS[projection.beam]
    lying = projection.beam is Beam.AP
    posture = ("102538003", "Recumbent body position") if lying else ("10904000", "Erect")
    image.PatientOrientationCodeSequence = [_code(*posture)]
    image.PositionerType = ""
    image.AcquisitionContextSequence = []
    image.DetectorType = None
    image.ImagerPixelSpacing = [_decimal(projection.pixel_mm)] * 2
    image.DistanceSourceToDetector = _decimal(projection.source_detector_mm)
    to_patient = projection.source_detector_mm - projection.isocentre_detector_mm
    image.DistanceSourceToPatient = _decimal(to_patient)
    image.EstimatedRadiographicMagnificationFactor = _decimal(projection.magnification)


def _code(value: str, meaning: str) -> Dataset:
    from pydicom import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def _decimal(number: float) -> str:
    return f"{number:.8g}"


def _pixels(image: Dataset, pixels: FloatImage) -> None:
    image.Rows, image.Columns = pixels.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation, image.PresentationLUTShape = 0, "IDENTITY"
    image.PixelIntensityRelationship, image.PixelIntensityRelationshipSign = "LOG", -1
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = "0", "1", "US"
    image.WindowCenter, image.WindowWidth = "2048", "4096"
    image.LossyImageCompression = "00"
    image.PixelData = np.rint(pixels * _LEVELS).astype("<u2").tobytes()


def geometry_json(projection: Projection, facts: Mapping[str, Any]) -> bytes:
    """``geometry.json``: how the film was made."""
    return _json({"synthetic": True, "mark": MARK} | projection_record(projection) | dict(facts))


def truth_json(
    values: Mapping[str, float | None], landmarks: Mapping[str, tuple[float, float]]
) -> bytes:
    """``truth.json``: what is true of the film, in film pixels and mm at the detector."""
    return _json(
        {"synthetic": True, "mark": MARK, "values": dict(values), "landmarks_px": dict(landmarks)}
    )


def _json(record: dict[str, Any]) -> bytes:
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


def written_files(made: Radiograph, landmarks: Mapping[str, Points], **facts: Any) -> WrittenFiles:
    """All files that belong to a film, by name, but for the film itself."""
    from cxr_agent.toolbox.png import bit_file

    masks = {f"masks/{name}.png": bit_file(mask) for name, mask in made.masks.items()}
    return {
        **masks,
        "geometry.json": geometry_json(made.projection, facts),
        "truth.json": truth_json(true_values(made), made.landmarks(landmarks)),
    }
