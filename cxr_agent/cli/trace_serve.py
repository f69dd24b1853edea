"""``cxr-agent trace serve``: a folder of runs in a browser, on this machine alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cxr_agent.cli.options import Config, PrivacyMode
from cxr_agent.cli.trace_options import root_of
from cxr_agent.errors import EXIT_OK


def serve(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            help="Folder of traces. Default: CXR_AGENT_TRACES, else ./traces.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 for any that is free.")
    ] = 0,
    config: Config = None,
    privacy: PrivacyMode = "masked",
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as JSON.")] = False,
) -> int:
    """Show the runs of a folder in a browser while they go on, and take corrections of findings.

    It listens on this machine alone, and answers only who opens the printed address. Ctrl-C ends
    it.
    """
    from cxr_agent.viewing.server import Server

    traces = root_of(folder)
    with Server(traces, port, config=config, privacy=privacy) as server:
        address = server.guard.address
        print(
            json.dumps({"address": address, "port": server.guard.port})
            if as_json
            else f"Open {address}\nCtrl-C ends it.",
            flush=True,
        )
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            return EXIT_OK
    return EXIT_OK
