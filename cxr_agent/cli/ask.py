"""``cxr-agent ask``: one question about one film."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.options import (
    ApiBase,
    Config,
    Model,
    Outside,
    Prior,
    PriorsFrom,
    PrivacyMode,
    SendImages,
    Store,
    Tools,
    Traces,
)
from cxr_agent.cli.searched import print_search
from cxr_agent.cli.skipped import skipped_told
from cxr_agent.errors import EXIT_OK


def ask(
    film: Annotated[
        Path, typer.Argument(metavar="FILE", help="DICOM, PNG or JPEG film.", show_default=False)
    ],
    question: Annotated[str, typer.Argument(help="In plain words, quoted.", show_default=False)],
    prior: Prior = None,
    priors_from: PriorsFrom = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
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
    """Read a film and answer one question from what was found. About 2 s without a model."""
    from cxr_agent.chat.opening import new_chat
    from cxr_agent.cli.said import answer_lines, answer_record
    from cxr_agent.reading import Agent

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
            on_search=print_search,
        ) as agent,
        skipped_told(agent.skipped_tools),
        notices_told(device, agent.runtime),
        new_chat(agent, [film], priors=prior or (), priors_from=priors_from, name="") as chat,
    ):
        answer = chat.ask(question)
        if as_json:
            record = answer_record(answer, chat) | {"notice": chat.report.notice}
            print(json.dumps(record, indent=2, ensure_ascii=False))
            return EXIT_OK
        for line in answer_lines(answer, chat):
            print(line)
        print(f"\n{chat.report.notice}\ntrace: {chat.run.trace.directory}")
    return EXIT_OK
