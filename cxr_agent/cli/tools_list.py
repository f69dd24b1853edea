"""``cxr-agent tools list``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cxr_agent.cli.options import Outside, Tools
from cxr_agent.cli.skipped import tell


def list_tools(
    tools: Tools = None,
    outside: Outside = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the tools, where they come from, what they need and cost; also what cannot run here."""
    from cxr_agent.interop.outside_source import add_outside_tools
    from cxr_agent.toolbox.description import described
    from cxr_agent.toolbox.sources import ToolSources

    found = ToolSources.wanted(folder=tools).found()
    add_outside_tools(found.registry, outside)
    for one in found.skipped:
        tell(one)
    records = [described(spec, found.registry.origin(spec.name)) for spec in found.registry]
    if as_json:
        print(json.dumps(records, indent=2))
        return
    for record in records:
        place = record["source"]
        print(f"{record['name']} {record['version']} ({place['kind']} {place['place']})")
        print(f"  {record['purpose']}")
        print(f"  answers: {record['subject']}")
        print(f"  cost: at most {record['time_limit_s']:g} s, {record['memory_mib']} MiB")
        if record["needs_masks"]:
            print(f"  needs masks: {', '.join(record['needs_masks'])}")
        if record["model"] or record["pretrained"]:
            print(f"  model: {record['model'] or record['pretrained']}")
        if record["runs_in"]:
            print(f"  runs in: {record['runs_in']}")
        if record["enabled_by"]:
            commands = " && ".join(record["enabled_by"])
            print(f"  not available here; what would bring it: {commands}")
