"""Every evaluation on the data at hand, and the page of their results.

``python -m benchmarks.evaluation --write`` runs what has not been run yet and rewrites
``docs/evaluation.md``, and for each run ``docs/evaluation/NAME.md`` with every figure; the runs are
kept under ``--work`` and go on where they were. Data come from ``../shared/data``; a run whose data
are not there is named on the page as not run.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_agent.evaluation.runs import Chosen, Estimate, EvaluationResult, Plot, evaluate
from cxr_agent.evaluation.runs.page import ARROWS, shown, tables
from cxr_agent.evaluation.runs.plots import plot_svg
from cxr_agent.evaluation.tasks import TaskOptions, task_named
from cxr_agent.report.model import NOTICE
from cxr_agent.viewing.page import style_of

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "evaluation.md"
PICTURES: Final = ROOT / "docs" / "evaluation"
SHARED: Final = ROOT.parent / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One run."""

    task: str
    data: str
    """Below ``../shared/data``, or ``phantoms:N``."""
    told: tuple[str, ...]
    """Measures that stand on the page, the first of them in its table of all runs; a measure as
    ``name: about`` is that row alone."""
    limit: int | None = None
    planner: str = "protocol"

    @property
    def name(self) -> str:
        return f"{self.task}-{self.data}".replace(":", "-").replace("/", "-").partition(".")[0]

    @property
    def path(self) -> Path | None:
        """None where the data are not there."""
        if self.data.startswith("phantoms:"):
            return Path(self.data)
        path = SHARED / self.data
        return path if path.exists() else None

    @property
    def command(self) -> str:
        limit = f" --limit {self.limit}" if self.limit else ""
        return f"cxr-agent eval {self.task} --data {self.data}{limit}"

    def tells(self, estimate: Estimate) -> bool:
        return {estimate.name, f"{estimate.name}: {estimate.about}"}.intersection(
            self.told
        ) != set()


_RATIO: Final = (
    "mean absolute error",
    "coverage of the 90 % interval",
    "width of the 90 % interval",
    "sensitivity",
    "specificity",
    "films measured",
)
_LABELS: Final = ("AUC", "F1", "sensitivity", "specificity", "Brier score", "films judged")
_ALIKE: Final = ("precision at 5: all", "precision at 5")
_STATED: Final = (
    "cardiomegaly",
    "cardiomegaly (measured)",
    "enlarged cardiomediastinum (measured)",
    "pleural effusion",
    "pulmonary edema",
)
_HARSH: Final = ("mirrored 1", "on its head 1", "negative 1", "darker 3", "brighter 0.333")
RUNS: Final = (
    Wanted("segmentation", "jsrt", ("Dice: both lungs", "Dice")),
    Wanted("segmentation", "wingspan", ("Dice: both lungs", "Dice")),
    Wanted("ctr", "jsrt", _RATIO),
    Wanted("ctr", "wingspan", _RATIO),
    Wanted(
        "measurements",
        "phantoms:30",
        (
            "mean absolute error: cardiothoracic ratio",
            "measured",
            "mean absolute error",
            "coverage of the interval",
            "coverage that is claimed",
        ),
    ),
    Wanted("labels", "wingspan", _LABELS),
    Wanted("labels", "covid", ("films judged",)),
    Wanted("retrieval", "jsrt", _ALIKE),
    Wanted("retrieval", "covid", (*_ALIKE, "another film of the patient found")),
    Wanted(
        "comparison",
        "phantoms:60",
        (
            "right of all",
            "changes told with the right sign",
            "change told where there is none",
        ),
    ),
    Wanted(
        "faithfulness",
        "covid",
        (
            "sentences supported",
            "findings above threshold left out",
            "claims contradicted by evidence",
            "errors found by check-report",
            "planted faults refused by the gate",
        ),
        limit=60,
    ),
    Wanted(
        "planners",
        "wingspan",
        (
            "decided findings right",
            "labelled findings decided",
            "cardiothoracic ratio measured",
            "tool calls",
            "seconds in tools",
            "cost",
        ),
        limit=60,
    ),
    Wanted("cost", "jsrt", ("seconds a film", "seconds in tools", "tool calls"), limit=30),
    Wanted(
        "consistency",
        "wingspan",
        (
            "same statement: all",
            *(f"same statement: {one}" for one in _STATED),
            "contradicted",
        ),
        limit=12,
    ),
    Wanted(
        "robustness",
        "wingspan",
        tuple(
            f"{measure}: {change}"
            for measure in ("statements contradicted", "film refused")
            for change in _HARSH
        ),
        limit=8,
    ),
    Wanted(
        "explanations",
        "wingspan",
        (
            "gain over centre on grey: cardiomegaly",
            "gain over random on grey",
            "gain over centre on grey",
            "correlation with maps of redrawn weights",
            "phrases with a region",
        ),
        limit=12,
    ),
    Wanted(
        "structuring",
        "openi/reports.jsonl.gz",
        ("micro F1: half that was not tuned on", "micro F1"),
    ),
)
NOT_AT_HAND: Final = (
    "No films with radiologists' reports are at hand, so `reports` (report quality against what a "
    "radiologist wrote) was run on drawn films in the tests alone. `texts` scores reports of "
    "other systems; none are at hand.",
    "No boxes of findings are at hand: `localisation` was run on drawn films in the tests alone.",
    "ChestAgentBench, ReXVQA, VQA-RAD, SLAKE, MS-CXR, Chest ImaGenome, DR.BENCH and CXReasonBench "
    "need films or texts that cannot be fetched here. Their runners are tested on small samples "
    "in the same format (docs/benchmarks.md); **no score of any of them is claimed**.",
    "No language model could be reached: the planner `llm`, model judges and model labelers were "
    "tested against scripted servers and tiny random networks, and say nothing about any model.",
    "No radiologist read any film or report for this page.",
)


