"""``cxr-agent eval``: what readings, and reports, are worth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_agent.cli.device import Device
from cxr_agent.cli.options import ApiBase, Config, Model, SendImages
from cxr_agent.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from cxr_agent.evaluation.runs import EvaluationResult, Outcome


def evaluate(
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="What is evaluated; `list` names all.")
    ],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The data set, in its public format.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the run. The same command goes on with it."),
    ] = None,
    films: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the films lie that the data set names."),
    ] = None,
    planner: Annotated[
        str, typer.Option(help="protocol, llm (with --model), or scripted:FILE; commas compare.")
    ] = "protocol",
    model: Model = None,
    api_base: ApiBase = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Take so many cases, drawn with --seed.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    resamples: Annotated[
        int, typer.Option(min=0, max=100_000, help="Of patients, for the intervals.")
    ] = 1000,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Answer failed cases again.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    send_images: SendImages = False,
    config: Config = None,
    device: Device = "auto",
) -> int:
    """Evaluate on a data set: measures with intervals, one page, and the trace of each case."""
    from cxr_agent.evaluation.runs import Chosen
    from cxr_agent.evaluation.runs import evaluate as run
    from cxr_agent.evaluation.tasks import TaskOptions, task_named

    if task == "list":
        return _list()
    if data is None or out is None:
        raise UsageError(
            "eval_what",
            "an evaluation takes --data and --out",
            hint="cxr-agent eval ctr --data DIR --out DIR; cxr-agent eval list names the tasks.",
        )
    options = TaskOptions(
        data=data,
        films=films,
        planner=planner,
        model=model,
        api_base=api_base,
        config=config,
        device=device,
        limit=limit,
        seed=seed,
        send_images=send_images,
    )
    chosen = Chosen(
        resamples=resamples,
        seed=seed,
        retry_failed=retry_failed,
        told=_tell if sys.stderr.isatty() else None,
    )
    made = task_named(task, options)
    try:
        result = run(made, out, chosen)
    finally:
        made.close()
    if as_json:
        print(result.model_dump_json(indent=2))
    else:
        _print(result, out)
    return EXIT_OK


def _list() -> int:
    from cxr_agent.evaluation.tasks import TASKS

    for name in sorted(TASKS):
        print(name)
    return EXIT_OK


def _tell(outcome: Outcome, done: int, total: int) -> None:
    print(f"\r{done} of {total}  {outcome.status}", end="", file=sys.stderr, flush=True)
    if done == total:
        print(file=sys.stderr)


def _print(result: EvaluationResult, out: Path) -> None:
    from cxr_agent.cli.output import shown_name
    from cxr_agent.evaluation.runs.page import shown
    from cxr_agent.evaluation.runs.run import RESULT_PAGE

    print(f"{result.title}: {result.cases} cases of {result.groups} patients")
    for count in result.counts:
        print(
            f"  {count.system}: {count.done} done, {count.refused} refused, {count.failed} failed"
        )
    for one in result.estimates:
        interval = "" if one.low is None else f"  ({shown(one.low)} to {shown(one.high)})"
        name = f"{one.name} {one.about}".strip()
        print(f"  {name:<44} {one.system:<16} {shown(one.value, one.unit):>10}{interval}")
    print("\nNot known:")
    for line in result.unknown:
        print(f"  - {line}")
    print()
    print(shown_name(f"Page: {out / RESULT_PAGE}"))
    print(result.notice)
