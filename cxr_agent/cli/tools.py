"""``cxr-agent tools``: what a planner can call."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(help="The tools that a reading can use.", no_args_is_help=True)


@app.command("list")
def list_tools(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the tools, what they need and which model they run, those not available here too."""
    from cxr_agent.toolbox.registry import known, lacking

    specs = [(spec, lacking(spec)) for spec in known()]
    if as_json:
        records = [
            {
                "name": spec.name,
                "version": spec.version,
                "purpose": spec.purpose,
                "model": spec.model,
                "pretrained": spec.pretrained,
                "available": not commands,
                "enabled_by": commands,
                "needs_masks": spec.required_masks,
                "provides_masks": spec.provides,
                "time_limit_s": spec.time_limit_s,
                "memory_mib": spec.memory_mib,
                "deterministic": spec.deterministic,
                "isolation": spec.isolation.record() if spec.isolation else None,
            }
            for spec, commands in specs
        ]
        print(json.dumps(records, indent=2))
        return
    for spec, commands in specs:
        print(f"{spec.name} {spec.version}\n  {spec.purpose}")
        if spec.required_masks:
            print(f"  needs masks: {', '.join(spec.required_masks)}")
        if spec.model or spec.pretrained:
            print(f"  model: {spec.model or spec.pretrained}")
        if spec.isolation:
            print(f"  runs in: {spec.isolation}")
        if commands:
            print(f"  not available here; what would bring it: {' && '.join(commands)}")