def run(wanted: Wanted, work: Path) -> EvaluationResult | None:
    """The result; None where the data are not there."""
    data = wanted.path
    if data is None:
        return None
    options = TaskOptions(data, planner=wanted.planner, limit=wanted.limit)
    task = task_named(wanted.task, options)
    try:
        return evaluate(task, work / wanted.name, Chosen())
    finally:
        task.close()


def page(results: Sequence[tuple[Wanted, EvaluationResult | None]]) -> str:
    """The page as Markdown."""
    return "\n".join([*_head(), *_overview(results), *_runs(results), *_foot()]) + "\n"


def _head() -> Iterator[str]:
    yield "# Evaluation"
    yield ""
    yield f"> {NOTICE}"
    yield ""
    yield (
        "Made by one command, `python -m benchmarks.evaluation --write`, from runs of `cxr-agent "
        f"eval` on the data at hand ({os.cpu_count()} cores, Python {platform.python_version()}, "
        "no GPU, no language model). In brackets stands the 95 % interval: patients are drawn "
        "with replacement 1,000 times, films of one patient together. A baseline stands beside "
        "each result where one makes sense."
    )
    yield ""
    yield "## What is not known"
    yield ""
    yield from (f"* {line}" for line in NOT_AT_HAND)
    yield ""


def _overview(results: Sequence[tuple[Wanted, EvaluationResult | None]]) -> Iterator[str]:
    """One line for each run: its first measure, beside the baselines."""
    yield "## All runs"
    yield ""
    yield "| run | measure | cxr-agent | beside it | cases |"
    yield "|---|---|---:|---|---:|"
    for wanted, result in results:
        if result is None:
            yield f"| {wanted.task}, {wanted.data} | not run: the data are not here | | | |"
            continue
        name, _, about = wanted.told[0].partition(": ")
        first, *others = [
            one
            for one in result.estimates
            if one.name == name and about in ("", one.about or "all")
        ][: len(result.counts)]
        beside = "; ".join(f"{one.system} {shown(one.value)}" for one in others)
        told = f"{name}, {first.about}" if first.about else name
        told += ARROWS[first.better]
        yield (
            f"| [{wanted.task}, {wanted.data}](#{_anchor(wanted, result)}) | {told} | "
            f"{_cell(first)} | {beside} | {first.cases:,}{_learned(result)} |"
        )
    yield ""


def _learned(result: EvaluationResult) -> str:
    training = any(line.startswith("ALL OF THESE FILMS ARE TRAINING") for line in result.unknown)
    return ", all of them training films" if training else ""


def _title(wanted: Wanted, result: EvaluationResult) -> str:
    return f"{result.title}: {wanted.data}"


def _anchor(wanted: Wanted, result: EvaluationResult) -> str:
    """As GitHub makes it of a title."""
    words = _title(wanted, result).lower().replace(" ", "-")
    return "".join(letter for letter in words if letter.isalnum() or letter in "-_")


def _runs(results: Sequence[tuple[Wanted, EvaluationResult | None]]) -> Iterator[str]:
    for wanted, result in results:
        if result is not None:
            yield from _run(wanted, result)


