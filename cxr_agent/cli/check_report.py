"""``cxr-agent check-report``: a report against the film and against itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.options import Config, Prior, Traces
from cxr_agent.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from cxr_agent.checking import CheckedReport, Remark

ERRORS_FOUND: Final = 1
"""Exit status where the report has errors, so that a script can tell."""


def check_report(
    report: Annotated[
        Path, typer.Argument(metavar="REPORT", help="A text file; - reads standard input.")
    ],
    study: Annotated[
        list[Path] | None,
        typer.Option(help="The film that the report is of; may be repeated for one study."),
    ] = None,
    prior: Prior = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    traces: Traces = None,
    config: Config = None,
    device: Device = "auto",
) -> int:
    """Check any report, a person's or another model's, by the categories of CheXprompt and GREEN.

    Without --study it is checked against itself alone. Exit status 1 when there are errors.
    """
    from cxr_agent.checking import check_report as checked_against
    from cxr_agent.checking import check_text
    from cxr_agent.cli.texts import read_text

    text = read_text(report)
    if study:
        from cxr_agent.reading import Agent

        with (
            Agent(traces=traces, device=device, config=config) as agent,
            notices_told(device, agent.runtime),
        ):
            found = checked_against(text, study, priors=prior or (), agent=agent)
    elif prior:
        raise UsageError(
            "prior_of_which", "--prior needs --study", hint="Give the current film as --study."
        )
    else:
        found = check_text(text)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print("\n".join(_lines(found)))
    return ERRORS_FOUND if found.errors else EXIT_OK


def _lines(found: CheckedReport) -> Iterator[str]:
    from cxr_agent.checking import CATEGORIES

    against = f"reading {found.run_id}" if found.run_id else "itself alone"
    yield f"{found.sentences} sentences checked against {against}"
    yield ""
    yield f"{'Category':<22}{'CheXprompt':<12}{'GREEN':<7}{'errors':>7}{'minor':>7}"
    for kind, (significant, minor) in found.counts().items():
        chexprompt, green, _ = CATEGORIES[kind]
        name = kind.value.replace("_", " ")
        yield f"{name:<22}{chexprompt or '-':<12}{green or '-':<7}{significant:>7}{minor:>7}"
    if found.errors:
        yield ""
        yield "Errors"
        for error in found.errors:
            yield from _error(error)
    verdicts = [claim.verdict for claim in found.claims]
    if verdicts:
        yield ""
        counts = ", ".join(
            f"{verdicts.count(one)} {one}" for one in ("supported", "contradicted", "unsupported")
        )
        yield f"Claims: {counts}. Unsupported is what no tool of the reading looks for."
        for claim in found.claims:
            if claim.verdict == "unsupported":
                yield f"  {claim.sentence}  {claim.code.replace('_', ' ')}: no {claim.missing}"
    yield ""
    yield found.notice


def _error(error: Remark) -> Iterator[str]:
    from cxr_agent.checking import CATEGORIES
    from cxr_agent.cli.output import shown_name

    letter = CATEGORIES[error.kind][0]
    minor = "" if error.significant else " (minor)"
    mark = f"{letter}  " if letter else ""
    cited = f" [{', '.join(error.evidence)}]" if error.evidence else ""
    name = error.code.replace("_", " ")
    yield f"  {mark}{error.kind.value.replace('_', ' ')}{minor}: {name}"
    if error.sentence is not None:
        yield f"      {error.sentence}: {shown_name(' '.join(error.text.split()))}"
    yield f"      against: {shown_name(' '.join(error.against.split()))}{cited}"
