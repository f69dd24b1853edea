"""Runs written by hand over DICOM films, so that every number and pixel of them is known."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_agent.evidence import Evidence, EvidenceKind, Location, Observation, Polarity, Side, Unit
from cxr_agent.imaging.film import DecodedFilm
from cxr_agent.report.model import FilmSummary, Report, Sentence
from cxr_agent.toolbox.artifacts import LINES, display_png, drawings_svg, mask_png
from cxr_agent.toolbox.contract import Drawing
from cxr_agent.trace import EvidenceAdded, RunFinished, RunStarted, StudyLoaded, TraceWriter
from cxr_agent.trace.events import ImageRecord
from tests.imaging.films import SHAPE, dicom, ramp, read

CR = "1.2.840.10008.5.1.4.1.1.1"
SECRETS = ("SECRET", "NÄME", "SECRETID", "19501224", "1.2.826.0.1.3680043.9.1")
MARK = (30, 20)
"""(row, column) of the film's one pixel of the highest value, a place on the patient's right."""
MARK_VALUE = 4095

Pixels = NDArray[Any]


def identity(number: int = 1, study: int = 1) -> dict[str, Any]:
    """What an archive knows a film by."""
    root = "1.2.826.0.1.3680043.9.1"
    return {
        "SOPInstanceUID": f"{root}.{study}.2.{number}",
        "StudyInstanceUID": f"{root}.{study}",
        "SeriesInstanceUID": f"{root}.{study}.2",
        "SpecificCharacterSet": "ISO_IR 100",
        "PatientName": "SECRET^NÄME",
        "PatientID": "SECRETID",
        "IssuerOfPatientID": "WARD",
        "PatientBirthDate": "19501224",
        "PatientSex": "F",
        "StudyTime": "101500",
        "StudyID": "S1",
        "AccessionNumber": "A-1",
        "ReferringPhysicianName": "",
    }


def picture() -> Pixels:
    """A film the right way round: a ramp with its mark."""
    pixels = ramp() // 2
    pixels[MARK] = MARK_VALUE
    return pixels


def source(pixels: Pixels | None = None, number: int = 1, study: int = 1, **values: Any) -> bytes:
    """A DICOM film with an identity."""
    pixels = picture() if pixels is None else pixels
    return dicom(pixels, **{**identity(number, study), **values})


def mask(left: float, right: float, shape: tuple[int, int] = SHAPE) -> NDArray[np.bool_]:
    """A slanted strip between two shares of the width, unlike itself turned in any way."""
    rows, columns = np.indices(shape)
    across = columns / shape[1] + 0.05 * rows / shape[0]
    return (across >= left) & (across < right) & (rows > shape[0] // 5) & (rows < shape[0] // 2)


RIGHT_LUNG, LEFT_LUNG, HEART = mask(0.1, 0.35), mask(0.6, 0.95), mask(0.4, 0.65)
WIDTH_LINE = ((20.5, 30.5), (60.0, 50.0))
"""(x, y): from the middle of the mark to somewhere else."""


@dataclass(frozen=True)
class Stated:
    """An observation with what its tool drew."""

    observation: Observation
    image: str = "img-1"
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    tool: str = "measure_ctr"
    reading: str = ""
    """What it is told as; a stand-in where it does not matter."""


def lines(*drawings: Drawing, shape: tuple[int, int] = SHAPE) -> dict[str, bytes]:
    """The artifact of some lines."""
    return {LINES: drawings_svg(drawings, shape)}


def outline(structure: str, plane: NDArray[np.bool_], side: Side | None, where: Location) -> Stated:
    return Stated(
        Observation(
            kind=EvidenceKind.REGION,
            code=structure,
            location=where,
            side=side,
            details={"area_px": float(plane.sum())},
        ),
        artifacts={structure: mask_png(plane)},
        tool="segment_anatomy",
    )


def usual() -> list[Stated]:
    """Something of every sort that a reading of one film states."""
    drawn = lines(
        Drawing(name="cardiac_width_left", points=WIDTH_LINE, label="heart"),
        Drawing(name="thoracic_width", points=((5.0, 40.0), (75.0, 40.0)), label="thorax"),
    )
    ratio = {"value": 0.4660194174757282, "unit": Unit.RATIO, "interval": (0.43832, 0.49372)}
    return [
        outline("right_lung", RIGHT_LUNG, Side.RIGHT, Location.RIGHT_LUNG),
        outline("left_lung", LEFT_LUNG, Side.LEFT, Location.LEFT_LUNG),
        outline("heart", HEART, None, Location.CARDIAC_SILHOUETTE),
        Stated(
            Observation(
                kind=EvidenceKind.MEASUREMENT,
                code="cardiothoracic_ratio",
                location=Location.CARDIAC_SILHOUETTE,
                interval_level=0.9,
                **ratio,
            ),
            artifacts=drawn,
        ),
        Stated(
            Observation(
                kind=EvidenceKind.MEASUREMENT,
                code="cardiac_width",
                location=Location.CARDIAC_SILHOUETTE,
                value=115.19999999999999,
                unit=Unit.MILLIMETRE,
                category="in_patient",
            ),
            artifacts=drawn,
        ),
        Stated(
            Observation(
                kind=EvidenceKind.FINDING,
                code="cardiomegaly",
                location=Location.CARDIAC_SILHOUETTE,
                polarity=Polarity.ABSENT,
                threshold=0.5,
                category="pa",
                interval_level=0.9,
                **ratio,
            ),
            artifacts=drawn,
        ),
        Stated(
            Observation(
                kind=EvidenceKind.FINDING,
                code="pleural_effusion",
                side=Side.RIGHT,
                location=Location.RIGHT_COSTOPHRENIC_ANGLE,
                polarity=Polarity.UNCERTAIN,
                probability=0.137,
                threshold=0.235,
                box=(5, 40, 25, 60),
            ),
            tool="classify_findings",
        ),
        Stated(
            Observation(kind=EvidenceKind.QUALITY, code="projection", category="pa"),
            tool="assess_quality",
        ),
        Stated(
            Observation(
                kind=EvidenceKind.LIMITATION, code="not_examined", reasons=("devices", "bones")
            ),
            tool="protocol",
        ),
    ]


@dataclass(frozen=True)
class Run:
    """A run's folder, its sources, and its report."""

    folder: Path
    sources: tuple[Path, ...]
    report: Report


