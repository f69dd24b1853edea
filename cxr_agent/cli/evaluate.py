"""``cxr-agent evaluate``: benchmarks of the field, run on this program."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.options import Config
from cxr_agent.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from cxr_agent.evaluation.cxreasonbench.scores import TaskScore

app = typer.Typer(help="Benchmarks of the field.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Benchmarks of the field."""


@app.command("cxreasonbench")
def cxreasonbench(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The unpacked folder CXReasonBench.")
    ],
    films: Annotated[Path, typer.Option(help="Folder of MIMIC-CXR-JPG that img_path starts in.")],
    out: Annotated[Path, typer.Option(help="Folder for the answers, as the benchmark keeps them.")],
    task: Annotated[str, typer.Option(help="Tasks with commas between. Default: all.")] = "",
    masks: Annotated[
        Path | None,
        typer.Option(help="Folder with a folder of outlines per film, named after its file."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: Config = None,
    device: Device = "auto",
) -> int:
    """Answer CXReasonBench's questions from what is measured, and score the answers exactly.

    No language model takes part: each stage is answered from evidence, or by "I don't know".
    """
    from cxr_agent.evaluation.cxreasonbench.files import BenchmarkFolder
    from cxr_agent.evaluation.cxreasonbench.look import Looker
    from cxr_agent.evaluation.cxreasonbench.rules import rules
    from cxr_agent.evaluation.cxreasonbench.runner import Runner
    from cxr_agent.measuring import Measurer
    from cxr_agent.report.model import NOTICE

    tasks = [name.strip() for name in task.split(",") if name.strip()]
    for name in tasks:
        if name not in rules():
            raise UsageError(
                "unknown_task",
                f"there is no task {name[:40]!r}",
                hint=f"One of: {', '.join(rules())}.",
            )
    benchmark = BenchmarkFolder(folder)
    with Measurer(device=device, config=config) as measurer, notices_told(device, measurer.runtime):
        scores = Runner(benchmark, films, Looker(measurer, masks)).run(out, tasks)
    if as_json:
        print(
            json.dumps(
                {
                    path: {name: asdict(one) for name, one in by_task.items()}
                    for path, by_task in scores.items()
                },
                indent=2,
            )
        )
        return EXIT_OK
    for path, by_task in scores.items():
        print(
            f"{path}\n  {'task':<30}{'cases':>6}{'unknown':>9}{'first':>8}{'completion':>12}"
            f"{'depth':>7}{'consistency':>13}{'alignment':>11}"
        )
        for name, one in by_task.items():
            print(_line(name, one))
    print("\nShares are adjusted Wilson scores, as the benchmark computes them; - is not run.")
    print(NOTICE)
    return EXIT_OK


def _line(name: str, one: TaskScore) -> str:
    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    return (
        f"  {name:<30}{one.cases:>6}{one.unknown:>9}{shown(one.first_right):>8}"
        f"{shown(one.completion):>12}{shown(one.depth):>7}{shown(one.consistency):>13}"
        f"{shown(one.alignment):>11}"
    )


@app.command("structuring")
def structuring(
    reports: Annotated[
        Path, typer.Argument(metavar="REPORTS", help="Open-i's reports as lines of JSON, or .gz.")
    ],
    half: Annotated[
        int | None,
        typer.Option(min=0, max=1, help="0: what the lexicon was tuned on, 1: the rest."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """How far findings read from reports by rule agree with the MeSH tags that people gave."""
    from cxr_agent.evaluation.structuring import label_agreement, read_reports

    found = label_agreement(read_reports(reports), half)
    if as_json:
        print(found.model_dump_json(indent=2))
        return EXIT_OK
    print(f"{found.reports} reports, {found.sentences} sentences")
    print(f"{'finding':<32}{'tagged':>8}{'precision':>11}{'recall':>8}{'F1':>7}")
    for one in (*found.labels, found.micro):
        name = one.code.replace("_", " ")
        print(f"{name:<32}{one.tagged:>8}{one.precision:>11.2f}{one.recall:>8.2f}{one.f1:>7.2f}")
    return EXIT_OK
