"""``cxr-agent tools show``."""

from __future__ import annotations

import inspect
import json
from typing import Annotated, Any

import typer

from cxr_agent.cli.options import Tools


def show(
    name: Annotated[str, typer.Argument(help="Name of the tool.", show_default=False)],
    tools: Tools = None,
    manifest: Annotated[
        bool,
        typer.Option(
            "--manifest", help="Print its entry of a manifest, as docs/tools.md explains."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show one tool: its contract, where it comes from, what its author says of it."""
    from cxr_agent.reading.one_tool import chosen_tool
    from cxr_agent.toolbox.description import described, subject_in_words
    from cxr_agent.toolbox.sources import ToolSources
    from cxr_agent.toolbox.sources.deferred import with_code

    registry = ToolSources.wanted(folder=tools).found().registry
    spec = with_code(chosen_tool(registry, name))
    if manifest:
        from cxr_agent.toolbox.sources.manifest import manifest_text

        print(manifest_text(spec), end="")
        return
    record = described(spec, registry.origin(name))
    record["result"] = spec.result.model_json_schema(mode="serialization")
    record["description"] = inspect.getdoc(spec.function) or ""
    if as_json:
        print(json.dumps(record, indent=2))
        return
    print(f"{spec.name} {spec.version}\n  {spec.purpose}\n")
    print(f"  from           {registry.origin(name)}")
    print(f"  answers        {subject_in_words(spec)}")
    for parameter in record["parameters"]:
        print(f"  takes          {_parameter(parameter)}")
    fields = [field for field in spec.result.model_fields if field not in _OF_ALL]
    print(f"  returns        {', '.join(fields) or 'masks or drawings alone'}")
    if spec.provides:
        print(f"  outlines       {', '.join(spec.provides)}")
    if record["model"] or record["pretrained"]:
        print(f"  model          {record['model'] or record['pretrained']}")
    if record["runs_in"]:
        print(f"  runs in        {record['runs_in']}")
    print(f"  limits         {spec.time_limit_s:g} s, {spec.memory_mib} MiB")
    print(f"  deterministic  {'yes' if spec.deterministic else 'no'}")
    if record["description"]:
        print("\n" + record["description"])


_OF_ALL = ("drawings", "masks", "heatmaps", "pictures")
"""Fields that every result has."""


def _parameter(facts: dict[str, Any]) -> str:
    choices = facts.get("choices")
    return f"{facts['name']}: {facts['kind']}" + (f" of {choices}" if choices else "")
