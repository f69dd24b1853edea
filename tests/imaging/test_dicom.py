"""DICOM: encoding, presentation, orientation, spacing, and what the header refuses."""

from __future__ import annotations

import datetime
from contextlib import suppress
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from cxr_agent.errors import InputError, UnsuitableFilm
from cxr_agent.imaging.dicom_elements import DataSetReader
from cxr_agent.study import AgeGroup, Notice, SpacingKind, View

from .films import SHAPE, dicom, lut, ramp, read, survives

PLAIN = dicom()


def refused(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(data)
    return caught.value.code


def pixels(**values: Any) -> Any:
    return read(dicom(**values)).pixels


def test_plain_film() -> None:
    film = read(PLAIN)
    np.testing.assert_allclose(film.pixels, ramp() / 4095, atol=1e-6)
    assert (film.view, film.view_source) == (View.PA, "header")
    assert film.film_day == datetime.date(2019, 3, 14).toordinal()
    assert film.notices == ()


# Encodings


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
)
def test_native_syntaxes(syntax: str) -> None:
    assert read(dicom(syntax=syntax)).sha256 == read(PLAIN).sha256


def test_big_endian() -> None:
    swapped = ramp().astype(">u2")
    assert read(dicom(swapped, syntax=ExplicitVRBigEndian)).sha256 == read(PLAIN).sha256


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_lossless_compression(syntax: str) -> None:
    data = dicom(compress=syntax)
    assert read(data).sha256 == read(PLAIN).sha256
    assert refused(data[: len(data) - len(data) // 4]) in ("truncated", "corrupt_compressed_stream")


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_of_another_size(syntax: str) -> None:
    rows = b"\x28\0\x10\0US\2\0"
    data = dicom(compress=syntax)
    assert rows + b"\x60\0" in data
    smaller = data.replace(rows + b"\x60\0", rows + b"\x5f\0")
    assert refused(smaller) in ("pixel_length_mismatch", "corrupt_compressed_stream")


def test_no_preamble() -> None:
    assert read(PLAIN[132:]).sha256 == read(PLAIN).sha256


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 1100), st.binary(min_size=1, max_size=12))
def test_mutated_header(at: int, new: bytes) -> None:
    survives(PLAIN[:at] + new + PLAIN[at + len(new) :])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_any_bytes_as_data_set(data: bytes, explicit: bool, little: bool) -> None:
    with suppress(InputError):
        DataSetReader(data, explicit=explicit, little=little).read()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([RLELossless, JPEG2000Lossless]), st.integers(0, 4000), st.binary(max_size=6)
)
def test_mutated_compressed(syntax: str, at: int, new: bytes) -> None:
    data = COMPRESSED[syntax]
    at %= len(data)
    survives(data[:at] + new + data[at + len(new) :])


COMPRESSED = {syntax: dicom(compress=syntax) for syntax in (RLELossless, JPEG2000Lossless)}


# Presentation


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"WindowCenter": 2048, "WindowWidth": 4096},
        {"WindowCenter": 2047.5, "WindowWidth": 4095, "VOILUTFunction": "LINEAR_EXACT"},
        {"WindowCenter": 2048, "WindowWidth": 2000, "VOILUTFunction": "SIGMOID"},
        {"RescaleSlope": 0.5, "RescaleIntercept": -1000},
    ],
)
def test_ramp_stays_monotone(values: dict[str, Any]) -> None:
    shown = pixels(**values)
    assert (np.diff(shown[:, 0]) > 0).all()
    assert shown.dtype == np.float32


def test_monochrome1_twin() -> None:
    """Stored the other way round with the window mirrored, the film is the same."""
    window = {"WindowWidth": 3000}
    plain = pixels(WindowCenter=2000, **window)
    twin = read(
        dicom(
            4095 - ramp(),
            PhotometricInterpretation="MONOCHROME1",
            WindowCenter=4096 - 2000,
            **window,
        )
    )
    np.testing.assert_allclose(twin.pixels, plain, atol=1e-6)
    assert twin.notices == (Notice.INVERTED,)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", None, False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "INVERSE", True),
    ],
)
def test_inverted_once(photometric: str, shape: str | None, inverted: bool) -> None:
    shown = pixels(PhotometricInterpretation=photometric, PresentationLUTShape=shape)
    assert (shown[0, 0] > shown[-1, -1]) is np.bool_(inverted)


