"""``cxr-agent tools new``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cxr_agent.cli.options import Tools


def new(
    name: Annotated[str, typer.Argument(help="Its name, as heart_area_share.", show_default=False)],
    tools: Tools = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a tool that runs, its test and its card, into the folder of your tools."""
    from cxr_agent.cli.output import shown_name
    from cxr_agent.testing.scaffold import scaffold
    from cxr_agent.toolbox.sources import ToolSources
    from cxr_agent.toolbox.sources.folder import is_personal, new_tools_folder

    folder = new_tools_folder(tools)
    taken = ToolSources.wanted(folder=folder if folder.is_dir() else None).found().registry
    paths = [shown_name(path) for path in scaffold(name, folder, taken)]
    if as_json:
        print(json.dumps({"files": paths}, indent=2))
        return
    print("\n".join(paths))
    where = "" if tools is None or is_personal(folder) else f" --tools {folder}"
    print(f"next: cxr-agent tools check {name}{where}")
    print(f"then: cxr-agent read FILE{where}")
