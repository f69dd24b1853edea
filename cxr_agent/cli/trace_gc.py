"""``cxr-agent trace gc``: delete old runs and what lies about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_agent.cli.trace_options import AsJson, Traces, root_of
from cxr_agent.errors import UsageError

if TYPE_CHECKING:
    from cxr_agent.trace.gc import Collected


def gc(
    traces: Traces = None,
    older_than: Annotated[
        float | None,
        typer.Option(metavar="DAYS", min=0, help="Runs last written to longer ago than this."),
    ] = None,
    keep: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="All runs but the N newest.")
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            help="Runs of these: complete, partial, refused, failed, unfinished, damaged; with "
            "commas. Damaged ones go only where named."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would go; the default.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete runs that every given option names, and files that no run points to.

    Without such an option no run goes. One in use never does.
    """
    from cxr_agent.trace.filters import statuses
    from cxr_agent.trace.gc import Rule, collect

    if dry_run and yes:
        raise UsageError("dry_run_or_yes", "--dry-run and --yes exclude each other")
    rule = Rule(older_than, keep, statuses(status) if status is not None else frozenset())
    found = collect(root_of(traces), rule, delete=yes)
    if as_json:
        print(json.dumps(_record(found, yes), indent=2))
    else:
        _print(found, yes)


def _record(found: Collected, deleted: bool) -> dict[str, object]:
    return {
        "deleted": deleted,
        "bytes": found.size,
        "removed": [
            {"what": one.what, "path": str(one.path), "bytes": one.size} for one in found.removed
        ],
        "kept": [{"path": str(path), "why": why.value} for path, why in found.kept],
    }


def _print(found: Collected, deleted: bool) -> None:
    from cxr_agent.trace.render import clean

    for one in found.removed:
        name = one.path.name if one.what == "run" else f"{one.path.parent.name}/{one.path.name}"
        print(clean(f"{one.what:<10} {one.size:>12,}  {name}"))
    for path, why in found.kept:
        print(clean(f"kept       {why.value:>12}  {path.name}"))
    runs = sum(one.what == "run" for one in found.removed)
    counts = f"{runs} runs and {len(found.removed) - runs} other files"
    end = "freed" if deleted else "would be freed; --yes deletes"
    print(f"{counts}: {found.size:,} bytes {end}")
