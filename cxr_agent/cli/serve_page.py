"""``cxr-agent serve``: the page on this machine's own address."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Annotated

import typer

from cxr_agent.cli.device import Device
from cxr_agent.cli.options import (
    ApiBase,
    Config,
    Model,
    PrivacyMode,
    SendImages,
    Store,
    Tools,
    Traces,
)
from cxr_agent.errors import EXIT_OK, UsageError


def serve(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 for any that is free.")
    ] = 0,
    max_upload: Annotated[
        int, typer.Option(min=1, max=1024, metavar="MB", help="Largest file of a film.")
    ] = 64,
    max_disk: Annotated[
        int,
        typer.Option(
            min=1, metavar="MB", help="Most that a session holds on the disk, its traces included."
        ),
    ] = 1024,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as JSON.")] = False,
    traces: Traces = None,
    model: Model = None,
    api_base: ApiBase = None,
    send_images: SendImages = False,
    privacy: PrivacyMode = "masked",
    store: Store = None,
    tools: Tools = None,
    config: Config = None,
    device: Device = "auto",
) -> int:
    """Serve a page for this machine's browser: drop a film, watch, read, ask, correct. Or: mcp.

    It listens on this machine alone, and answers only who opens the printed address, whose token
    CXR_AGENT_SERVE_TOKEN may set. Ctrl-C ends it.
    """
    if context.invoked_subcommand is not None:
        _refuse_ours(context)
        return EXIT_OK
    from cxr_agent.cli.device import notices_told
    from cxr_agent.cli.skipped import skipped_told
    from cxr_agent.reading import Agent
    from cxr_agent.reading_room.limits import MB, Limits
    from cxr_agent.reading_room.server import Server, token_given

    # So that films are removed and traces ended, whichever way this is.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    limits = Limits(upload_bytes=max_upload * MB, session_bytes=max_disk * MB)
    with (
        Agent(
            traces=traces,
            device=device,
            config=config,
            model=model,
            api_base=api_base,
            send_images=send_images,
            privacy=privacy,
            store=store,
            tools_folder=tools,
        ) as agent,
        skipped_told(agent.skipped_tools),
        notices_told(device, agent.runtime),
        Server(agent, port, token=token_given(), limits=limits) as server,
    ):
        _announce(server.guard.address, server.guard.port, agent.traces, as_json=as_json)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            return EXIT_OK
    return EXIT_OK


def _announce(address: str, port: int, traces: Path, *, as_json: bool) -> None:
    print(
        json.dumps({"address": address, "port": port, "traces": str(traces)})
        if as_json
        else f"Open {address}\nTraces: {traces}. Ctrl-C ends it. Research use only.",
        flush=True,
    )


def _refuse_ours(context: typer.Context) -> None:
    """Options of the page mean nothing to another server."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    if given:
        name = "--json" if given[0] == "as_json" else f"--{given[0].replace('_', '-')}"
        raise UsageError(
            "option_of_the_page",
            f"{name} stands before {context.invoked_subcommand}, which does not take it there",
            hint=f"See `cxr-agent serve {context.invoked_subcommand} --help`.",
        )
