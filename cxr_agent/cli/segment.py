"""``cxr-agent segment``: masks as files, at the film's own size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.options import Films
from cxr_agent.errors import EXIT_OK, CxrAgentError, UsageError

if TYPE_CHECKING:
    from cxr_agent.models.adapters.prompts import Prompt
    from cxr_agent.regions.sources import Found


def segment(
    films: Films,
    out: Annotated[Path, typer.Option(help="Folder for DIR/<file stem>/<structure>.png.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was written as JSON.")
    ] = False,
    structure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="A place by name, as 'left costophrenic angle' or 'linke Lunge'; may be repeated.",
        ),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="L,T,R,B",
            help="Outline what this box of film pixels shows, with a pulled SAM or MedSAM.",
        ),
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y",
            help="Outline what is at this film pixel, with a pulled SAM.",
        ),
    ] = None,
    device: Device = "auto",
) -> int:
    """Outline lungs, heart and clavicles: one binary PNG (0, 255) per structure. 0.3 s a film.

    With --structure, --box or --point, what they ask for and nothing else. A structure that could
    not be outlined gives an empty mask, or none where it was asked for, and the output says so.
    """
    from cxr_agent.cli.output import Names, shown_name
    from cxr_agent.cli.problems import error_record, internal_error, print_error
    from cxr_agent.segmenting import Segmenter

    wanted = _wanted(structure or [], box or [], point or [])
    status, names = EXIT_OK, Names()
    records: list[dict[str, Any]] = []
    with Segmenter(device=device) as segmenter, notices_told(device, segmenter.runtime):
        for film in films:
            record: dict[str, Any] = {"file": shown_name(film)}
            masks, missing = {}, {}
            try:
                if wanted is None:
                    masks = segmenter.segment(film)
                    missing = {n: "not_outlined" for n, plane in masks.items() if not plane.any()}
                else:
                    outlined = segmenter.outline(film, *wanted)
                    masks = {one.code: one.plane for one in outlined.found}
                    missing = dict(outlined.missing)
                    record |= {"structures": [_record(one) for one in outlined.found]}
                    record |= {"reasons": missing}
                folder = _write(masks, out / names.take(film))
            except Exception as error:
                told = error if isinstance(error, CxrAgentError) else internal_error(error)
                status = status or told.exit_status
                record |= error_record(told)
                if not as_json:
                    print_error(told, shown_name(film) if len(films) > 1 else "")
            else:
                record |= {"folder": str(folder), "not_outlined": sorted(missing)}
                if not as_json:
                    note = f"; not outlined: {_told(missing)}" if missing else ""
                    print(f"{shown_name(film)}: {shown_name(folder)}{note}")
            records.append(record)
    if as_json:
        print(json.dumps(records, indent=2, ensure_ascii=False))
    return status


def _wanted(
    structures: list[str], boxes: list[str], points: list[str]
) -> tuple[list[str], dict[str, Prompt]] | None:
    """Codes and prompts; None where nothing was asked for by name. Raises UsageError."""
    if not (structures or boxes or points):
        return None
    from cxr_agent.models.adapters.prompts import Point, Prompt
    from cxr_agent.regions.names import codes_of

    codes = [code for text in structures for code in codes_of(text)]
    prompts: dict[str, Prompt] = {}
    for number, text in enumerate(boxes, 1):
        left, top, right, bottom = map(int, _numbers("--box", text, 4))
        prompts[_numbered("box", number)] = Prompt(box=(left, top, right, bottom))
    for number, text in enumerate(points, 1):
        x, y = _numbers("--point", text, 2)
        prompts[_numbered("point", number)] = Prompt(points=(Point(x, y),))
    return codes, prompts


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"


def _numbers(option: str, text: str, count: int) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if len(found) != count or not all(abs(number) < 1e6 for number in found):
        raise UsageError(
            "bad_prompt",
            f"{option} takes {count} numbers with commas between them",
            hint="As --box 120,80,400,360 or --point 250,190, in film pixels.",
        )
    return found


def _record(found: Found) -> dict[str, Any]:
    """What tells of one outline in JSON."""
    record: dict[str, Any] = {"code": found.code, "source": found.source, "box": list(found.box)}
    if found.model is not None:
        record["model"] = found.model
    if found.point is not None:
        record["point"] = [round(number, 1) for number in found.point]
    if found.predicted_iou is not None:
        record["predicted_iou_uncalibrated"] = round(found.predicted_iou, 4)
    return record


def _told(missing: dict[str, str]) -> str:
    from cxr_agent.knowledge import reasons

    if set(missing.values()) == {"not_outlined"}:
        return ", ".join(sorted(missing))
    return ", ".join(f"{name} ({reasons()[code]})" for name, code in sorted(missing.items()))


def _write(masks: dict[str, Any], folder: Path) -> Path:
    from cxr_agent.output import write_whole
    from cxr_agent.toolbox.artifacts import grey_png

    for structure, plane in masks.items():
        write_whole(folder / f"{structure}.png", grey_png(plane))
    return folder
