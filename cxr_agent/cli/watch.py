"""``cxr-agent watch``: new studies of an archive or a folder are read, and their results stored."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.options import ApiBase, Config, Model, PrivacyMode, SendImages, Tools
from cxr_agent.cli.skipped import skipped_told
from cxr_agent.errors import EXIT_OK, OutputError, RemoteError, UsageError

if TYPE_CHECKING:
    from cxr_agent.watching import Happening
    from cxr_agent.watching.sources import FolderSource, ServerSource

_SOME_FAILED: Final = 1


def watch(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="DICOMweb server, as https://host/dicom-web, or a folder that receives files.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(help="Folder of the watch, private. Run the same command again: it goes on."),
    ] = ...,  # type: ignore[assignment]
    archive: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="URL|AE@HOST:PORT",
            help="Where SR, SEG and PR are stored. Default: nowhere, they stay in --out.",
        ),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="AE@PORT", help="In place of SOURCE: receive by C-STORE. AE@HOST:PORT for more."
        ),
    ] = None,
    caller: Annotated[
        list[str] | None,
        typer.Option(help="With --listen: AE title that may send; may be repeated. Default: any."),
    ] = None,
    calling: Annotated[str, typer.Option(help="Own AE title, for --store.")] = "CXR-AGENT",
    priors_from: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|URL",
            help="Where priors are looked for. Default: in SOURCE.",
        ),
    ] = None,
    days: Annotated[
        int, typer.Option(min=0, help="Of a server: read studies of so many days back.")
    ] = 2,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 10.0,
    settled: Annotated[
        float, typer.Option(min=0, help="Seconds in which a study must not have grown.")
    ] = 30.0,
    tries: Annotated[int, typer.Option(min=1, help="Tries of a study that fails.")] = 3,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed earlier.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Look, read and store what is there, and end.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON for all that happens.")
    ] = False,
    model: Model = None,
    api_base: ApiBase = None,
    send_images: SendImages = False,
    privacy: PrivacyMode = "masked",
    tools: Tools = None,
    config: Config = None,
    device: Device = "auto",
) -> int:
    """Read each new study once and store its results once, until Ctrl-C or SIGTERM.

    What was interrupted, however hard, goes on where it was. With --once the exit status is 1 when
    studies failed.
    """
    from cxr_agent.cli.stopping import stopped_by_signals
    from cxr_agent.imaging import Decoder
    from cxr_agent.interop.objects import dicom_objects
    from cxr_agent.interop.sending import archive_at
    from cxr_agent.reading import Agent
    from cxr_agent.watching import Watch, WatchOptions
    from cxr_agent.watching.ledger import Ledger, State
    from cxr_agent.watching.reader import AgentReader

    os.umask(0o077)  # objects name the patient
    options = WatchOptions(every, settled, tries, retry_failed=retry_failed)
    target = None if archive is None else archive_at(archive, calling)
    with (
        stopped_by_signals() as stop,
        _source(source, listen, out, priors_from, days) as watched,
        Ledger(out, watched.identity) as ledger,
        _received(listen, out, caller, watched),
        Agent(
            device=device,
            config=config,
            model=model,
            api_base=api_base,
            send_images=send_images,
            privacy=privacy,
            tools_folder=tools,
        ) as agent,
        Decoder() as decoder,
        skipped_told(agent.skipped_tools),
        notices_told(device, agent.runtime),
    ):
        reader = AgentReader(agent, partial(dicom_objects, decoder=decoder))
        told = _told_as_json if as_json else _told
        Watch(ledger, watched, reader, target, options, told, stop).run(once=once)
        counts = ledger.counts()
    record = {str(state): count for state, count in counts.items()}
    if as_json:
        print(json.dumps({"studies": record}))
    else:
        print("Studies: " + ", ".join(f"{count} {state}" for state, count in record.items()) + ".")
    return _SOME_FAILED if once and counts[State.FAILED] else EXIT_OK


@contextmanager
def _source(
    source: str | None, listen: str | None, out: Path, priors_from: str | None, days: int
) -> Iterator[ServerSource | FolderSource]:
    from cxr_agent.interop.dicomweb_archive import DicomwebArchive
    from cxr_agent.reading.remote import is_address
    from cxr_agent.watching.layout import RECEIVED
    from cxr_agent.watching.sources import FolderSource, ServerSource

    if (source is None) == (listen is None):
        raise UsageError(
            "watch_what",
            "one of SOURCE and --listen says what is watched",
            hint="Like https://host/dicom-web, a folder, or --listen CXR-AGENT@11112.",
        )
    if source is not None and is_address(source):
        yield ServerSource(DicomwebArchive.at(source), days, priors_from)
        return
    folder = FolderSource(out / RECEIVED if source is None else Path(source), priors_from)
    try:
        yield folder
    finally:
        folder.close()


@contextmanager
def _received(
    listen: str | None, out: Path, callers: list[str] | None, watched: ServerSource | FolderSource
) -> Iterator[None]:
    """The own receiver, where there is one."""
    if listen is None:
        yield
        return
    from dataclasses import replace

    from cxr_agent.cli.receive import warn_of_strangers
    from cxr_agent.interop.dimse import Listening, receiving, title_of
    from cxr_agent.watching.layout import RECEIVED
    from cxr_agent.watching.sources import FolderSource

    how = replace(Listening.at(listen), callers=tuple(map(title_of, callers or ())))
    with ExitStack() as stack:
        warn_of_strangers(how.host)
        process, _ = stack.enter_context(receiving(out / RECEIVED, how))

        def check() -> None:
            try:
                process.heard(0)
            except RemoteError:
                raise OutputError(
                    "receiver_ended",
                    "the process that receives has ended",
                    hint="Run the same command again: it goes on.",
                ) from None

        assert isinstance(watched, FolderSource)
        watched.check = check
        yield


def _told(one: Happening) -> None:
    study = "" if one.study is None else f"study {one.study}: "
    code = f" [{one.code}]" if one.code else ""
    rest: dict[str, Callable[[], str]] = {
        "seen": lambda: f"{one.count} new",
        "read": lambda: f"read, {one.run}, {one.seconds:.1f} s{code}",
        "stored": lambda: f"stored, {one.count} objects",
        "refused": lambda: f"refused{code}",
        "failed": lambda: f"failed{code}",
        "again": lambda: f"again in {one.seconds:.0f} s{code}",
        "away": lambda: f"waiting {one.seconds:.0f} s{code}",
    }
    print(study + rest[one.what](), flush=True)


def _told_as_json(one: Happening) -> None:
    record: dict[str, Any] = {"what": one.what, "study": one.study, "run": one.run}
    record |= {"code": one.code, "count": one.count, "seconds": round(one.seconds, 3)}
    print(json.dumps({name: value for name, value in record.items() if value}), flush=True)
