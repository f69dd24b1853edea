"""``cxr-agent resume``: go on with a reading that was cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.options import (
    ApiBase,
    Config,
    Indication,
    Model,
    Outside,
    Prior,
    PrivacyMode,
    SendImages,
    Store,
    Tools,
    Traces,
)
from cxr_agent.cli.skipped import skipped_told
from cxr_agent.cli.trace_options import root_of
from cxr_agent.errors import EXIT_OK

Run = Annotated[str, typer.Argument(metavar="RUN", help="Run id, its beginning, path, or last.")]
RunFilms = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE...]", help="The films of the run, where it is not known where they lie."
    ),
]


def resume(
    run: Run,
    films: RunFilms = None,
    prior: Prior = None,
    indication: Indication = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    traces: Traces = None,
    model: Model = None,
    api_base: ApiBase = None,
    send_images: SendImages = False,
    privacy: PrivacyMode = "masked",
    store: Store = None,
    tools: Tools = None,
    outside: Outside = None,
    config: Config = None,
    device: Device = "auto",
) -> int:
    """Go on with a reading that was cut off; its report is as if it never had been.

    The other options must be those that it was started with.
    """
    from cxr_agent.cli.show import print_report
    from cxr_agent.reading import Agent
    from cxr_agent.replaying import resume as go_on
    from cxr_agent.report.render import to_json
    from cxr_agent.trace import find_trace

    folder = find_trace(root_of(traces), run)
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
            outside=outside,
        ) as agent,
        skipped_told(agent.skipped_tools),
        notices_told(device, agent.runtime),
    ):
        report = go_on(agent, folder, films or (), prior or (), indication)
    if as_json:
        print(to_json(report))
    else:
        print_report(report)
    return EXIT_OK
