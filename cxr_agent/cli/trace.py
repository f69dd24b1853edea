"""``cxr-agent trace``: look at runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cxr_agent.cli.trace_serve import serve
from cxr_agent.cli.trace_view import view
from cxr_agent.errors import EXIT_OK, TraceError

app = typer.Typer(
    help="Look at what runs did: list, show, verify, view, serve.", no_args_is_help=True
)
app.command()(view)
app.command()(serve)

Run = Annotated[str, typer.Argument(metavar="[RUN]", help="Run id, its beginning, path, or last.")]
Traces = Annotated[
    Path | None, typer.Option(help="Folder of traces. Default: CXR_AGENT_TRACES, else ./traces.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_runs(traces: Traces = None, as_json: AsJson = False) -> None:
    """List runs, newest first."""
    from dataclasses import asdict

    from cxr_agent.trace import list_traces
    from cxr_agent.trace.render import clean

    headers = list_traces(_root(traces))
    if as_json:
        print(json.dumps([asdict(h) | {"directory": str(h.directory)} for h in headers], indent=2))
        return
    for header in headers:
        status = header.status or header.problem or "not finished"
        seconds = f"{header.seconds:.1f} s" if header.seconds is not None else ""
        print(clean(f"{header.name}  {status:<12} {seconds:>7}  {header.planner or ''}"))


@app.command()
def show(
    run: Run = "last",
    traces: Traces = None,
    full: Annotated[bool, typer.Option("--full", help="Also what the gates let through.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one run step by step."""
    from cxr_agent.trace import find_trace, read_trace
    from cxr_agent.trace.render import to_text

    trace = read_trace(find_trace(_root(traces), run))
    if as_json:
        lines = [line.model_dump(mode="json") for line in trace.lines]
        print(json.dumps({"run_id": trace.run_id, "torn": trace.torn, "lines": lines}, indent=2))
        return
    print(to_text(trace, full=full), end="")


@app.command()
def verify(run: Run = "last", traces: Traces = None, as_json: AsJson = False) -> int:
    """Check the hash chain, the order and every artifact of one run."""
    from dataclasses import asdict

    from cxr_agent.trace import find_trace, read_trace
    from cxr_agent.trace import verify as check
    from cxr_agent.trace.render import clean

    found = check(read_trace(find_trace(_root(traces), run)))
    if as_json:
        print(json.dumps(asdict(found) | {"intact": found.intact}, indent=2))
    else:
        for problem in found.problems:
            place = f"line {problem.line}: " if problem.line is not None else ""
            print(clean(f"! {place}[{problem.code}] {problem.message}"))
        count = len(found.problems)
        state = "intact" if found.intact else f"{count} problem{'s' if count > 1 else ''}"
        end = "" if found.finished else ", not finished"
        torn = ", last line torn" if found.torn else ""
        size = f"{found.lines} lines, {found.artifacts} files"
        print(f"{clean(found.run_id)}: {state}{end}{torn}, {size}")
        print(f"head {found.head}")
    return EXIT_OK if found.intact else TraceError.exit_status


@app.command()
def schema() -> None:
    """Print the JSON Schema of a line of a trace."""
    from cxr_agent.trace.schema import json_schema

    print(json.dumps(json_schema(), indent=2))


def _root(traces: Path | None) -> Path:
    from cxr_agent.trace import default_traces

    return traces if traces is not None else default_traces()
