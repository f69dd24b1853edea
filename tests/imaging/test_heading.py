"""What headers say for sorting, and what a worker may say of them."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.errors import InputError
from cxr_agent.imaging import Decoder
from cxr_agent.imaging.dicom_directory import DirectoryFile, directory_files
from cxr_agent.imaging.fingerprint import fingerprint
from cxr_agent.imaging.heading import Heading, dicom_heading, heading_record
from cxr_agent.imaging.wire import heading_answer, read_directory, read_heading
from cxr_agent.study import View

from .films import dicom, png, ramp

WHO = {
    "PatientID": "P1",
    "IssuerOfPatientID": "Clinic",
    "PatientBirthDate": "19500203",
    "PatientSex": "F",
    "PatientAge": "069Y",
    "StudyInstanceUID": "1.2.3",
    "StudyTime": "101112",
}
FULL = Heading(
    patient=fingerprint("P1"),
    issuer=fingerprint("Clinic"),
    born=fingerprint("1950-02-03"),
    sex="F",
    birth_year=1950,
    study=fingerprint("1.2.3"),
    day=datetime.date(2019, 3, 14).toordinal(),
    second=36672,
    view=View.PA,
)


def test_a_heading(tmp_path: Path, decoder: Decoder) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(dicom(**WHO))
    assert decoder.heading_of(path) == FULL
    path.write_bytes(png(ramp(8)))
    assert decoder.heading_of(path) == Heading()


@pytest.mark.parametrize(
    ("values", "unfit"),
    [
        ({"ViewPosition": "LL"}, "lateral_view"),
        ({"ViewPosition": "LLD"}, "rotated_film"),
        ({"PatientAge": "009Y"}, "paediatric"),
    ],
)
def test_what_will_not_be_read_still_has_a_heading(values: dict[str, Any], unfit: str) -> None:
    assert dicom_heading(dicom(**{**WHO, **values})).unfit == unfit


def test_pixels_need_not_be_there() -> None:
    whole = dicom(**WHO)
    assert dicom_heading(whole[: len(whole) - 5000]) == FULL


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 700), st.binary(min_size=1, max_size=8))
def test_damage_is_refused_or_read(at: int, wound: bytes) -> None:
    whole = dicom(**WHO)
    for reader in (dicom_heading, directory_files):
        try:
            reader(whole[:at] + wound + whole[at + len(wound) :])
        except InputError:
            continue


def test_over_the_wire() -> None:
    assert read_heading(heading_answer(FULL)[16:]) == FULL


@pytest.mark.parametrize(
    "wrong",
    [
        {"patient": "MARTHA"},
        {"study": 5},
        {"born": None},
        {"sex": "MARTHA"},
        {"day": -1},
        {"day": True},
        {"second": 1e9},
        {"view": "up"},
        {"unfit": "MARTHA"},
        {"raw": "yes"},
        {"more": 1},
    ],
)
def test_a_worker_that_lies_about_a_heading(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="decode_crash") as refused:
        read_heading(json.dumps({**heading_record(FULL), **wrong}).encode())
    assert "MARTHA" not in str(refused.value)


@pytest.mark.parametrize(
    "files", [None, [["a"]], [["..", ""]], [["a/b", ""]], [["a", "MARTHA"]], [[5, ""]], [[]], 7]
)
def test_a_worker_that_lies_about_a_directory(files: Any) -> None:
    with pytest.raises(InputError, match="decode_crash"):
        read_directory(json.dumps({"files": files}).encode())


def test_a_directory_over_the_wire() -> None:
    told = json.dumps({"files": [["A", "B", ""], ["unsupported_modality"]]}).encode()
    assert read_directory(told) == (
        DirectoryFile(("A", "B")),
        DirectoryFile((), "unsupported_modality"),
    )


def test_a_film_is_no_directory(tmp_path: Path, decoder: Decoder) -> None:
    for content in (dicom(), png(ramp(8))):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(InputError, match="not_an_image"):
            decoder.directory_of(tmp_path / "x")
