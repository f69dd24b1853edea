"""``cxr-agent demo``: one film from file to report, to see what the program does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cxr_agent.cli.device import Device, notices_told


def demo(
    film: Annotated[
        Path | None, typer.Argument(metavar="[FILM]", help="A film. Default: a drawn phantom.")
    ] = None,
    html: Annotated[Path, typer.Option(help="Where the HTML report goes.")] = Path(
        "demo-report.html"
    ),
    traces: Annotated[Path | None, typer.Option(help="Where the trace goes.")] = None,
    device: Device = "auto",
) -> None:
    """Read a film, or the procedural phantom when none is given. Takes about 2 s."""
    from cxr_agent.cli.show import print_report
    from cxr_agent.output import write_whole
    from cxr_agent.reading import Agent
    from cxr_agent.report.render import to_html
    from cxr_agent.trace import read_trace

    with (
        tempfile.TemporaryDirectory() as folder,
        Agent(traces=traces, device=device, model="none") as agent,
        notices_told(device, agent.runtime),
    ):
        report = agent.read(film if film is not None else _phantom(Path(folder)))
    print_report(report)
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