def written(
    root: Path,
    films: Sequence[bytes],
    stated: Sequence[Stated] | None = None,
    priors: Sequence[bytes] = (),
    **report: Any,
) -> Run:
    """Write films and a run over them, which cites all that is stated."""
    handles = [f"img-{n}" for n, _ in enumerate(films, 1)]
    handles += [f"prior-{n}" for n, _ in enumerate(priors, 1)]
    decoded = {h: read(data) for h, data in zip(handles, (*films, *priors), strict=True)}
    (root / "films").mkdir(parents=True)
    paths = [root / "films" / f"{handle}.dcm" for handle in handles]
    for path, data in zip(paths, (*films, *priors), strict=True):
        path.write_bytes(data)
    with TraceWriter.create(root / "traces") as writer:
        writer.append(
            RunStarted(run_id=writer.run_id, program_version="0.1.0", planner="protocol 6")
        )
        summaries = [_summary(handle, film, writer.put) for handle, film in decoded.items()]
        writer.append(StudyLoaded(images=tuple(_record(one) for one in summaries)))
        evidence = [
            _evidence(n, one, decoded[one.image].sha256, writer.put)
            for n, one in enumerate(usual() if stated is None else stated, 1)
        ]
        for one in evidence:
            writer.append(EvidenceAdded(evidence=one.model_dump(mode="json")))
        sentences = tuple(Sentence(text=one.reading, evidence=(one.id,)) for one in evidence)
        made = Report(
            run_id=writer.run_id,
            program_version="0.1.0",
            planner="protocol 6",
            exam="Chest radiograph",
            findings=sentences,
            impression=sentences[:1],
            films=tuple(summaries),
            evidence=tuple(evidence),
            **{"status": "complete", **report},
        )
        writer.append(
            RunFinished(status="complete", seconds=1, report_sha256=writer.put(made.record()))
        )
    return Run(root / "traces" / writer.run_id, tuple(paths), made)


def _summary(handle: str, film: DecodedFilm, put: Callable[[bytes], str]) -> FilmSummary:
    rows, columns = film.pixels.shape
    spacing = film.spacing
    return FilmSummary(
        handle=handle,
        rows=rows,
        columns=columns,
        view=film.view.value,
        spacing_mm=None if spacing is None else (spacing.row_mm, spacing.column_mm),
        spacing_kind=None if spacing is None else spacing.kind.value,
        sha256=film.sha256,
        notices=(),
        days_before=400 if handle.startswith("prior-") else None,
        display=put(display_png(film.pixels)),
    )


def _record(film: FilmSummary) -> ImageRecord:
    return ImageRecord(
        handle=film.handle,
        sha256=film.sha256,
        rows=film.rows,
        columns=film.columns,
        view=film.view,
        display=film.display,
        days_before=film.days_before,
    )


def _evidence(number: int, one: Stated, image: str, put: Callable[[bytes], str]) -> Evidence:
    return Evidence(
        **one.observation.model_dump(),
        id=f"e{number}",
        image=one.image,
        artifacts={name: put(data) for name, data in one.artifacts.items()},
        reading=one.reading or f"What e{number} says of {one.observation.code.replace('_', ' ')}.",
        provenance={
            "step": number,
            "tool": one.tool,
            "tool_version": "1.0",
            "model": "anatomy",
            "weights_sha256": "ab" * 32,
            "image_sha256": image,
        },
    )


def faults(path: Path) -> list[str]:
    """What ``dciodvfy`` calls an error."""
    done = subprocess.run(["dciodvfy", path], capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    return [line for line in said if line.startswith("Error")]
