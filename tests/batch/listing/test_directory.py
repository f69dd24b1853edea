"""Directories of discs, as pydicom writes them and as nobody should."""

from __future__ import annotations

import gc
import warnings
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.fileset import FileSet
from pydicom.sequence import Sequence

from cxr_agent.batch.listing import studies_of
from cxr_agent.errors import InputError
from tests.imaging.films import anything_goes
from tests.interop.films import film

from .conftest import listed

DX = "1.2.840.10008.5.1.4.1.1.1.1"


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """Two studies of a patient and a CT, written by pydicom."""
    with warnings.catch_warnings():
        # It leaves its temporary folders to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        _write_disc(tmp_path)
        gc.collect()
    return tmp_path / "disc"


def _write_disc(tmp_path: Path) -> None:
    files = FileSet()
    facts = [
        {"StudyInstanceUID": "1.2.5", "StudyDate": "20200110"},
        {"StudyInstanceUID": "1.2.5", "StudyDate": "20200110"},
        {"StudyInstanceUID": "1.2.6", "StudyDate": "20190110"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "Modality": "CT"},
    ]
    for number, values in enumerate(facts, 1):
        path = tmp_path / f"{number}.dcm"
        more = {"StudyTime": "101010", "StudyID": "1", "SeriesNumber": 1, "InstanceNumber": number}
        path.write_bytes(film("MARTHA-77", number, **more, **values))
        data_set = pydicom.dcmread(path)
        data_set.PatientName = "X^Y"
        data_set.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
        data_set.file_meta.MediaStorageSOPClassUID = data_set.SOPClassUID
        files.add(data_set)
    files.write(tmp_path / "disc")


def test_a_disc(disc: Path) -> None:
    told = listed(disc / "DICOMDIR")
    assert sorted(map(len, told.films(disc).values())) == [1, 2]
    assert told.summary.passed == {"unsupported_modality": 1}
    ((name, priors),) = told.priors(disc).items()
    assert len(told.studies[name].films) == 2
    assert priors == told.films(disc)[next(n for n in told.names if n != name)]
    assert "MARTHA" not in repr(told.names)
    assert set(told.names) == {films[0] for films in told.films(disc).values()}


def test_the_folder_of_a_disc(disc: Path) -> None:
    told = listed(disc)
    assert len(told.studies) == 2
    assert told.summary.passed["dicomdir"] == 1


def test_a_disc_in_small_letters(disc: Path) -> None:
    for path in sorted(disc.rglob("*"), reverse=True):
        if path.name != "DICOMDIR":
            path.rename(path.with_name(path.name.lower()))
    assert len(listed(disc / "DICOMDIR").studies) == 2


def directory(path: Path, *records: dict[str, Any]) -> Path:
    """A DICOMDIR of image records as they are told."""
    with anything_goes():
        made = Dataset()
        made.file_meta = FileMetaDataset()
        made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
        made.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        items = []
        for record in records:
            item = Dataset()
            item.DirectoryRecordType = "IMAGE"
            item.ReferencedSOPClassUIDInFile = DX
            for name, value in record.items():
                setattr(item, name, value)
            items.append(item)
        made.DirectoryRecordSequence = Sequence(items)
        made.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize(
    "steps",
    [
        ["..", "secret.dcm"],
        ["..\\secret.dcm"],
        ["../secret.dcm"],
        ["/etc/passwd"],
        ["LINK"],
        [".", "IM1"],
        ["A:IM1"],
        ["A\0B"],
        [],
    ],
)
def test_nothing_outside_its_folder(tmp_path: Path, steps: list[str]) -> None:
    secret = tmp_path / "secret.dcm"
    secret.write_bytes(film("P1", 1))
    folder = tmp_path / "disc"
    folder.mkdir()
    (folder / "LINK").symlink_to(secret)
    told = listed(directory(folder / "DICOMDIR", {"ReferencedFileID": steps}))
    assert list(told.refused.values()) in (["outside_folder"], ["file_not_found"])
    assert not told.studies


def test_records_that_do_not_work(tmp_path: Path) -> None:
    (tmp_path / "IM1").write_bytes(film("P1", 1))
    (tmp_path / "IM2").write_bytes(b"")
    path = directory(
        tmp_path / "DICOMDIR",
        {"ReferencedFileID": ["IM1"]},
        {"ReferencedFileID": ["IM1"]},
        {"ReferencedFileID": ["IM2"]},
        {"ReferencedFileID": ["IM3"]},
        {"ReferencedFileID": ["DICOMDIR"]},
        {"ReferencedFileID": ["SR1"], "DirectoryRecordType": "SR DOCUMENT"},
        {"OffsetOfTheNextDirectoryRecord": 4, "ReferencedFileID": ["IM1"]},
    )
    told = listed(path)
    assert list(told.studies) == ["IM1"]
    assert told.refused == {"IM2": "empty_file", "IM3": "file_not_found"}
    assert told.summary.passed == {"duplicate_film": 2, "dicomdir": 1}


def test_a_torn_directory(disc: Path) -> None:
    path = disc / "DICOMDIR"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match=r"truncated|corrupt_header"):
        studies_of(path)


def test_a_large_directory(tmp_path: Path) -> None:
    record = {"ReferencedFileID": ["A", "IM"], "ReferencedSOPClassUIDInFile": "1.2.3"}
    told = listed(directory(tmp_path / "DICOMDIR", *[record] * 3000))
    assert told.summary.passed == {"unsupported_modality": 3000}
