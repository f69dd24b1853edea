"""``cxr-agent segment``: masks as files, at the film's own size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.options import Films
from cxr_agent.errors import EXIT_OK, CxrAgentError


def segment(
    films: Films,
    out: Annotated[Path, typer.Option(help="Folder for DIR/<file stem>/<structure>.png.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was written as JSON.")
    ] = False,
    device: Device = "auto",
) -> int:
    """Outline lungs, heart and clavicles: one binary PNG (0, 255) per structure. 0.3 s a film.

    A structure that could not be outlined gives an empty mask, and the output says so.
    """
    from cxr_agent.cli.output import Names, shown_name
    from cxr_agent.cli.problems import error_record, internal_error, print_error
    from cxr_agent.segmenting import Segmenter

    status, names = EXIT_OK, Names()
    records: list[dict[str, Any]] = []
    with Segmenter(device=device) as segmenter, notices_told(device, segmenter.runtime):
        for film in films:
            record: dict[str, Any] = {"file": shown_name(film)}
            try:
                masks = segmenter.segment(film)
                folder = _write(masks, out / names.take(film))
            except Exception as error:
                told = error if isinstance(error, CxrAgentError) else internal_error(error)
                status = status or told.exit_status
                record |= error_record(told)
                if not as_json:
                    print_error(told, shown_name(film) if len(films) > 1 else "")
            else:
                missing = sorted(name for name, plane in masks.items() if not plane.any())
                record |= {"folder": str(folder), "not_outlined": missing}
                if not as_json:
                    note = f"; not outlined: {', '.join(missing)}" if missing else ""
                    print(f"{shown_name(film)}: {shown_name(folder)}{note}")
            records.append(record)
    if as_json:
        print(json.dumps(records, indent=2, ensure_ascii=False))
    return status


def _write(masks: dict[str, Any], folder: Path) -> Path:
    from cxr_agent.output import write_whole
    from cxr_agent.toolbox.artifacts import grey_png

    for structure, plane in masks.items():
        write_whole(folder / f"{structure}.png", grey_png(plane))
    return folder
