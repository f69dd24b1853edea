"""A run as text: what was seen, which steps were taken, what they gave, what was let out."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from cxr_agent.trace.events import (
    Answered,
    Asked,
    Conflict,
    Corrected,
    Event,
    EvidenceAdded,
    GateVerdict,
    ModelCalled,
    Plan,
    ReportDrafted,
    ReportIssued,
    RunFinished,
    RunResumed,
    RunStarted,
    StudyLoaded,
    ToolCalled,
    ToolReturned,
    Withdrawn,
)
from cxr_agent.trace.reader import Trace

_SHORT = 12


def to_text(trace: Trace, *, full: bool = False) -> str:
    """The run as plain lines.

    Parameters
    ----------
    full
        Also show gate verdicts that let a sentence through as it was.
    """
    return "\n".join(line for line in _lines(trace, full)) + "\n"


def _lines(trace: Trace, full: bool) -> Iterator[str]:
    for event in trace.events:
        yield from event_lines(event, full=full)
    if trace.torn:
        yield "! the last line of the file is torn and was dropped"
    if trace.finished is None:
        yield "! the run did not end: it is still going on, or was cut off here"


def event_lines(event: Event, *, full: bool = False) -> Iterator[str]:
    """One event as plain lines, as :func:`to_text` shows it."""
    match event:
        case RunStarted():
            yield f"Run {clean(event.run_id)}"
            yield f"  program {clean(event.program_version)}, planner {clean(event.planner)}"
        case StudyLoaded():
            for image in event.images:
                spacing = f", {image.spacing.column_mm:g} mm/px" if image.spacing else ""
                notices = f", {', '.join(image.notices)}" if image.notices else ""
                age = f", {image.days_before} days before" if image.days_before is not None else ""
                yield (
                    f"  {clean(image.handle)}: {image.rows} x {image.columns} px, view "
                    f"{clean(image.view)}{age}{spacing}{notices}, pixels {image.sha256[:_SHORT]}"
                )
        case Plan():
            yield f"\n[{event.step}] {clean(event.decision)}{_arguments(event.arguments)}"
            model = f", {clean(event.model)}" if event.model else ""
            yield f"    planned by {clean(event.planner)}{model}: {event.rationale}"
        case ToolCalled():
            yield f"    {clean(event.tool)} {clean(event.tool_version)}"
        case ToolReturned():
            yield f"    -> {returned(event)}"
            yield from _drawn(event.artifacts)
        case EvidenceAdded():
            yield f"    {_evidence(event.evidence)}"
        case Conflict():
            yield f"    conflict of {clean(', '.join(event.evidence))}, decided by {event.rule}"
        case ReportDrafted():
            count = len(event.sentences)
            yield f"\nReport drafted: {count} sentence{'' if count == 1 else 's'}"
        case GateVerdict():
            if full or not event.passed:
                sign = "+" if event.passed else "!"
                yield f"  {sign} {event.gate}: {event.action}, {event.reason}"
                if event.sentence is not None:
                    yield f"      {clean(event.sentence)}"
        case ModelCalled():
            cost = f", {event.cost:.4f} USD" if event.cost is not None else ""
            yield (
                f"    {clean(event.model)} asked to {event.purpose}: {event.outcome}, "
                f"{event.tokens_in} + {event.tokens_out} tokens{cost} in {event.seconds:.2f} s"
            )
        case Asked():
            said = clean(event.text) if event.text is not None else "(question not kept)"
            about = f": {clean(', '.join(event.subjects))}" if event.subjects else ""
            yield f"\nQuestion {event.turn}: {said}"
            yield f"    understood as {event.intent}{about}"
        case Answered():
            yield f"    answered by {clean(event.worded_by)}"
            for sentence in event.sentences:
                yield f"      {_cited(sentence)}"
            if event.unsupported:
                yield f"    ! {event.unsupported} of the model's sentences had no support"
        case Corrected():
            target = f"{clean(event.target)}{_arguments(event.value)}"
            yield f"\n[{event.step}] {event.kind} corrected: {target}"
            yield f"    on {clean(event.film)} by {clean(event.who)}: {clean(event.why)}"
            yield from _drawn(event.artifacts)
        case Withdrawn():
            yield f"    withdrawn ({event.reason}): {clean(', '.join(event.evidence))}"
        case ReportIssued():
            yield f"\nReport given out: {event.status}, {event.report_sha256[:_SHORT]}"
        case RunResumed():
            yield f"\nResumed by program {clean(event.program_version)}, {clean(event.planner)}"
        case RunFinished():
            why = f" ({event.code})" if event.code else ""
            yield f"\nFinished: {event.status}{why} in {event.seconds:.2f} s"


def returned(event: ToolReturned) -> str:
    """How a call ended and what it took, on one line."""
    cached = ", from the cache" if event.cached else ""
    why = f": {', '.join(event.codes)}" if event.codes else ""
    return f"{event.outcome}{cached}{why} in {1000 * event.seconds:.0f} ms"


def clean(text: str) -> str:
    """Text for a terminal: what could steer it or end a line becomes a replacement character."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _steers(c) else c for c in text)


def _steers(character: str) -> bool:
    category = unicodedata.category(character)
    return category.startswith("C") or category in {"Zl", "Zp"}


def _arguments(arguments: Mapping[str, object]) -> str:
    if not arguments:
        return ""
    return "(" + ", ".join(f"{clean(k)}={clean(str(v))}" for k, v in arguments.items()) + ")"


def _drawn(artifacts: Mapping[str, str]) -> Iterator[str]:
    for name, sha256 in artifacts.items():
        yield f"       {clean(name)}  {sha256[:_SHORT]}"


def _cited(sentence: Mapping[str, object]) -> str:
    evidence = sentence.get("evidence")
    cited = ", ".join(map(str, evidence)) if isinstance(evidence, list) else ""
    return clean(f"{sentence.get('text')} [{cited}]")


def _evidence(evidence: Mapping[str, object]) -> str:
    return (
        f"{clean(str(evidence.get('id')))} {clean(str(evidence.get('kind')))} "
        f"{clean(str(evidence.get('code')))}: {clean(str(evidence.get('reading')))}"
    )
