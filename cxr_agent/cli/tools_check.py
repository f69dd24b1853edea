"""``cxr-agent tools check``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_agent.cli.options import Tools
from cxr_agent.cli.skipped import tell
from cxr_agent.errors import EXIT_OK, ToolError

if TYPE_CHECKING:
    from cxr_agent.testing import Checked
    from cxr_agent.toolbox.sources import Skipped


def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="Tools. Default: all plug-ins.", show_default=False),
    ] = None,
    tools: Tools = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Run the contract suite on tools; fails where one does not hold to it, or is broken."""
    from cxr_agent.reading.one_tool import chosen_tool
    from cxr_agent.testing import check_tool
    from cxr_agent.toolbox.sources import ToolSources
    from cxr_agent.toolbox.sources.deferred import with_code

    found = ToolSources.wanted(folder=tools).found()
    plug_ins = [spec.name for spec in found.registry.plug_ins()]
    skipped = [one for one in found.skipped if not names or _is_of(one, names)]
    for one in skipped:
        tell(one)
    broken = {name for name in names or () if any(_is_of(one, [name]) for one in skipped)}
    wanted = [name for name in names or plug_ins if name not in broken]
    results = {name: check_tool(with_code(chosen_tool(found.registry, name))) for name in wanted}
    if as_json:
        records = {name: [asdict(one) for one in checks] for name, checks in results.items()}
        print(json.dumps(records, indent=2))
    else:
        for name, checks in results.items():
            _print(name, checks)
    failed = any(one.outcome == "failed" for checks in results.values() for one in checks)
    return ToolError.exit_status if failed or skipped else EXIT_OK


def _is_of(skipped: Skipped, names: Sequence[str]) -> bool:
    """Whether a plug-in that was left out is what was asked for."""
    return skipped.name.removesuffix(".py") in names


def _print(name: str, checks: Sequence[Checked]) -> None:
    failed = sum(one.outcome == "failed" for one in checks)
    print(f"{name}: {f'{failed} of {len(checks)} checks failed' if failed else 'holds'}")
    for one in checks:
        print(f"  {one.outcome:<8} {one.name}{f': {one.detail}' if one.detail else ''}")
