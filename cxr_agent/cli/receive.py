"""``cxr-agent receive``: what modalities and archives send by C-STORE, into a folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cxr_agent.errors import EXIT_OK


def receive(
    out: Annotated[Path, typer.Option(help="Folder that receives; made when missing, mode 0700.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 for any free one.")],
    aet: Annotated[str, typer.Option(help="Own AE title; senders have to name it.")] = "CXR-AGENT",
    host: Annotated[
        str, typer.Option(help="Address to listen at. Default: this machine alone can send.")
    ] = "127.0.0.1",
    caller: Annotated[
        list[str] | None,
        typer.Option(help="AE title that may send; may be repeated. Default: any."),
    ] = None,
    max_mib: Annotated[int, typer.Option(min=1, max=256, help="Of one object.")] = 256,
    max_files: Annotated[int, typer.Option(min=1, help="In the folder.")] = 100_000,
    max_associations: Annotated[int, typer.Option(min=1, max=16, help="Senders at a time.")] = 8,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON per object, and one at the start.")
    ] = False,
) -> int:
    """Receive DICOM objects until Ctrl-C or SIGTERM. Answers C-ECHO; takes CR, DX, SC, SR, SEG, PR.

    Files are named by a hash; each is on the disk before its sender is told that it is stored.
    """
    from cxr_agent.cli.stopping import stopped_by_signals
    from cxr_agent.imaging.limits import MIB
    from cxr_agent.interop.dimse import Listening, receiving, title_of

    how = Listening(
        title=title_of(aet),
        port=port,
        host=host,
        callers=tuple(map(title_of, caller or ())),
        max_bytes=max_mib * MIB,
        max_files=max_files,
        max_associations=max_associations,
    )
    counts: dict[str, int] = {}
    with stopped_by_signals() as stop, receiving(out, how, told=True) as (process, at):
        if as_json:
            print(json.dumps({"listening": at, "title": how.title}), flush=True)
        else:
            print(f"{how.title} listens at port {at} of {host}.", flush=True)
            warn_of_strangers(host)
        while not stop.is_set():
            got = process.heard(0.2)
            if got is None:
                continue
            what = str(got.get("got", ""))
            counts[what] = counts.get(what, 0) + 1
            print(
                json.dumps({"got": what}) if as_json else f"object {sum(counts.values())}: {what}",
                flush=True,
            )
    if not as_json:
        told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        print(f"Stopped: {told or 'nothing came'}.")
    return EXIT_OK


def warn_of_strangers(host: str) -> None:
    """Say so where other machines can send."""
    from cxr_agent.interop.dimse import is_loopback

    if not is_loopback(host):
        print(
            "cxr-agent: other machines can send; DICOM's own protocol has neither encryption nor "
            "logins",
            file=sys.stderr,
        )
