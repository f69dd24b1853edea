"""``cxr-agent synthesise``: a film of nobody, out of a text."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cxr_agent.errors import EXIT_OK, UsageError


class View(StrEnum):
    """The views that can be drawn."""

    PA = "PA"
    AP = "AP"
    LATERAL = "LATERAL"


def synthesise(
    out: Annotated[Path, typer.Option(help="The film, a PNG file; how it was made is beside it.")],
    said: Annotated[
        str, typer.Argument(metavar="TEXT", help="What it shows: 'big right pleural effusion'.")
    ] = "",
    report: Annotated[
        Path | None,
        typer.Option(help="Draw what this free-text report says, by its impression."),
    ] = None,
    view: Annotated[
        View | None, typer.Option(help="Draw this view, as the one that a study lacks.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A pulled model of the family roentgen, or a folder.")
    ] = "roentgen",
    seed: Annotated[int, typer.Option(help="The same gives the same film.")] = 0,
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Of denoising.")] = 75,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:N or auto.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Draw a synthetic film with a text-to-image model. Minutes on a CPU.

    It is marked: a reading says so first, it is refused beside a patient's films and as their
    prior, and no store takes it. Nothing is downloaded: the model is one that was pulled.
    """
    from cxr_agent.cli.output import shown_name
    from cxr_agent.cli.texts import read_text
    from cxr_agent.models.adapters import load_adapter
    from cxr_agent.models.adapters.sources import resolve
    from cxr_agent.output import write_whole
    from cxr_agent.synthesis.generated import DrawnView, drawn, said_in

    if bool(said.strip()) == (report is not None):
        raise UsageError(
            "bad_prompt", "give a text or --report, one of the two", hint="See --help."
        )
    text = said if report is None else said_in(read_text(report))
    if out.suffix.lower() != ".png":
        raise UsageError("bad_format", "a drawn film is a PNG file", hint="Write --out NAME.png.")
    generator = load_adapter("roentgen", resolve(model, fetch=False), device=device)
    chosen = None if view is None else DrawnView(view.value)
    made = drawn(generator, text, chosen, seed=seed, steps=steps)
    beside = out.with_suffix(".json")
    write_whole(out, made.png())
    write_whole(beside, made.record())
    if as_json:
        print(json.dumps({**json.loads(made.record()), "film": str(out)}, indent=2))
    else:
        print(f"{shown_name(str(out))}  SYNTHETIC, not evidence about a patient")
        print(f"  how it was made: {shown_name(str(beside))}")
    return EXIT_OK
