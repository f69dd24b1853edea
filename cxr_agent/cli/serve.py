"""``cxr-agent serve``: the page, and ``serve mcp``: what other agents can use."""

from __future__ import annotations

import json
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from cxr_agent.cli import serve_page
from cxr_agent.cli.options import Config, Model, Store, Traces
from cxr_agent.errors import EXIT_OK, ConfigError

app = typer.Typer(invoke_without_command=True)
app.callback()(serve_page.serve)


@app.command()
def mcp(
    films: Annotated[
        list[Path],
        typer.Option(
            metavar="DIR",
            help="Folder of films that a client may name; may be repeated. Nothing else is read.",
            show_default=False,
        ),
    ],
    http: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            metavar="PORT",
            help="Serve http://127.0.0.1:PORT/mcp, 0 for any that is free, instead of the "
            "standard streams. Who asks needs the token that is printed, or that "
            "CXR_AGENT_MCP_TOKEN holds.",
        ),
    ] = None,
    traces: Traces = None,
    store: Store = None,
    config: Config = None,
    model: Model = None,
) -> int:
    """Offer read, explain and every tool to MCP clients. docs/mcp.md has their configuration.

    It listens on this machine alone. Research use only.
    """
    if find_spec("mcp") is None:
        raise ConfigError(
            "mcp_missing",
            "the library that speaks MCP is not installed",
            hint="pip install 'cxr-agent[mcp]'",
        )
    from cxr_agent.reading import Agent
    from cxr_agent.serving import Desk, Folders
    from cxr_agent.serving.mcp_running import serve_http, serve_stdio

    # So that the traces of open studies are ended, whichever way this is.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folders = Folders(films)
    with Agent(traces=traces, store=store, config=config, model=model) as agent:
        desk = Desk(agent, folders)
        try:
            if http is None:
                serve_stdio(desk)
            else:
                serve_http(desk, http, _announce)
        except KeyboardInterrupt:
            return EXIT_OK
    return EXIT_OK


def _announce(address: str, token: str) -> None:
    print(json.dumps({"address": address, "token": token}), flush=True)
    print("Ctrl-C ends it.", file=sys.stderr, flush=True)
