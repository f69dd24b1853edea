"""``cxr-agent deidentify``: what it writes, what it says, how it ends."""

from __future__ import annotations

from pathlib import Path

import pydicom

from tests.imaging.films import dicom

from .program import run_program


def test_a_folder(tmp_path: Path) -> None:
    films = tmp_path / "DOE_JANE"
    films.mkdir()
    values = {"PatientID": "MRN4471", "PatientName": "Doe^Jane", "StudyDate": "20190314"}
    (films / "doe.dcm").write_bytes(dicom(**values))
    (films / "letter.txt").write_text("Dear Jane\n" * 100)
    out = tmp_path / "out"
    state = {"CXR_AGENT_STATE": str(tmp_path / "state")}
    ran = run_program(
        *("deidentify", films, "--out", out, "--dates", "shifted", "--json"),
        traces=tmp_path / "traces",
        env=state,
    )
    assert ran.status == 3
    assert [entry.get("error", {}).get("code") for entry in ran.json] == [None, "not_an_image"]
    (copy,) = out.iterdir()
    assert ran.json[0]["copy"] == str(copy)
    made = pydicom.dcmread(copy)
    assert made.PatientName == ""
    assert "" < made.StudyDate < "20180315"
    assert (tmp_path / "state" / "deidentify.key").stat().st_mode & 0o777 == 0o600


def test_dates_of_another_kind(tmp_path: Path) -> None:
    ran = run_program(
        *("deidentify", tmp_path, "--out", tmp_path / "out", "--dates", "kept"), traces=tmp_path
    )
    assert ran.status == 2
    assert ran.errors == [("", "bad_dates")]
