"""Steps as text: one line each, or one of them opened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from cxr_agent.trace.events import ModelCalled
from cxr_agent.trace.reader import Trace
from cxr_agent.trace.render import clean, event_lines, returned
from cxr_agent.trace.steps import Step, spent, steps_of

_WIDTHS = "{:>4} {:<27} {:<13} {:<10} {:>6} {:>8} {:>6}"
_WIDE = 80
"""Characters that a value may take on its line."""
HEAD = _WIDTHS.format("step", "tool", "film", "outcome", "ms", "evidence", "USD").rstrip()


def step_line(step: Step) -> str:
    """One line; widths are fixed, so that lines of a run that goes on stand below each other."""
    seconds = f"{1000 * step.seconds:.0f}" if step.seconds is not None else ""
    cost = f"{step.cost:.4f}" if step.cost is not None else ""
    count = str(len(step.evidence) or "")
    films, name = clean(",".join(step.films)), clean(step.name)
    why = f"  {', '.join(_remarks(step))}".rstrip()
    line = _WIDTHS.format(step.number, name, films, step.outcome, seconds, count, cost)
    return (line + why).rstrip()


def _remarks(step: Step) -> tuple[str, ...]:
    if step.returned is None:
        return ()
    return (*(("from the cache",) if step.returned.cached else ()), *step.returned.codes)


def steps_text(trace: Trace) -> str:
    """A table of all steps with what they took together."""
    steps = tuple(steps_of(trace.lines))
    return "\n".join((HEAD, *map(step_line, steps), _total(steps, trace))) + "\n"


def opened(step: Step) -> Iterator[str]:
    """One step with all that the trace holds of it."""
    yield f"Step {step.number}: {clean(step.name)}, {step.outcome}"
    for line in step.lines:
        if isinstance(line.event, ModelCalled):
            yield from event_lines(line.event, full=True)
    for plan in step.refused:
        yield f"    refused: {clean(plan.decision)}, {plan.rationale}"
    if step.plan is not None:
        model = f", {clean(step.plan.model)}" if step.plan.model else ""
        prompt = f", prompt {clean(step.plan.prompt_id)}" if step.plan.prompt_id else ""
        yield f"  planned by {clean(step.plan.planner)}{model}{prompt}: {step.plan.rationale}"
    if step.called is not None:
        yield f"  called {clean(step.called.tool)} {clean(step.called.tool_version)}"
    yield from _json("arguments", dict(step.arguments))
    if step.corrected is not None:
        yield f"  {step.corrected.kind} on {clean(step.corrected.film)}"
        yield f"  by {clean(step.corrected.who)}: {clean(step.corrected.why)}"
        yield from _json("value", step.corrected.value)
        yield from _files(step.corrected.artifacts)
    if step.returned is not None:
        yield f"  {returned(step.returned)}"
        yield from _json("result", step.returned.result)
        yield from _files(step.returned.artifacts)
    for item in step.evidence:
        kind = " ".join(clean(str(item.get(name))) for name in ("id", "kind", "code"))
        yield f"  {kind}: {clean(str(item.get('reading')))}"
        for name, value in item.items():
            if name not in ("id", "kind", "code", "reading") and value not in (None, "", [], {}):
                yield f"      {clean(name)}: {clean(_flat(value))}"


def step_record(step: Step) -> dict[str, JsonValue]:
    """The summary of a step for a program."""
    return {
        "step": step.number,
        "tool": step.name,
        "films": list(step.films),
        "outcome": step.outcome,
        "cached": step.returned is not None and step.returned.cached,
        "seconds": step.seconds,
        "evidence": len(step.evidence),
        "cost_usd": step.cost,
    }


def _total(steps: Sequence[Step], trace: Trace) -> str:
    evidence = sum(len(step.evidence) for step in steps)
    cost = spent(trace.lines)
    dollars = f", {cost:.4f} USD" if cost is not None else ""
    end = trace.finished
    if end is None:
        ended = "not finished"
    else:
        ended = f"{end.status}{f' ({end.code})' if end.code else ''} in {end.seconds:.2f} s"
    return f"{len(steps)} steps, {evidence} pieces of evidence{dollars}, {ended}"


def _json(name: str, value: JsonValue) -> Iterator[str]:
    if value:
        yield f"  {name}"
        yield from (f"    {clean(line)}" for line in _laid_out(value))


def _laid_out(value: JsonValue, indent: str = "") -> Iterator[str]:
    """A value by its names, on one line where it fits."""
    if isinstance(value, dict):
        named = list(value.items())
    elif isinstance(value, list):
        named = [("-", item) for item in value]
    else:
        named = []
    for key, inner in named:
        flat = _flat(inner)
        mark = key if isinstance(value, list) else f"{key}:"
        if isinstance(inner, dict | list) and inner and len(flat) > _WIDE:
            yield f"{indent}{mark}"
            yield from _laid_out(inner, f"{indent}  ")
        else:
            yield f"{indent}{mark} {flat}"


def _files(artifacts: dict[str, str]) -> Iterator[str]:
    if artifacts:
        yield "  files"
        for name, sha256 in artifacts.items():
            yield f"    {clean(name)}  artifacts/{sha256}"


def _flat(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
