"""Headers of copies: nothing of who, when or where, and still objects of the standard."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.datadict import keyword_for_tag
from pydicom.uid import JPEG2000Lossless, RLELossless

from cxr_agent.deidentifying import Dates, Deidentifier, Options, Pseudonyms, kept_key, key_of
from cxr_agent.deidentifying.profile import profile
from cxr_agent.errors import InputError, UnsuitableFilm, UsageError
from tests.imaging.films import anything_goes, dicom, ramp

KEY = b"k" * 32


def code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def valid() -> dict[str, Any]:
    """What a DX object for presentation must have, and what it may."""
    return {
        "SOPInstanceUID": "1.2.3.4",
        "StudyInstanceUID": "1.2.3.5",
        "SeriesInstanceUID": "1.2.3.6",
        "StudyTime": "101112",
        "StudyID": "S1",
        "AccessionNumber": "A1",
        "ReferringPhysicianName": "Doe^Referring",
        "PatientName": "Doe^Jane",
        "PatientID": "MRN4471",
        "PatientBirthDate": "19430729",
        "PatientSex": "F",
        "PatientAge": "091Y",
        "PatientSize": "1.71",
        "Manufacturer": "Maker of Smallville",
        "StationName": "ROOM7",
        "InstitutionName": "St. Elsewhere",
        "SeriesNumber": 1,
        "InstanceNumber": 3,
        "ContentDate": "20190314",
        "ContentTime": "101112.5",
        "AcquisitionDateTime": "20190314101112",
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "PresentationIntentType": "FOR PRESENTATION",
        "ImageLaterality": "U",
        "AnatomicRegionSequence": [code("51185008", "SCT", "Chest of Jane Doe")],
        "ViewCodeSequence": [code("272479007", "SCT", "PA of Jane Doe")],
        "PixelIntensityRelationship": "LOG",
        "PixelIntensityRelationshipSign": 1,
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
        "RescaleType": "US",
        "PresentationLUTShape": "IDENTITY",
        "LossyImageCompression": "00",
        "BurnedInAnnotation": "NO",
        "DetectorType": "SCINTILLATOR",
        "DetectorID": "SN-123456",
        "PositionerType": "NONE",
        "ImagerPixelSpacing": [0.139, 0.139],
        "WindowCenter": 2048,
        "WindowWidth": 4096,
        "AcquisitionContextSequence": [],
        "ViewPosition": "PA",
    }


def copied(data: bytes, folder: Path, options: Options | None = None, key: bytes = KEY) -> Dataset:
    film = folder / "DOE_JANE_19430729.dcm"
    film.write_bytes(data)
    with Deidentifier(folder / "out", Pseudonyms(key), options) as deidentifier:
        return pydicom.dcmread(deidentifier.copy(film).path)


def keywords(header: Dataset) -> set[str]:
    return {keyword_for_tag(element.tag) for element in header.iterall()}


def test_the_table_is_the_standards() -> None:
    table = profile()
    assert len(table.basic) == 652
    assert table.basic[0x00080050] == "Z"  # Accession Number
    assert table.basic[0x00100020] == "Z/D"  # Patient ID
    assert table.basic[0x00080018] == "U"
    assert table.basic[0x00204000] == "X"  # Image Comments
    assert table.basic[0x00081140] == "X/Z/U*"  # Referenced Image Sequence
    assert 0x00080020 in table.dates
    assert 0x00100030 not in table.dates  # Patient's Birth Date
    assert set(table.basic.values()) == {
        *("D", "Z", "X", "U", "X/D", "X/Z", "X/Z/D", "Z/D", "X/Z/U*"),
    }
    for tag in table.basic:  # a name that is kept must not be one that has to go
        assert keyword_for_tag(tag) not in table.numbers | table.sequences - {
            "ReferencedImageSequence",
            "SourceImageSequence",
        }
        assert keyword_for_tag(tag) not in {*table.terms, *table.tables, *table.emptied}


def test_a_valid_object_stays_one(tmp_path: Path) -> None:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed: apt-get install dicom3tools")
    for number, dates in enumerate(Dates):
        folder = tmp_path / str(number)
        folder.mkdir()
        copied(dicom(**valid()), folder, Options(dates=dates))
        for path in (folder / "DOE_JANE_19430729.dcm", *(folder / "out").iterdir()):
            done = subprocess.run([program, path], capture_output=True, text=True, check=False)
            assert "Error" not in done.stderr, done.stderr


def test_what_names_somebody_is_gone(tmp_path: Path) -> None:
    made = copied(dicom(**valid()), tmp_path)
    assert made.PatientName == ""
    assert made.PatientID == Pseudonyms(KEY).patient("MRN4471", "")
    for keyword in ("StudyDate", "StudyTime", "PatientBirthDate", "PatientSex", "AccessionNumber"):
        assert made[keyword].is_empty
    assert not keywords(made) & {"DetectorID", "PatientAge"}
    assert made.StationName == made.InstitutionName == ""
    assert made.Manufacturer == ""
    assert made.ViewCodeSequence[0].CodeMeaning == "postero-anterior"
    assert made.AnatomicRegionSequence[0].CodeMeaning == "Chest"
    assert made.PatientIdentityRemoved == "YES"
    methods = [item.CodeValue for item in made.DeidentificationMethodCodeSequence]
    assert methods == ["113100", "113101"]
    (path,) = (tmp_path / "out").iterdir()
    data = path.read_bytes()
    assert data[:128] == bytes(128)
    for word in (b"Doe", b"DOE", b"MRN4471", b"Elsewhere", b"Smallville", b"2019", b"1943"):
        assert word not in data
        assert word not in path.name.encode()


def test_what_a_radiograph_is_read_by_stays(tmp_path: Path) -> None:
    made = copied(dicom(**valid()), tmp_path)
    assert made.ImagerPixelSpacing == [0.139, 0.139]
    assert (made.ViewPosition, made.Modality, made.WindowWidth) == ("PA", "DX", 4096)
    assert (made.pixel_array == ramp()).all()


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless])
def test_compressed_pixels_come_out_plain(syntax: str, tmp_path: Path) -> None:
    made = copied(dicom(compress=syntax), tmp_path)
    assert not made.file_meta.TransferSyntaxUID.is_compressed
    assert (made.pixel_array == ramp()).all()


def test_signed_pixels_stay_what_they_are(tmp_path: Path) -> None:
    values = ramp(11).astype(np.int16) - 1000
    made = copied(dicom(values, bits=12), tmp_path)
    assert (made.pixel_array == values).all()


def test_the_same_identifier_gets_the_same_pseudonym(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    first = copied(dicom(**valid()), tmp_path)
    second = copied(dicom(**(valid() | {"SOPInstanceUID": "1.2.3.9"})), tmp_path / "b")
    other = copied(dicom(**valid()), tmp_path / "c", key=b"o" * 32)
    assert first.StudyInstanceUID == second.StudyInstanceUID != "1.2.3.5"
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SOPInstanceUID == first.file_meta.MediaStorageSOPInstanceUID
    assert first.PatientID == second.PatientID
    assert other.StudyInstanceUID != first.StudyInstanceUID
    assert other.PatientID != first.PatientID


def test_dates_of_a_patient_are_shifted_alike(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    options = Options(dates=Dates.SHIFTED)
    first = copied(dicom(**valid()), tmp_path, options)
    later = valid() | {"StudyDate": "20190401", "StudyInstanceUID": "1.2.9"}
    second = copied(dicom(**later), tmp_path / "b", options)
    days = pydicom.valuerep.DA(second.StudyDate) - pydicom.valuerep.DA(first.StudyDate)
    assert days.days == 18
    assert first.StudyDate < "20180401"
    assert first.StudyTime == "101112"
    assert first.AcquisitionDateTime == first.StudyDate + "101112"
    assert first.PatientBirthDate == ""
    assert first.LongitudinalTemporalInformationModified == "MODIFIED"
    assert "113107" in [i.CodeValue for i in first.DeidentificationMethodCodeSequence]


def test_patient_characteristics_stay_on_request(tmp_path: Path) -> None:
    made = copied(dicom(**valid()), tmp_path, Options(keep_patient_characteristics=True))
    assert (made.PatientAge, made.PatientSex, made.PatientSize) == ("090Y", "F", 1.71)
    assert "PatientName" in made
    assert made.PatientName == ""


def test_values_that_are_no_terms_go(tmp_path: Path) -> None:
    strange = {
        "BodyPartExamined": "CHEST",
        "ViewPosition": "JANE DOE",
        "ImageType": ["ORIGINAL", "PRIMARY", "JANE DOE"],
        "KVP": "4471188",
        "ExposureTime": "12",
        "ViewCodeSequence": [code("JANE", "99DOE", "Jane Doe")],
    }
    made = copied(dicom(**(valid() | strange)), tmp_path)
    assert not keywords(made) & {"ViewPosition", "ImageType", "KVP"}
    assert made.ExposureTime == 12
    assert len(made.ViewCodeSequence) == 0


def test_graphics_private_and_unknown_elements_go(tmp_path: Path) -> None:
    data = pydicom.dcmread(io.BytesIO(dicom(**valid())))
    block = data.private_block(0x0009, "JANE DOE", create=True)
    block.add_new(1, "LO", "Jane Doe")
    data.add_new(0x60000010, "US", 96)
    data.add_new(0x60003000, "OW", b"Jane Doe")
    data.add_new(0x50003000, "OW", b"Jane Doe")
    data.add_new(0x00122233, "LO", "Jane Doe")
    data.add_new(0x0028FFF0, "LO", "Jane Doe")
    data.IconImageSequence = [Dataset()]
    data.EncapsulatedDocument = b"Jane Doe"
    data.OriginalAttributesSequence = [Dataset()]
    data.preamble = b"Jane Doe".ljust(128, b"\0")
    file = io.BytesIO()
    with anything_goes():
        pydicom.dcmwrite(file, data, enforce_file_format=True)
    made = copied(file.getvalue(), tmp_path)
    groups = {element.tag.group for element in made}
    assert groups <= {0x08, 0x10, 0x12, 0x18, 0x20, 0x28, 0x40, 0x54, 0x2050, 0x7FE0}
    (path,) = (tmp_path / "out").iterdir()
    assert b"Jane Doe" not in path.read_bytes()


def test_other_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsuitableFilm, match="unsupported_modality"):
        copied(dicom(SOPClassUID="1.2.840.10008.5.1.4.1.1.2", Modality="CT"), tmp_path)
    with pytest.raises(InputError, match="truncated"):
        copied(dicom()[:4000], tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_film_that_would_not_be_read_is_copied_all_the_same(tmp_path: Path) -> None:
    assert copied(dicom(ViewPosition="LL", PatientAge="003Y"), tmp_path).ViewPosition == "LL"


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "key"
    key = kept_key(path)
    assert kept_key(path) == key
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    short = tmp_path / "short"
    short.write_bytes(b"abc")
    for bad in (short, tmp_path / "missing"):
        with pytest.raises(UsageError, match="bad_key"):
            key_of(bad)
