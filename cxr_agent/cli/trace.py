"""``cxr-agent trace``: look at runs."""

from __future__ import annotations

import json

import typer

from cxr_agent.cli import (
    trace_diff,
    trace_export,
    trace_gc,
    trace_list,
    trace_replay,
    trace_serve,
    trace_show,
    trace_view,
)
from cxr_agent.cli.trace_options import AsJson, Run, Traces, root_of
from cxr_agent.errors import EXIT_OK, TraceError

app = typer.Typer(
    help="Look at what runs did: list, show, view, serve, diff, replay, verify, export, gc.",
    no_args_is_help=True,
)
app.command("view")(trace_view.view)
app.command("serve")(trace_serve.serve)

app.command("list")(trace_list.list_runs)
app.command("show")(trace_show.show)
app.command("diff")(trace_diff.compare)
app.command("replay")(trace_replay.replay)
app.command("export")(trace_export.export)
app.command("gc")(trace_gc.gc)


@app.command()
def verify(run: Run = "last", traces: Traces = None, as_json: AsJson = False) -> int:
    """Check the hash chain, the order and every artifact of one run."""
    from dataclasses import asdict

    from cxr_agent.trace import find_trace, read_trace
    from cxr_agent.trace import verify as check
    from cxr_agent.trace.render import clean

    found = check(read_trace(find_trace(root_of(traces), run)))
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
        sealed = "" if found.sealed or not found.intact else ", end not sealed"
        size = f"{found.lines} lines, {found.artifacts} files"
        print(f"{clean(found.run_id)}: {state}{end}{torn}{sealed}, {size}")
        print(f"head {found.head}")
    return EXIT_OK if found.intact else TraceError.exit_status


@app.command()
def schema() -> None:
    """Print the JSON Schema of a line of a trace."""
    from cxr_agent.trace.schema import json_schema

    print(json.dumps(json_schema(), indent=2))
