"""CT volumes as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from cxr_agent.synthesis.volume import Volume

_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def nifti(path: Path, values: Any, affine: Any) -> Path:
    """A NIfTI file of values on a grid of LPS."""
    nibabel.save(nibabel.Nifti1Image(values, _RAS @ affine), path)
    return path


def labelled(folder: Path, volume: Volume) -> Path:
    """A NIfTI file of numbers with its names beside it."""
    numbers = np.zeros(volume.hu.shape, dtype=np.uint8)
    for number, mask in enumerate(volume.labels.values(), 1):
        numbers[mask] = number
    names = dict(enumerate(volume.labels, 1))
    (folder / "labels.json").write_text(json.dumps(names))
    return nifti(folder / "labels.nii.gz", numbers, volume.affine)


def series(folder: Path, volume: Volume, **changed: Any) -> Path:
    """A DICOM series, its files in an order that says nothing of where they lie."""
    folder.mkdir()
    uid, study = generate_uid(), generate_uid()
    for k in range(volume.hu.shape[2]):
        image = slice_of(volume, k, uid, study)
        for keyword, value in changed.items():
            setattr(image, keyword, value)
        save(image, folder / f"{(k * 37) % 1009:04d}.dcm")
    return folder


def slice_of(volume: Volume, k: int, series_uid: str, study: str) -> Dataset:
    """One slice of a volume whose axes are those of LPS."""
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid()
    image.Modality, image.SeriesInstanceUID, image.StudyInstanceUID = "CT", series_uid, study
    image.PatientName, image.PatientID = "Doe^Jane", "QZX-4711"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    i_mm, j_mm, _ = volume.spacing_mm
    image.PixelSpacing = [f"{j_mm:.6f}", f"{i_mm:.6f}"]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    place = volume.to_patient(np.array([0.0, 0.0, k]))
    image.ImagePositionPatient = [f"{mm:.6f}" for mm in place]
    image.Columns, image.Rows = volume.hu.shape[:2]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.PixelRepresentation, image.RescaleIntercept, image.RescaleSlope = 0, -1024, 1
    image.PixelData = (volume.hu[:, :, k].T + 1024).astype("<u2").tobytes()
    return image


def save(image: Dataset, path: Path) -> None:
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.save_as(path, enforce_file_format=True)