def test_window_edges() -> None:
    """PS3.3 C.11.2.1.2.1 and .3: LINEAR is half a step narrower than LINEAR_EXACT."""
    linear = pixels(WindowCenter=2048, WindowWidth=1000)
    exact = pixels(WindowCenter=2048, WindowWidth=1000, VOILUTFunction="LINEAR_EXACT")
    stored = ramp().astype(float)
    expected = np.clip((stored - 2047.5) / 999 + 0.5, 0, 1)
    np.testing.assert_allclose(linear, expected, atol=1e-5)
    np.testing.assert_allclose(exact, np.clip((stored - 2048) / 1000 + 0.5, 0, 1), atol=1e-5)
    sigmoid = pixels(WindowCenter=2048, WindowWidth=1000, VOILUTFunction="SIGMOID")
    np.testing.assert_allclose(sigmoid, 1 / (1 + np.exp(-4 * (stored - 2048) / 1000)), atol=1e-5)


def test_several_windows() -> None:
    first = pixels(WindowCenter=[2048, 500], WindowWidth=[1000, 90])
    np.testing.assert_array_equal(first, pixels(WindowCenter=2048, WindowWidth=1000))
    second = pixels(WindowCenter=[2048, 2048], WindowWidth=[0, 1000])
    np.testing.assert_array_equal(second, first)


@pytest.mark.parametrize(
    "values",
    [
        {"WindowCenter": 2048, "WindowWidth": 0},
        {"WindowCenter": 2048},
        {"WindowCenter": 900000, "WindowWidth": 10},
    ],
)
def test_unusable_window(values: dict[str, Any]) -> None:
    film = read(dicom(**values))
    assert film.notices == (Notice.BAD_WINDOW,)
    np.testing.assert_array_equal(film.pixels, pixels())


def test_voi_lut_wins_over_window() -> None:
    entries = [round(4095 * (i / 4095) ** 2) for i in range(4096)]
    values = {"VOILUTSequence": [lut(0, entries, 12)], "WindowCenter": 1, "WindowWidth": 2}
    expected = np.array(entries)[ramp()] / 4095
    np.testing.assert_allclose(pixels(**values), expected, atol=1e-6)


def test_modality_lut() -> None:
    entries = list(range(4095, -1, -1))
    shown = pixels(ModalityLUTSequence=[lut(0, entries, 12)])
    np.testing.assert_allclose(shown, 1 - ramp() / 4095, atol=1e-6)


@pytest.mark.parametrize(
    "item", [lut(0, [1, 2, 3], 12, count=4096), lut(0, [1, 5000], 12), lut(0, [1, 2], 40)]
)
def test_bad_lut(item: pydicom.Dataset) -> None:
    assert refused(dicom(ModalityLUTSequence=[item])) == "bad_lut"
    assert refused(dicom(VOILUTSequence=[item])) == "bad_lut"


@pytest.mark.parametrize("slope", ["0", "NaN", "1\\2", "1e300"])
def test_bad_rescale(slope: str) -> None:
    data = dicom(RescaleSlope="7777777", RescaleIntercept="0")
    assert refused(data.replace(b"7777777 ", slope.encode().ljust(8))) == "non_finite_rescale"


def test_signed_pixels() -> None:
    signed = ramp().astype(np.int16) - 2048
    shown = pixels(pixels=signed, RescaleSlope=1, RescaleIntercept=2048)
    np.testing.assert_array_equal(shown, pixels())


def test_padding_is_black_and_not_counted() -> None:
    stored = ramp() // 8 + 500
    padded = stored.copy()
    padded[:10] = 4095
    shown = pixels(pixels=padded, PixelPaddingValue=4095)
    assert (shown[:10] == 0).all()
    assert shown[10:].max() > 0.9


def test_overlay_bits() -> None:
    film = read(dicom(ramp() | np.uint16(0x8000) * (ramp() % 16 == 0)))
    assert film.notices == (Notice.OVERLAY_BITS,)
    np.testing.assert_array_equal(film.pixels, pixels())


# Orientation and spacing


@pytest.mark.parametrize(
    ("orientation", "undo"),
    [
        (["R", "F"], lambda a: a[:, ::-1]),
        (["L", "H"], lambda a: a[::-1]),
        (["R", "H"], lambda a: a[::-1, ::-1]),
        (["F", "L"], lambda a: a.T),
        (["F", "R"], lambda a: a.T[:, ::-1]),
        (["H", "L"], lambda a: a.T[::-1]),
    ],
)
def test_orientation(orientation: list[str], undo: Any) -> None:
    film = read(dicom(PatientOrientation=orientation))
    np.testing.assert_array_equal(film.pixels, undo(pixels()))
    assert film.notices == (Notice.ORIENTATION,)
    assert film.pixels.flags.c_contiguous


def test_transposition_swaps_the_spacings() -> None:
    film = read(dicom(PatientOrientation=["F", "L"], ImagerPixelSpacing=[0.1, 0.12]))
    assert film.spacing is not None
    assert (film.spacing.row_mm, film.spacing.column_mm) == (0.12, 0.1)


