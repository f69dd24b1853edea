"""``cxr-agent ground``: where a phrase of a report points on a film."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.errors import EXIT_OK

if TYPE_CHECKING:
    from cxr_agent.regions.phrases import Pointed


def ground(
    film: Annotated[Path, typer.Argument(metavar="FILM", help="A frontal chest film.")],
    phrase: Annotated[
        str, typer.Argument(metavar="PHRASE", help="As 'small left pleural effusion'.")
    ],
    model: Annotated[
        str | None,
        typer.Option(help="Ask a pulled model, as maira-2. Default: by rule from the outlines."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    device: Device = "auto",
) -> int:
    """Tell where a phrase points on a film, in film pixels: not whether it is true. 0.3 s.

    Boxes are (left, top, right, bottom), the last two exclusive.
    """
    from cxr_agent.segmenting import Segmenter

    with Segmenter(device=device) as segmenter, notices_told(device, segmenter.runtime):
        found = segmenter.ground(film, phrase, model)
    if as_json:
        by = model or "rule"
        print(json.dumps([{**asdict(one), "by": by} for one in found], indent=2))
        return EXIT_OK
    if not found:
        print("The model points nowhere.")
    for one in found:
        _print(one)
    return EXIT_OK


def _print(one: Pointed) -> None:
    from cxr_agent.cli.output import shown_name

    kind = one.code.replace("_", " ") if one.code else "the phrase"
    said = f", said to be {one.polarity}" if one.polarity is not None else ""
    note = " (where it usually lies)" if one.usual else ""
    print(f"{shown_name(one.text)}: {kind}{said}{note}")
    for name, box in one.boxes.items():
        print(f"  {name:<28}{', '.join(map(str, box))}")
    for name in one.missing:
        print(f"  {name:<28}not outlined here")
