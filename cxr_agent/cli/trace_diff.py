"""``cxr-agent trace diff``: what two runs did differently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from cxr_agent.cli.trace_options import AsJson, Traces, root_of
from cxr_agent.errors import EXIT_OK, UsageError

DIFFERENT: Final = 1
"""Exit status where the runs differ, so that a script can tell."""


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="Run id, its beginning, path, or last.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other run.")],
    traces: Traces = None,
    tolerance: Annotated[
        float,
        typer.Option(
            min=0,
            help="Numbers may differ by this, absolutely or as a share; in sentences too.",
        ),
    ] = 0.0,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="Does not count: settings, films, steps, evidence, conflicts, exchanges, "
            "sentences, verdicts, answers, outcome, artifacts. May be repeated.",
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write a page.", metavar="FILE")] = None,
    as_json: AsJson = False,
) -> int:
    """Compare two runs by meaning; ids, times and numbers of steps are no difference.

    Exit status 1 when they differ.
    """
    from cxr_agent.trace import find_trace, read_trace
    from cxr_agent.trace.diff import LEFT_OUT, diff
    from cxr_agent.trace.render_diff import diff_record, diff_text

    parts = {part.strip() for text in ignore or () for part in text.split(",")}
    if not parts <= LEFT_OUT:
        raise UsageError(
            "bad_part",
            f"{', '.join(sorted(parts - LEFT_OUT))} is no part of a run",
            hint=f"of {', '.join(sorted(LEFT_OUT))}",
        )
    root = root_of(traces)
    one, other = (read_trace(find_trace(root, name)) for name in (a, b))
    found = diff(one, other, tolerance=tolerance, ignore=parts)
    if html is not None:
        from cxr_agent.output import write_whole
        from cxr_agent.trace.render_diff_html import diff_html

        write_whole(html, diff_html(found).encode())
    if as_json:
        print(json.dumps(diff_record(found), indent=2))
    else:
        print(diff_text(found), end="")
    return DIFFERENT if found.differences else EXIT_OK
