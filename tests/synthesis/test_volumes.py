"""Series and NIfTI files to volumes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from cxr_agent.errors import InputError
from cxr_agent.synthesis.labels import read_labels, structure_of, with_lungs
from cxr_agent.synthesis.read import read_volume
from cxr_agent.synthesis.volume import Volume
from cxr_agent.testing.phantom.thorax import Thorax, thorax

from .made import labelled, nifti, save, series


@pytest.fixture(scope="module")
def small() -> Volume:
    """36 slices."""
    drawn = thorax(size=36).volume
    return Volume(drawn.hu, drawn.affine)


def test_a_series_and_a_nifti_file_give_the_same_volume(small: Volume, tmp_path: Path) -> None:
    of_series = read_volume(series(tmp_path / "ct", small), lungs=False)
    of_nifti = read_volume(nifti(tmp_path / "ct.nii.gz", small.hu, small.affine), lungs=False)
    for one in (of_series, of_nifti):
        np.testing.assert_array_equal(one.hu, small.hu)
        np.testing.assert_allclose(one.affine, small.affine, atol=1e-4)


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("missing", "missing_slice"),
        ("uneven", "uneven_spacing"),
        ("twice", "duplicate_slice"),
        ("mixed", "mixed_series"),
        ("tilted", "gantry_tilt"),
        ("magnetic", "not_ct"),
        ("no_orientation", "volume_geometry"),
        ("no_slope", "not_hounsfield"),
        ("torn", "volume_unreadable"),
        ("empty", "no_ct_slices"),
    ],
)
def test_a_series_of_wrong_geometry_is_refused(
    small: Volume, tmp_path: Path, case: str, code: str
) -> None:
    folder = series(tmp_path / "ct", small)
    paths = sorted(folder.iterdir(), key=lambda p: float(dcmread(p).ImagePositionPatient[2]))
    for k, path in enumerate(paths):
        image = dcmread(path)
        x, y, z = (float(mm) for mm in image.ImagePositionPatient)
        if case == "uneven" and k == 9:
            image.ImagePositionPatient = [x, y, z + 2]
        if case == "twice" and k == 9:
            image.ImagePositionPatient = dcmread(paths[8]).ImagePositionPatient
        if case == "mixed" and k > 15:
            image.SeriesInstanceUID = "1.2.3"
        if case == "tilted":
            image.ImagePositionPatient = [x, y + 2.0 * k, z]
        if case == "magnetic":
            image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = (
                "1.2.840.10008.5.1.4.1.1.4"
            )
        if case == "no_orientation":
            del image.ImageOrientationPatient
        if case == "no_slope":
            del image.RescaleSlope
        if case == "torn" and k == 5:
            image.PixelData = image.PixelData[:8]
        save(image, path)
        if case == "empty" or (case == "missing" and k == 12):
            path.unlink()
    with pytest.raises(InputError) as refused:
        read_volume(folder)
    assert refused.value.code == code
    assert "Doe" not in str(refused.value)


def test_a_localiser_beside_a_series_is_passed_over(small: Volume, tmp_path: Path) -> None:
    folder = series(tmp_path / "ct", small)
    scout = dcmread(next(folder.iterdir()))
    scout.ImageType, scout.SeriesInstanceUID = ["ORIGINAL", "PRIMARY", "LOCALIZER"], "1.2.3"
    save(scout, folder / "scout.dcm")
    assert read_volume(folder, lungs=False).hu.shape == small.hu.shape


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("mask", "not_hounsfield"),
        ("sheared", "gantry_tilt"),
        ("flat", "volume_too_small"),
        ("cut", "volume_unreadable"),
        ("other", "volume_unreadable"),
        ("nowhere", "volume_not_found"),
        ("huge", "volume_too_large"),
    ],
)
def test_a_nifti_file_that_is_no_ct_is_refused(
    small: Volume, tmp_path: Path, case: str, code: str
) -> None:
    affine, values, path = small.affine.copy(), small.hu, tmp_path / "ct.nii"
    if case == "mask":
        values = (values > 0).astype(np.int16)
    if case == "sheared":
        affine[0, 2] = 3.0
    if case == "flat":
        values = values[:, :, :2]
    nifti(path, values, affine)
    data = bytearray(path.read_bytes())
    if case == "cut":
        path.write_bytes(data[:2000])
    if case == "huge":
        data[42:48] = np.array([3000, 3000, 3000], "<i2").tobytes()
        path.write_bytes(data)
    if case == "other":
        path.write_bytes(b"<html>")
    if case == "nowhere":
        path.unlink()
    with pytest.raises(InputError) as refused:
        read_volume(path)
    assert refused.value.code == code


def test_lungs_are_found_without_labels(body: Thorax) -> None:
    bare = Volume(body.volume.hu, body.volume.affine)
    found = with_lungs(bare).labels
    assert set(found) == {"right_lung", "left_lung"}
    for name, mask in found.items():
        true = body.volume.labels[name]
        assert 2 * (mask & true).sum() / (mask.sum() + true.sum()) > 0.97


def test_labels_are_read_by_number_and_by_file(body: Thorax, tmp_path: Path) -> None:
    volume = body.volume
    bare = Volume(volume.hu, volume.affine)
    numbered = read_labels(labelled(tmp_path, volume), bare).labels
    np.testing.assert_array_equal(numbered["heart"], volume.labels["heart"])
    folder = tmp_path / "total"
    folder.mkdir()
    lung = volume.labels["left_lung"].astype(np.uint8)
    upper, lower = lung.copy(), lung.copy()
    upper[:, :, :30], lower[:, :, 30:] = 0, 0
    nifti(folder / "lung_upper_lobe_left.nii.gz", upper, volume.affine)
    nifti(folder / "lung_lower_lobe_left.nii.gz", lower, volume.affine)
    joined = read_labels(folder, bare).labels
    np.testing.assert_array_equal(joined["left_lung"], volume.labels["left_lung"])


def test_labels_of_another_grid_or_without_names_are_refused(body: Thorax, tmp_path: Path) -> None:
    bare = Volume(body.volume.hu, body.volume.affine)
    path = labelled(tmp_path, body.volume)
    (tmp_path / "labels.json").write_text(json.dumps({"1": "heart"}))
    with pytest.raises(InputError, match="label_names"):
        read_labels(path, bare)
    shifted = body.volume.affine.copy()
    shifted[0, 3] += 30
    moved = nifti(tmp_path / "moved.nii", body.volume.labels["heart"].astype(np.uint8), shifted)
    with pytest.raises(InputError, match="label_grid"):
        read_labels(moved, bare)


@pytest.mark.parametrize(
    ("name", "structure"),
    [
        ("lung_middle_lobe_right", "right_lung"),
        ("Left Lung", "left_lung"),
        ("clavicula_right", "right_clavicle"),
        ("vertebrae_T4", "vertebra_t4"),
        ("heart_atrium_left", "heart"),
        ("rib_left_3", "rib_left_3"),
    ],
)
def test_labels_by_totalsegmentators_names(name: str, structure: str) -> None:
    assert structure_of(name) == structure
