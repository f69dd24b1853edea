"""``cxr-agent trace view``: one run as one file for a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cxr_agent.cli.trace_options import AsJson, Run, Traces, root_of


def view(
    run: Run = "last",
    out: Annotated[
        Path | None, typer.Option(help="The file to write. Default: trace-RUN.html.")
    ] = None,
    traces: Traces = None,
    as_json: AsJson = False,
) -> None:
    """Write one run as an HTML file: its steps, what each rests on, and the films.

    The file asks for nothing from anywhere. It holds the films' pixels, as the trace does.
    """
    from cxr_agent.cli.output import shown_name
    from cxr_agent.output import write_whole
    from cxr_agent.trace import find_trace
    from cxr_agent.viewing.page import to_page

    directory = find_trace(root_of(traces), run)
    page = to_page(directory).encode("utf-8")
    file = out if out is not None else Path(f"trace-{directory.resolve().name}.html")
    write_whole(file, page)
    if as_json:
        print(json.dumps({"run": directory.name, "file": str(file), "bytes": len(page)}, indent=2))
    else:
        print(shown_name(f"Page: {file}"))
