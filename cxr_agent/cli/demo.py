"""``cxr-agent demo``: one film from file to report, to see what the program does."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cxr_agent.report.model import Report


def demo(
    film: Annotated[
        Path | None, typer.Argument(metavar="[FILM]", help="A film. Default: a drawn phantom.")
    ] = None,
    html: Annotated[Path, typer.Option(help="Where the HTML report goes.")] = Path(
        "demo-report.html"
    ),
    traces: Annotated[Path | None, typer.Option(help="Where the trace goes.")] = None,
) -> None:
    """Read a film, or the procedural phantom when none is given. Takes about 2 s."""
    from cxr_agent.cli.output import write_whole
    from cxr_agent.reading import Agent
    from cxr_agent.report.render import to_html
    from cxr_agent.trace import read_trace

    with tempfile.TemporaryDirectory() as folder, Agent(traces=traces) as agent:
        report = agent.read(film if film is not None else _phantom(Path(folder)))
    _show(report)
    assert report.trace is not None
    write_whole(html, to_html(report, read_trace(Path(report.trace)).artifact).encode())
    print(f"\nTrace:       {report.trace}\nHTML report: {html}")


def _phantom(folder: Path) -> Path:
    import numpy as np
    from PIL import Image

    from cxr_agent.testing.phantom import draw

    path = folder / "phantom.png"
    Image.fromarray(np.rint(draw(size=1024).pixels * 255).astype(np.uint8)).save(path)
    return path


def _show(report: Report) -> None:
    from cxr_agent.report.render import render_terminal, to_text

    if sys.stdout.isatty():
        from rich.console import Console

        render_terminal(report, Console())
    else:
        print(to_text(report))