@pytest.mark.parametrize(
    ("values", "row_mm", "kind"),
    [
        ({"PixelSpacing": [0.2, 0.2]}, 0.2, SpacingKind.DETECTOR),
        ({"ImagerPixelSpacing": [0.2, 0.2]}, 0.2, SpacingKind.DETECTOR),
        (
            {"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.2, 0.2]},
            0.2,
            SpacingKind.DETECTOR,
        ),
        (
            {"PixelSpacing": [0.18, 0.18], "ImagerPixelSpacing": [0.2, 0.2]},
            0.18,
            SpacingKind.CALIBRATED,
        ),
        (
            {"PixelSpacing": [0.2, 0.2], "PixelSpacingCalibrationType": "FIDUCIAL"},
            0.2,
            SpacingKind.CALIBRATED,
        ),
        (
            {
                "ImagerPixelSpacing": [0.2, 0.2],
                "EstimatedRadiographicMagnificationFactor": 1.25,
            },
            0.16,
            SpacingKind.CALIBRATED,
        ),
    ],
)
def test_spacing(values: dict[str, Any], row_mm: float, kind: SpacingKind) -> None:
    spacing = read(dicom(**values)).spacing
    assert spacing is not None
    assert spacing.row_mm == pytest.approx(row_mm)
    assert spacing.kind is kind


@pytest.mark.parametrize("values", [[0, 0], [-0.1, -0.1], [0.1, 0.2], [100, 100]])
def test_bad_spacing(values: list[float]) -> None:
    film = read(dicom(PixelSpacing=values))
    assert film.spacing is None
    assert film.notices == (Notice.BAD_PIXEL_SPACING,)


# What the header refuses or remarks


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "unsupported_modality"),
        ({"Modality": "SR"}, "non_image_object"),
        ({"BodyPartExamined": "HAND"}, "not_chest"),
        ({"ViewPosition": "LL"}, "lateral_view"),
        ({"PatientOrientation": ["A", "F"]}, "lateral_view"),
        ({"ViewPosition": "", "SeriesDescription": "CHEST LAT"}, "lateral_view"),
        ({"SeriesDescription": "CHEST DECUBITUS"}, "rotated_film"),
        ({"PatientAge": "007Y"}, "paediatric"),
        ({"PatientAge": "011M"}, "paediatric"),
        ({"PatientBirthDate": "20100101"}, "paediatric"),
        ({"NumberOfFrames": 2}, "multi_frame"),
        ({"PhotometricInterpretation": "MONOCHROME3"}, "bad_photometric"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "colour_image"),
        ({"BitsStored": 20}, "bits_mismatch"),
        ({"Rows": 72}, "pixel_length_mismatch"),
        ({"Rows": 60000, "Columns": 60000}, "too_large"),
    ],
)
def test_refused(values: dict[str, Any], code: str) -> None:
    data = dicom(**values)
    assert refused(data) == code
    unsuitable = code in (
        "unsupported_modality",
        "not_chest",
        "lateral_view",
        "rotated_film",
        "paediatric",
    )
    with pytest.raises(UnsuitableFilm if unsuitable else InputError):
        read(data)


@pytest.mark.parametrize(
    ("values", "group"),
    [
        ({}, AgeGroup.UNKNOWN),
        ({"PatientAge": "016Y"}, AgeGroup.ADULT),
        ({"PatientAge": "045Y", "PatientBirthDate": "20180101"}, AgeGroup.ADULT),
        ({"PatientBirthDate": "19600101"}, AgeGroup.ADULT),
        ({"PatientAge": "old"}, AgeGroup.UNKNOWN),
    ],
)
def test_age(values: dict[str, Any], group: AgeGroup) -> None:
    assert read(dicom(**values)).age_group is group


@pytest.mark.parametrize(
    ("values", "notice"),
    [
        ({"ViewPosition": "AP"}, Notice.AP_PROJECTION),
        ({"StudyDate": "29990101"}, Notice.BAD_DATE),
        ({"StudyInstanceUID": "../../etc"}, Notice.BAD_UID),
        ({"SeriesInstanceUID": "1." * 40 + "1"}, Notice.BAD_UID),
        ({"SpecificCharacterSet": "ISO_IR 999"}, Notice.BAD_CHARSET),
        ({"BurnedInAnnotation": "YES"}, Notice.BURNED_IN_TEXT),
    ],
)
def test_notice(values: dict[str, Any], notice: Notice) -> None:
    assert read(dicom(**values)).notices == (notice,)


def test_preamble_of_a_program() -> None:
    assert read(b"MZ" + PLAIN[2:]).notices == (Notice.SUSPICIOUS_PREAMBLE,)


def test_shape_in_the_test_file() -> None:
    assert read(PLAIN).pixels.shape == SHAPE
