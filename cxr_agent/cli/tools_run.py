"""``cxr-agent tools run``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.options import Config, Outside, Prior, SendImages, Store, Tools
from cxr_agent.cli.skipped import skipped_told
from cxr_agent.errors import EXIT_OK, ToolError, UsageError


def run(
    name: Annotated[str, typer.Argument(help="Name of the tool.", show_default=False)],
    films: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Films of one study.", show_default=False),
    ],
    prior: Prior = None,
    choose: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A choice of the tool; may be repeated."),
    ] = None,
    tools: Tools = None,
    outside: Outside = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    store: Store = None,
    config: Config = None,
    send_images: SendImages = False,
    device: Device = "auto",
) -> int:
    """Call one tool on the films of one study; what it needs outlined is outlined first."""
    from cxr_agent.knowledge import reasons, thresholds_changed
    from cxr_agent.reading import Agent
    from cxr_agent.reading.one_tool import call_tool

    choices = dict(_pair(text) for text in choose or ())
    with (
        Agent(
            device=device,
            config=config,
            model="none",
            store=store,
            tools_folder=tools,
            outside=outside,
            send_images=send_images,
        ) as agent,
        skipped_told(agent.skipped_tools),
        notices_told(device, agent.runtime),
    ):
        study = agent.load(films, priors=prior or ())
        with thresholds_changed(agent.setup.changed):
            calls = call_tool(agent.setup, study, name, choices)
    if as_json:
        records = [
            {
                "tool": call.tool,
                "film": call.film,
                "outcome": call.status,
                "codes": call.codes,
                "seconds": round(call.seconds, 4),
                "result": call.result,
                "evidence": [item.model_dump(mode="json") for item in call.evidence],
            }
            for call in calls
        ]
        print(json.dumps(records, indent=2, ensure_ascii=False))
    else:
        for call in calls:
            print(f"{call.tool} {call.film}: {call.status} in {call.seconds:.2f} s")
            for code in call.codes:
                print(f"  {code}: {reasons().get(code, 'no words for it')}")
            for item in call.evidence:
                print(f"  {item.reading}")
    return ToolError.exit_status if any(c.status == "failed" for c in calls) else EXIT_OK


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark:
        raise UsageError("usage", f"--set {text[:60]!r} is no NAME=VALUE")
    return name, value
