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
    """List the tools, what they need and which model they run. No model is loaded."""
    from cxr_agent.toolbox.registry import built_in

    specs = list(built_in())
    if as_json:
        records = [
            {
                "name": spec.name,
                "version": spec.version,
                "purpose": spec.purpose,
                "model": spec.model,
                "needs_masks": spec.required_masks,
                "provides_masks": spec.provides,
                "time_limit_s": spec.time_limit_s,
                "memory_mib": spec.memory_mib,
                "deterministic": spec.deterministic,
            }
            for spec in specs
        ]
        print(json.dumps(records, indent=2))
        return
    for spec in specs:
        print(f"{spec.name} {spec.version}\n  {spec.purpose}")
        if spec.required_masks:
            print(f"  needs masks: {', '.join(spec.required_masks)}")
        if spec.model:
            print(f"  model: {spec.model}")
