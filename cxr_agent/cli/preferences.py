"""``cxr-agent preferences``: recorded runs as chosen and rejected answers, for training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_agent.cli.options import Traces
from cxr_agent.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from cxr_agent.evaluation.preferences import Preference
    from cxr_agent.trace import Trace


class By(StrEnum):
    """Who decides which answer is the better one."""

    GATES = "gates"
    JUDGE = "judge"
    BOTH = "both"


def preferences(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN...]", help="Run ids, paths, or folders of traces. Default: all traces."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE.jsonl", help="The file to write.")] = Path(
        "preferences.jsonl"
    ),
    by: Annotated[
        By,
        typer.Option(
            help="gates: what was drafted and refused against what was said. judge: of runs on "
            "the same film, the report with fewer errors by check-report."
        ),
    ] = By.BOTH,
    traces: Traces = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> int:
    """Write preference pairs (prompt, chosen, rejected), as trainers such as TRL read them.

    Texts are as the trace keeps them: masked, unless the runs were made with --privacy full.
    """
    from cxr_agent.cli.output import shown_name
    from cxr_agent.evaluation.preferences import as_jsonl
    from cxr_agent.output import write_whole

    found = list(_traces(runs or (), traces))
    if not found:
        raise UsageError(
            "no_runs", "there is no run to make pairs of", hint="Read some films first."
        )
    pairs = list(_pairs(found, by))
    write_whole(out, as_jsonl(pairs))
    told = {
        "runs": len(found),
        "pairs": len(pairs),
        "of_gates": sum(one.source == "gate" for one in pairs),
        "of_judge": sum(one.source == "judge" for one in pairs),
        "file": str(out),
    }
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        print(
            f"{told['pairs']} pairs of {told['runs']} runs: {told['of_gates']} by gates, "
            f"{told['of_judge']} by the judge"
        )
        print(shown_name(f"{out}"))
    return EXIT_OK


def _traces(names: list[str] | tuple[()], folder: Path | None) -> Iterator[Trace]:
    """Each run once; a run that was cut off has no report and gives no pair."""
    from cxr_agent.trace import default_traces, find_trace, list_traces, read_trace

    wanted: dict[Path, None] = {}
    for name in names or [str(folder or default_traces())]:
        path = Path(name)
        if path.is_dir() and not (path / "trace.jsonl").exists():
            wanted |= dict.fromkeys(one.directory for one in list_traces(path))
        else:
            wanted[find_trace(folder or default_traces(), name)] = None
    for path in wanted:
        yield read_trace(path)


def _pairs(found: list[Trace], by: By) -> Iterator[Preference]:
    from cxr_agent.evaluation.preferences import pairs_of_rivals, pairs_of_run

    if by is not By.JUDGE:
        for trace in found:
            yield from pairs_of_run(trace)
    if by is not By.GATES:
        yield from pairs_of_rivals(found)
