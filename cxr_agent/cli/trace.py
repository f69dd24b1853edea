"""`cxr-agent trace`: look at what a run did, and whether it is still what it wrote."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="trace",
    help="Look into the record of a run: every step, its evidence, and the hash chain.",
    no_args_is_help=True,
)

Traces = Annotated[
    Path,
    typer.Option("--traces", envvar="CXR_AGENT_TRACES", help="Folder of traces.", metavar="DIR"),
]
Run = Annotated[
    str,
    typer.Argument(metavar="[RUN]", help="A run id, the beginning of one, a path, or 'last'."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]

_DEFAULT_TRACES = Path("traces")


@app.command("list")
def list_command(traces: Traces = _DEFAULT_TRACES, as_json: AsJson = False) -> None:
    """List the runs, newest first. Reads two lines of each."""
    from cxr_agent.trace import list_traces

    headers = list_traces(traces)
    if as_json:
        _print_json(
            [
                {
                    "name": header.name,
                    "directory": str(header.directory),
                    "started": header.started,
                    "planner": header.planner,
                    "program_version": header.program_version,
                    "status": header.status,
                    "seconds": header.seconds,
                    "problem": header.problem,
                }
                for header in headers
            ]
        )
        return
    from cxr_agent.trace.escape import visible

    if not headers:
        typer.echo(f"No runs in {traces}.")
    for header in headers:
        status = header.problem or header.status or "unfinished"
        seconds = "" if header.seconds is None else f"{header.seconds:.1f} s"
        started = (header.started or "-")[:19]
        planner = visible(header.planner or "-", 24)
        typer.echo(
            f"{visible(header.name)}  {started}  {status:<12}  {planner:<10}  {seconds}".rstrip()
        )


@app.command("show")
def show_command(
    run: Run = "last", traces: Traces = _DEFAULT_TRACES, as_json: AsJson = False
) -> None:
    """Show a run: films, steps, evidence, gates and how it ended."""
    from cxr_agent.trace import find_trace, read_trace
    from cxr_agent.trace.render import show

    trace = read_trace(find_trace(traces, run))
    if not as_json:
        show(trace, sys.stdout)
        return
    _print_json(
        {
            "run_id": trace.run_id,
            "directory": str(trace.directory),
            "torn": trace.torn,
            "lines": [line.model_dump(mode="json") for line in trace.lines],
        }
    )


@app.command("verify")
def verify_command(
    run: Run = "last", traces: Traces = _DEFAULT_TRACES, as_json: AsJson = False
) -> None:
    """Check the hash chain, the order, the clock and every artifact.

    Ends with status 8 for a trace that was changed, is cut off, or has no end.
    """
    from cxr_agent.errors import TraceError
    from cxr_agent.trace import find_trace, read_trace, verify

    result = verify(read_trace(find_trace(traces, run)))
    if as_json:
        from dataclasses import asdict

        _print_json({**asdict(result), "intact": result.intact})
    else:
        from cxr_agent.trace.escape import visible

        typer.echo(f"run {visible(result.run_id)}")
        typer.echo(f"{result.lines} lines, {result.artifacts} artifacts, head {result.head}")
        for problem in result.problems:
            typer.echo(f"{problem.code}: {visible(problem.message)}")
    if not result.intact:
        raise TraceError(
            "trace_tampered",
            f"the trace is not what the run wrote: {len(result.problems)} problem(s)",
            hint="do not rely on this run; read the film again",
        )
    if result.torn:
        raise TraceError(
            "trace_torn",
            "the last line is cut off; the lines before are intact",
            hint="the run was stopped while it wrote; read the film again",
        )
    if not result.finished:
        raise TraceError(
            "trace_unfinished",
            "the run has no end; its lines are intact",
            hint="it was stopped, still runs, or lines were cut off at the end",
        )
    if not as_json:
        typer.echo("intact and finished")


@app.command("schema")
def schema_command(as_json: AsJson = True) -> None:
    """Print the JSON schema of a line of trace.jsonl."""
    del as_json  # a schema has no other form; the option is there as on every command
    from cxr_agent.trace.schema import json_schema

    _print_json(json_schema())


def _print_json(value: Any) -> None:
    # ASCII: JSON stays valid, and no control or direction character reaches the terminal.
    typer.echo(json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False))
