"""Every object of every sort of film, held against its definition by ``dciodvfy``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cxr_agent.evidence import EvidenceKind, Observation, Polarity
from cxr_agent.imaging import Decoder
from cxr_agent.interop.objects import dicom_objects
from cxr_agent.interop.objects.capture import secondary_capture
from cxr_agent.interop.objects.recorded import recorded_report
from cxr_agent.interop.objects.sources import find_sources
from tests.imaging.films import lut

from .runs import CR, Run, Stated, faults, picture, source, usual, written

pytestmark = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dicom3tools")

SPACED = {"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.15, 0.15]}
LIMITATION = Stated(
    Observation(kind=EvidenceKind.LIMITATION, code="not_examined", reasons=("devices",))
)
CHANGE = Stated(
    Observation(
        kind=EvidenceKind.COMPARISON,
        code="pleural_effusion",
        category="worsened",
        polarity=Polarity.PRESENT,
        against="prior-1",
    )
)
OF_PRIOR = Stated(usual()[6].observation, image="prior-1")
SECOND = Stated(usual()[3].observation, image="img-2", artifacts=usual()[3].artifacts)


def voi_table() -> pydicom.Dataset:
    """The identity in twelve bits."""
    table = lut(0, list(range(4096)), 12)
    del table.ModalityLUTType
    return table


RUNS: dict[str, Callable[[Path], Run]] = {
    "dx": lambda root: written(root, [source()]),
    "cr": lambda root: written(root, [source(SOPClassUID=CR, Modality="CR")]),
    "spaced": lambda root: written(root, [source(**SPACED)]),
    "low_is_white": lambda root: written(
        root, [source(4095 - picture(), PhotometricInterpretation="MONOCHROME1")]
    ),
    "window": lambda root: written(root, [source(WindowCenter="1500", WindowWidth="2800")]),
    "bad_window": lambda root: written(root, [source(WindowCenter="0", WindowWidth="-5")]),
    "table": lambda root: written(root, [source(VOILUTSequence=[voi_table()])]),
    "modality_table": lambda root: written(
        root, [source(ModalityLUTSequence=[lut(0, [16 * n for n in range(4096)], 16)])]
    ),
    "rescaled": lambda root: written(root, [source(RescaleSlope="2", RescaleIntercept="-10")]),
    "capture": lambda root: written(
        root, [source(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", Modality="OT")]
    ),
    "turned": lambda root: written(root, [source(np.rot90(picture()), PatientOrientation="F\\R")]),
    "unoriented": lambda root: written(root, [source(PatientOrientation=None)]),
    "nameless": lambda root: written(
        root, [source(PatientName="", PatientID="", PatientBirthDate="", PatientSex="")]
    ),
    "odd_values": lambda root: written(
        root, [source(PatientSex="female", StudyTime="noon", PatientBirthDate="long ago")]
    ),
    "nothing_found": lambda root: written(root, [source()], [LIMITATION], status="partial"),
    "german": lambda root: written(root, [source()], language="de"),
    "two_films": lambda root: written(
        root, [source(), source(picture()[::-1], 2)], [*usual(), SECOND]
    ),
    "prior": lambda root: written(
        root,
        [source()],
        [*usual(), CHANGE, OF_PRIOR],
        [source(picture()[::-1], 3, 2, StudyDate="20180203")],
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_no_object_has_a_fault(name: str, tmp_path: Path, decoder: Decoder) -> None:
    run = RUNS[name](tmp_path)
    recorded = recorded_report(run.folder)
    objects = list(dicom_objects(run.folder, run.sources, decoder))
    sources = find_sources(recorded, run.sources, decoder)
    objects += [one for film in sources.currents if (one := secondary_capture(recorded, film))]
    for number, data in enumerate(objects):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(data)
        assert data[:132] == bytes(128) + b"DICM"
        assert faults(path) == [], number
    expected = {"nothing_found": 1, "two_films": 6}
    assert len(objects) == expected.get(name, 4)


def test_dciodvfy_would_tell(tmp_path: Path, decoder: Decoder) -> None:
    run = RUNS["dx"](tmp_path)
    path = tmp_path / "sr.dcm"
    report = dicom_objects(run.folder, run.sources, decoder)[0]
    path.write_bytes(report.replace(b"UNVERIFIED", b"UNVERIFXXX"))
    assert faults(path)
