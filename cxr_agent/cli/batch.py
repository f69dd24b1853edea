"""``cxr-agent batch``: many studies, through any crash."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from cxr_agent.cli import batch_report
from cxr_agent.cli.batch_progress import Display, clock, display, listing_line
from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.options import (
    ApiBase,
    Config,
    Language,
    Model,
    Outside,
    PrivacyMode,
    SendImages,
    Store,
    Tools,
)
from cxr_agent.cli.skipped import skipped_told
from cxr_agent.errors import EXIT_OK

if TYPE_CHECKING:
    from cxr_agent.batch.batch import Batch, StudyOutcome

_SOME_FAILED: Final = 1
_INTERRUPTED: Final = 130
_RUN: Final = "run"


class _InputFirst(TyperGroup):
    """``batch INPUT`` means ``batch run INPUT``: what is no command of the group is its input."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = [_RUN, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_InputFirst,
    help="Read many studies; what was interrupted goes on. `batch INPUT --out DIR`, "
    "`batch report DIR`.",
    no_args_is_help=True,
)


@app.callback()
def group() -> None:
    """Read many studies; what was interrupted goes on."""


@app.command(_RUN)
def run(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="Folder, pattern in quotes, CSV, Parquet, DICOMDIR, or "
            "https://host/dicom-web/studies?QUERY.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder of the batch. Run the same command again: it goes on.")
    ],
    priors: Annotated[
        int, typer.Option(min=0, max=5, help="Earlier studies that each one is compared with.")
    ] = 1,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=1024,
            help="Processes. Default: one per core, on a GPU at most one per two. "
            "0: none, for debug.",
        ),
    ] = None,
    lanes: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Studies that one process reads at a time. Default: 1, on a GPU 8."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Read at most so many now.")] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Part I of N, for one of N machines.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Read again what failed earlier.")
    ] = False,
    max_failures: Annotated[
        int | None, typer.Option(min=0, help="Stop when more than so many failed now.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS|local",
            help="Read on a Ray cluster: its address, or local for one of this machine.",
        ),
    ] = None,
    study_seconds: Annotated[
        float, typer.Option(min=1, help="End a study that takes longer, with its worker.")
    ] = 600.0,
    worker_mib: Annotated[
        int | None,
        typer.Option(
            min=256, help="End a worker that takes more memory. Default: 4096, on a GPU more."
        ),
    ] = None,
    keep_results: Annotated[
        bool,
        typer.Option(
            "--keep-results/--no-keep-results",
            help="Keep each tool's results, so that a rerun computes only what changed.",
        ),
    ] = True,
    html: Annotated[bool, typer.Option("--html", help="Write each report as a page too.")] = False,
    lang: Language = "en",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON per study, and one at the end.")
    ] = False,
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
    """Read every study of INPUT once, into the folder --out: reports, traces, tables, manifest.

    Exit status 0 when all is read or refused, 1 when some failed or --max-failures stopped it.
    """
    from cxr_agent.batch.shard import Shard
    from cxr_agent.knowledge import checked_language
    from cxr_agent.reading import Agent
    from cxr_agent.reading.batches import BatchOptions, ray_runner

    options = BatchOptions(
        priors=priors,
        keep_results=keep_results,
        html=html,
        language=checked_language(lang),
        workers=workers,
        lanes=lanes,
        study_s=study_seconds,
        worker_mib=worker_mib,
        limit=limit,
        max_failures=max_failures,
        retry_failed=retry_failed,
        shard=Shard.parsed(shard) if shard is not None else None,
    )
    runner = None if ray is None else ray_runner(None if ray == "local" else ray)
    with (
        Agent(
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
        agent.batch(source, out, options, runner=runner, on_listed=listing_line) as batch,
    ):
        with _stopped_by_signals(batch), display(batch.progress, quiet=as_json) as shown:
            for one in batch.fresh():
                _tell(one, shown, as_json)
        return _told(batch, as_json)


app.command("report")(batch_report.report)


def _tell(one: StudyOutcome, shown: Display, as_json: bool) -> None:
    if as_json:
        record = {"study": one.id, "name": one.study.name, "outcome": one.outcome}
        more = {"code": one.code, "message": one.message, "seconds": round(one.seconds, 3)}
        print(json.dumps(record | {name: value for name, value in more.items() if value}))
    shown.update(one)


@contextmanager
def _stopped_by_signals(batch: Batch) -> Iterator[None]:
    """The first interrupt lets what is being read come to its end; the second one does not."""

    def stop(number: int, _: object) -> None:
        if batch.stopped:
            raise KeyboardInterrupt
        batch.stop("interrupted")

    before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _print_table(facts: dict[str, Any], batch: Batch) -> None:
    """What came of the batch, with the reasons why studies were refused or failed."""
    reasons = batch.reasons()
    for name in ("read", "refused", "failed", "waiting"):
        print(f"{name:<12}{facts[name]:>9,}")
        for (outcome, code), count in reasons.items():
            if outcome == name and code:
                print(f"  {code:<28}{count:>9,}")
    rate = f", {facts['now'] / facts['seconds']:.2g} a second" if facts["seconds"] else ""
    print(f"{facts['now']:,} studies now, in {clock(facts['seconds'])}{rate}.")
    if batch.stopped:
        print(f"Stopped early: {batch.stopped}. Run the same command again and it goes on.")
    print(f"Tables, reports and traces: {facts['folder']}.")
    print("For research only; nobody has verified these results.")


def _told(batch: Batch, as_json: bool) -> int:
    progress = batch.progress
    facts: dict[str, Any] = {
        "studies": progress.total,
        "read": progress.settled - progress.refused - progress.failed,
        "refused": progress.refused,
        "failed": progress.failed,
        "waiting": progress.total - progress.settled,
        "now": progress.here,
        "seconds": round(progress.seconds, 1),
        "lost_attempts": progress.lost,
        "stopped": batch.stopped or None,
        "folder": str(batch.folder),
    }
    if as_json:
        print(json.dumps(facts))
    else:
        _print_table(facts, batch)
    if batch.stopped == "interrupted":
        return _INTERRUPTED
    return _SOME_FAILED if progress.failed or batch.stopped == "too_many_failures" else EXIT_OK
