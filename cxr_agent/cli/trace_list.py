"""``cxr-agent trace list``: which runs there are."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cxr_agent.cli.trace_options import AsJson, Traces, root_of


def list_runs(
    traces: Traces = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Begun on this day (UTC) or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Begun on this day (UTC) or before.")
    ] = None,
    finding: Annotated[
        str | None,
        typer.Option(
            metavar="CODE[=POLARITY]",
            help="States this finding, as cardiomegaly or cardiomegaly=present (absent, "
            "uncertain). Reads the runs.",
        ),
    ] = None,
    planner: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Planner whose name has this in it.")
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(help="complete, partial, refused, failed, unfinished, damaged; with commas."),
    ] = None,
    slower: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Took more than this.")
    ] = None,
    faster: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Took less than this.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many.")] = None,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    from dataclasses import asdict

    from cxr_agent.trace import filters, list_traces
    from cxr_agent.trace.render import clean

    code, polarity = filters.finding(finding) if finding is not None else (None, None)
    wanted = filters.Filter(
        since=filters.moment(since) if since is not None else None,
        until=filters.moment(until, after=True) if until is not None else None,
        planner=planner,
        statuses=filters.statuses(status) if status is not None else frozenset(),
        slower=slower,
        faster=faster,
        finding=code,
        polarity=polarity,
    )
    headers = list(wanted.choose(list_traces(root_of(traces)), limit))
    if as_json:
        print(json.dumps([asdict(h) | {"directory": str(h.directory)} for h in headers], indent=2))
        return
    for header in headers:
        shown = header.status or header.problem or "not finished"
        seconds = f"{header.seconds:.1f} s" if header.seconds is not None else ""
        print(clean(f"{header.name}  {shown:<12} {seconds:>7}  {header.planner or ''}"))
