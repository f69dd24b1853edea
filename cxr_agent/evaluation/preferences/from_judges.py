"""Pairs from a judge: of two reports on the same films, the one with fewer errors is chosen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from cxr_agent.checking import check_text
from cxr_agent.evaluation.preferences.pair import Preference, prompt_on
from cxr_agent.evaluation.preferences.recorded import Recorded, recorded, sentences_of, text_of
from cxr_agent.evidence import Evidence
from cxr_agent.trace import Trace

Judge = Callable[[str, Sequence[Evidence]], float]
"""How bad a report is, by its text and all that is known of the films; fewer is better."""


def errors_of(text: str, evidence: Sequence[Evidence]) -> float:
    """Errors by :mod:`cxr_agent.checking`; those that could change what is done count double."""
    errors = check_text(text, evidence).errors
    return float(sum(2 if one.significant else 1 for one in errors))


def pairs_of_rivals(
    traces: Sequence[Trace], judge: Judge = errors_of, name: str = "check_report"
) -> Iterator[Preference]:
    """One pair for each two runs on the same films that the judge does not find equally good.

    All are judged by the evidence of the run that came to know most: what another did not look
    for, it left out.

    Raises
    ------
    TraceError
        As :func:`cxr_agent.evaluation.preferences.recorded.recorded`.
    """
    by_films: dict[tuple[str, ...], list[Recorded]] = defaultdict(list)
    for trace in traces:
        run = recorded(trace)
        if run is not None and run.films:
            by_films[run.films].append(run)
    for rivals in by_films.values():
        if len(rivals) > 1:
            yield from _pairs(rivals, judge, name)


def _pairs(rivals: Sequence[Recorded], judge: Judge, name: str) -> Iterator[Preference]:
    known = max(rivals, key=lambda one: len(one.report.evidence)).report.evidence
    texts = {one.run_id: text_of(sentences_of(one.report)) for one in rivals}
    faults = {run_id: judge(text, known) for run_id, text in texts.items() if text}
    for one, other in combinations(sorted(faults), 2):
        better, worse = sorted((one, other), key=lambda run_id: faults[run_id])
        if faults[better] == faults[worse] or texts[better] == texts[worse]:
            continue
        yield Preference(
            prompt=prompt_on(known, "prefer_report"),
            chosen=texts[better],
            rejected=texts[worse],
            source="judge",
            judge=name,
            reason=f"{faults[worse] - faults[better]:g} more",
            level="report",
            run_ids=(better, worse),
        )
