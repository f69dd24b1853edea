"""Options that the commands of ``cxr-agent trace`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[str, typer.Argument(metavar="[RUN]", help="Run id, its beginning, path, or last.")]
Traces = Annotated[
    Path | None, typer.Option(help="Folder of traces. Default: CXR_AGENT_TRACES, else ./traces.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def root_of(traces: Path | None) -> Path:
    """The folder of traces that is meant."""
    from cxr_agent.trace import default_traces

    return traces if traces is not None else default_traces()