def _run(wanted: Wanted, result: EvaluationResult) -> Iterator[str]:
    chosen = result.model_copy(
        update={"estimates": tuple(one for one in result.estimates if wanted.tells(one))}
    )
    yield f"## {_title(wanted, result)}"
    yield ""
    yield from _asked(wanted, result)
    yield from _tables(chosen)
    for plot, file in _pictures(wanted, result)[:1]:
        yield f"![{plot.title}](evaluation/{file})"
        yield ""
    yield f"[Every figure of this run](evaluation/{wanted.name}.md). Not known:"
    yield ""
    yield from (f"* {line}" for line in result.unknown)
    yield ""


def whole(wanted: Wanted, result: EvaluationResult) -> str:
    """Every figure of a run, as Markdown."""
    lines = [f"# {_title(wanted, result)}", "", f"> {NOTICE}", "", *_asked(wanted, result)]
    lines += _tables(result)
    for plot, file in _pictures(wanted, result):
        lines += [f"![{plot.title}]({file})", ""]
    lines += ["Not known:", "", *(f"* {line}" for line in result.unknown)]
    return "\n".join(lines) + "\n"


def _asked(wanted: Wanted, result: EvaluationResult) -> Iterator[str]:
    yield f"`{wanted.command}`"
    yield ""
    yield f"{result.question} {result.cases:,} cases of {result.groups:,} patients."
    yield ""
    yield from _ends(result)


def _pictures(wanted: Wanted, result: EvaluationResult) -> list[tuple[Plot, str]]:
    """Plots, and the names of their files."""
    return [(plot, f"{wanted.name}-{place}.svg") for place, plot in enumerate(result.plots, 1)]


def _ends(result: EvaluationResult) -> Iterator[str]:
    for count in result.counts:
        if count.refused or count.failed:
            codes = ", ".join(f"`{code}` {number}" for code, number in count.codes.items())
            yield (
                f"{count.system}: {count.done} done, {count.refused} refused, {count.failed} "
                f"failed ({codes})."
            )
            yield ""


def _tables(result: EvaluationResult) -> Iterator[str]:
    systems = [one.system for one in result.counts]
    for table in tables(result):
        yield f"| {table['name']} | {' | '.join(systems)} | cases |"
        yield f"|---|{'---:|' * (len(systems) + 1)}"
        for about, cells in table["rows"]:
            values = " | ".join(_cell(cells.get(system)) for system in systems)
            yield f"| {about or 'all'} | {values} | {max(one.cases for one in cells.values())} |"
        yield ""


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    interval = f" ({shown(estimate.low)} to {shown(estimate.high)})"
    return shown(estimate.value) + (interval if estimate.low is not None else "")


def _draw(plot: Plot, path: Path) -> None:
    """The plot as a file of its own, which brings its style along."""
    colours = ":root { --soft: #667; --ink: #223; }"
    style = f"<style>{colours}{style_of(('evaluation.css',))}</style>"
    drawn = str(plot_svg(plot)).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    head, end, rest = drawn.partition(">")
    path.write_text(f"{head}{end}{style}{rest}\n", encoding="utf-8")


def _foot() -> Iterator[str]:
    yield "## Further"
    yield ""
    yield "* [report_metrics.md](report_metrics.md): what each metric of report texts is."
    yield "* [benchmarks.md](benchmarks.md): runners of the field's benchmarks."
    yield "* [evaluation_card.md](evaluation_card.md): the checklist of reviews of this field."
    yield "* Cards of the models: [models/](models/README.md)."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("/tmp/cxr-agent-evaluation"))
    parser.add_argument("--only", default="", help="Tasks, with commas between.")
    parser.add_argument("--write", action="store_true", help="Rewrite docs/evaluation.md.")
    chosen = parser.parse_args()
    only = {name for name in chosen.only.split(",") if name}
    results = []
    for wanted in RUNS:
        if only and wanted.task not in only:
            continue
        print(wanted.name, file=sys.stderr, flush=True)
        results.append((wanted, run(wanted, chosen.work)))
    if not chosen.write:
        print(page(results))
        return
    PAGE.write_text(page(results), encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    for wanted, result in results:
        if result is not None:
            place = PICTURES / f"{wanted.name}.md"
            place.write_text(whole(wanted, result), encoding="utf-8")
            for plot, file in _pictures(wanted, result):
                _draw(plot, PICTURES / file)


if __name__ == "__main__":
    main()
