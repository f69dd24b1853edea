"""``cxr-agent export``: a film that was read, as objects and resources."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest

from tests.imaging.films import dicom
from tests.interop.objects.runs import SECRETS, identity

from .program import Films, Ran, dice, levels, run_program


@dataclass(frozen=True)
class Exported:
    ran: Ran
    folder: Path
    traces: Path


@pytest.fixture(scope="module")
def exported(films: Films, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A phantom that lies on its side, read and exported."""
    folder = tmp_path_factory.mktemp("SECRET")
    stored = np.ascontiguousarray(levels(films.phantom.pixels, 12).T[::-1])
    film = folder / "film.dcm"
    film.write_bytes(dicom(stored, PatientOrientation=["F", "R"], **identity()))
    read = run_program("read", film, traces=folder / "traces")
    assert read.status == 0, read.err
    ran = run_program(
        "export",
        "last",
        "--source",
        folder,
        *("--sr", folder / "out" / "sr.dcm", "--seg", folder / "out" / "seg.dcm"),
        *("--pr", folder / "out" / "pr.dcm", "--sc", folder / "out" / "sc.dcm"),
        *("--fhir", folder / "out" / "report.json", "--json"),
        traces=folder / "traces",
    )
    return Exported(ran, folder / "out", folder / "traces")


def test_writes_what_was_asked_for(exported: Exported) -> None:
    assert exported.ran.status == 0, exported.ran.err
    told = exported.ran.json
    assert [one["kind"] for one in told["files"]] == ["sr", "seg", "pr", "sc", "fhir"]
    for one in told["files"]:
        assert Path(one["file"]).stat().st_size == one["bytes"]
    classes = [
        pydicom.dcmread(exported.folder / f"{kind}.dcm").SOPClassUID.name
        for kind in ("sr", "seg", "pr", "sc")
    ]
    assert classes == [
        "Comprehensive SR Storage",
        "Segmentation Storage",
        "Grayscale Softcopy Presentation State Storage",
        "Secondary Capture Image Storage",
    ]
    assert json.loads((exported.folder / "report.json").read_bytes())["type"] == "collection"


def test_outlines_are_the_phantoms_as_it_is_stored(exported: Exported, films: Films) -> None:
    data = (exported.folder / "seg.dcm").read_bytes()
    seg = highdicom.seg.segread(io.BytesIO(data))
    planes = seg.get_pixels_by_source_instance([seg.get_source_image_uids()[0][2]])[0]
    for number, item in enumerate(seg.SegmentSequence):
        name = item.SegmentLabel.replace(" ", "_")
        stored = films.phantom.masks[name].T[::-1]
        assert dice(planes[..., number].astype(bool), stored) > 0.8, name


def test_nothing_of_the_source_is_told(exported: Exported) -> None:
    kept = b"".join(p.read_bytes() for p in exported.traces.rglob("*") if p.is_file())
    assert not any(secret.encode() in kept for secret in SECRETS[1:])
    assert "SECRET^" not in exported.ran.err


@pytest.mark.parametrize(
    ("options", "code", "status"),
    [
        ((), "no_output", 2),
        (("--sr", "x.dcm"), "source_needed", 2),
        (("--sr", "x.dcm", "--source", "missing.dcm"), "file_not_found", 3),
    ],
)
def test_says_what_is_missing(
    options: tuple[str, ...], code: str, status: int, exported: Exported, tmp_path: Path
) -> None:
    ran = run_program("export", "last", *options, traces=exported.traces, cwd=tmp_path)
    assert ran.status == status
    assert [found for _, found in ran.errors] == [code]
    assert not list(tmp_path.iterdir())


def test_fhir_needs_no_source(exported: Exported, tmp_path: Path) -> None:
    ran = run_program("export", "last", "--fhir", tmp_path / "r.json", traces=exported.traces)
    assert ran.status == 0
    assert "No --source was given" in ran.err
    assert "urn:dicom:uid" not in (tmp_path / "r.json").read_text()
