"""``cxr-agent batch report``: a whole batch as one page for a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def report(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folders of the batch, one per part.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The file to write. Default: DIR/overview.html.")
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Which group, site or date each study is of: a column study or file, and others.",
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Compare by this column of --groups, or by order, device, folder, view, spacing, "
            "size. May be given several times.",
        ),
    ] = None,
    names: Annotated[
        bool, typer.Option("--names", help="Show the files' names, which may say who it is.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what the page says as JSON.")
    ] = False,
) -> None:
    """Write one page over a batch: distributions, outliers, failures, drift, links to traces.

    The page asks for nothing from anywhere, and names no file or patient unless told to.
    """
    from dataclasses import asdict

    from cxr_agent.batch.overview.overview import overview_of
    from cxr_agent.cli.output import shown_name
    from cxr_agent.output import write_whole
    from cxr_agent.viewing.overview import overview_page

    file = out if out is not None else folders[0] / "overview.html"
    places = tuple(dict.fromkeys(folder.absolute() for folder in folders))
    overview = overview_of(places, groups, by or (), names=names)
    page = overview_page(overview, places, file.absolute().parent).encode("utf-8", "replace")
    write_whole(file, page)
    if as_json:
        print(json.dumps({"file": str(file), "bytes": len(page), **asdict(overview)}, indent=2))
    else:
        print(shown_name(f"Page: {file}"))
