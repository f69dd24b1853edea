"""Pairs from a run's own gates: what was drafted and not let out, against what was said instead."""

from __future__ import annotations

from collections.abc import Iterator

from cxr_agent.evaluation.preferences.pair import Preference, prompt_on
from cxr_agent.evaluation.preferences.recorded import (
    SECTIONS,
    Recorded,
    recorded,
    sentences_of,
    text_of,
)
from cxr_agent.report.model import Sentence
from cxr_agent.trace import Trace


def pairs_of_run(trace: Trace) -> Iterator[Preference]:
    """The pairs of one run: one for each sentence that the evidence gate refused and for whose
    evidence another was let out, and one of the whole draft against the whole report.

    A run whose draft was let out as it was gives none.

    Raises
    ------
    TraceError
        As :func:`cxr_agent.evaluation.preferences.recorded.recorded`.
    """
    run = recorded(trace)
    if run is None:
        return
    refused = {
        one.sentence: one.reason
        for one in run.verdicts
        if one.gate == "evidence" and not one.passed and one.sentence
    }
    for section, sentence in run.draft:
        if sentence.text in refused and section in SECTIONS:
            yield from _sentence_pair(run, section, sentence, refused[sentence.text])
    if refused:
        yield from _report_pair(run, sorted(set(refused.values())))


def _sentence_pair(
    run: Recorded, section: str, refused: Sentence, reason: str
) -> Iterator[Preference]:
    cited = [run.evidence[one] for one in refused.evidence if one in run.evidence]
    instead = [
        one
        for one in getattr(run.report, section)
        if set(one.evidence) & set(refused.evidence) and one.text != refused.text
    ]
    if not cited or not instead:
        return  # nothing was said in its place: it is not known what would have been better
    yield Preference(
        prompt=prompt_on(cited, "prefer_sentence"),
        chosen=text_of(instead),
        rejected=refused.text,
        source="gate",
        judge="evidence",
        reason=reason,
        level="sentence",
        run_ids=(run.run_id,),
    )


def _report_pair(run: Recorded, reasons: list[str]) -> Iterator[Preference]:
    chosen = text_of(sentences_of(run.report))
    rejected = text_of([one for section, one in run.draft if section in SECTIONS])
    if chosen and rejected and chosen != rejected:
        yield Preference(
            prompt=prompt_on(run.report.evidence, "prefer_report"),
            chosen=chosen,
            rejected=rejected,
            source="gate",
            judge="evidence",
            reason=" ".join(reasons),
            level="report",
            run_ids=(run.run_id,),
        )
