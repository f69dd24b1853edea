"""``cxr-agent drr``: a radiograph out of a CT, with known geometry and true outlines."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_agent.cli.projecting import (
    POSE_HELP,
    Ct,
    Detector,
    DetectorDistance,
    SourceDistance,
    ViewChoice,
    points_of,
    pose_of,
)
from cxr_agent.errors import EXIT_OK

if TYPE_CHECKING:
    from cxr_agent.synthesis import Radiograph


class FilmFormat(StrEnum):
    """As what a film is written."""

    DICOM = "dicom"
    PNG = "png"


def drr(
    ct: Ct,
    out: Annotated[Path, typer.Option(help="Folder for film, masks, geometry and truth.")] = Path(
        "drr"
    ),
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Labels on the CT's grid: a NIfTI file of numbers, or a folder with one NIfTI "
            "mask per structure, as TotalSegmentator writes. Default: lungs by threshold.",
            show_default=False,
        ),
    ] = None,
    label_names: Annotated[
        Path | None,
        typer.Option(help='JSON of a file of numbers, as {"1": "heart"}. Default: beside it.'),
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help='JSON of points to project, as {"carina": [x, y, z]}, LPS.')
    ] = None,
    view: Annotated[ViewChoice, typer.Option(help="Where the beam goes.")] = ViewChoice.PA,
    pose: Annotated[str, typer.Option(help=f"How the patient stands. {POSE_HELP}")] = "",
    sid: SourceDistance = None,
    odd: DetectorDistance = None,
    detector: Detector = 430.0,
    size: Annotated[int, typer.Option(metavar="PIXELS", help="Rows and columns.")] = 512,
    style: Annotated[str, typer.Option(help="film, digital, hard, bedside or linear.")] = "film",
    like: Annotated[
        Path | None, typer.Option(metavar="FILM", help="Take the grey levels of this film.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    form: Annotated[FilmFormat, typer.Option("--format", help="Of the film.")] = FilmFormat.DICOM,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Make a synthetic film of a CT, with outlines that are exact. 2 s and more, by voxels.

    The film is marked as synthetic: a reading says so first, and it is never a prior and never in
    a store. docs/drr.md tells of geometry, styles and files.
    """
    from dataclasses import replace

    from cxr_agent.output import write_whole
    from cxr_agent.synthesis import Beam, radiograph, read_volume, standing
    from cxr_agent.synthesis.film import matched, style_named
    from cxr_agent.synthesis.labels import missing_structures
    from cxr_agent.synthesis.writing import dicom_bytes, png_bytes, written_files

    stood, chosen, points = pose_of(pose), style_named(style), points_of(landmarks)
    reference = None if like is None else _pixels(like)
    volume = read_volume(ct, labels, label_names)
    projection = standing(
        volume,
        Beam(view.value),
        stood,
        source_detector_mm=sid,
        isocentre_detector_mm=odd,
        detector_mm=detector,
        size=size,
    )
    made = radiograph(volume, projection, chosen, seed)
    if reference is not None:
        made = replace(made, pixels=matched(made.pixels, reference))
    missing = missing_structures(volume)
    source = "threshold" if labels is None else "given"
    files = written_files(
        made, points, style=style, like=like is not None, seed=seed, labels=source, missing=missing
    )
    name = "film.dcm" if form is FilmFormat.DICOM else "film.png"
    film = dicom_bytes(made) if form is FilmFormat.DICOM else png_bytes(made.pixels)
    for path, content in {name: film, **files}.items():
        write_whole(out / path, content)
    record = _record(made, out / name, missing, json.loads(files["truth.json"]))
    print(json.dumps(record, indent=2, ensure_ascii=False) if as_json else _told(record))
    return EXIT_OK


def _pixels(film: Path) -> Any:
    from cxr_agent.imaging import Decoder

    with Decoder() as decoder:
        return decoder.decode(film).pixels


def _record(
    made: Radiograph, film: Path, missing: tuple[str, ...], truth: dict[str, Any]
) -> dict[str, Any]:
    projection = made.projection
    return {
        "synthetic": True,
        "film": str(film),
        "masks": sorted(made.scene.masks),
        "missing": list(missing),
        "magnification": round(projection.magnification, 5),
        "values": truth["values"],
        "landmarks_px": truth["landmarks_px"],
    }


def _told(record: dict[str, Any]) -> str:
    from cxr_agent.cli.output import shown_name

    lines = [f"{shown_name(record['film'])}  SYNTHETIC, not evidence about a patient"]
    lines.append(f"  magnification at the isocentre  {record['magnification']:.3f}")
    for name, value in record["values"].items():
        shown = "not measurable" if value is None else f"{value:.3f}"
        lines.append(f"  {name:<32}{shown}")
    if record["missing"]:
        lines.append(f"  no label of: {', '.join(record['missing'])}")
    return "\n".join(lines)
