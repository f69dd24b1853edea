"""A comparison of two runs as text and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from pydantic import JsonValue

from cxr_agent.trace.diff import Change, Difference, How, RunFacts, TraceDiff
from cxr_agent.trace.outline import Part
from cxr_agent.trace.render import clean

SIGNS: Final = {How.CHANGED: "~", How.ONLY_A: "-", How.ONLY_B: "+", How.MOVED: ">"}
_MOST: Final = 12
"""Fields shown of one thing."""
_LONGEST: Final = 240
"""Characters shown of a value."""
_BESIDE: Final = 60
"""Characters that two values may have to stand on one line."""
_SHA256: Final = re.compile(r"\b[0-9a-f]{64}\b")
_SHORT: Final = 12
_DIGITS: Final = 5


def diff_text(found: TraceDiff) -> str:
    """The differences as plain lines."""
    return "\n".join(_lines(found)) + "\n"


def diff_record(found: TraceDiff) -> dict[str, Any]:
    """The differences for a program."""
    return {
        "a": asdict(found.a),
        "b": asdict(found.b),
        "different": bool(found.differences),
        "differences": [_record(one) for one in found.differences],
        "same": {part.value: count for part, count in found.same.items()},
    }


def sides(change: Change, most: int = _LONGEST) -> tuple[str, str]:
    """Both values on a line each, as short as they still differ."""
    a, b = _short(change.a, most), _short(change.b, most)
    return (a, b) if a != b else (_flat(change.a), _flat(change.b))


def _short(value: JsonValue, most: int) -> str:
    text = _SHA256.sub(lambda found: found[0][:_SHORT], _flat(_rounded(value)))
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _flat(value: JsonValue) -> str:
    if value is None:
        return "none"
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _rounded(value: JsonValue) -> JsonValue:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return value


def place(one: Difference) -> str:
    """Where the thing stands in the two runs."""
    here = [clean(text) for text in dict.fromkeys((one.a, one.b)) if text]
    return " | ".join(here)


def summary(found: TraceDiff) -> str:
    """How many differences there are, by part."""
    if not found.differences:
        return f"no difference: {sum(found.same.values())} things are the same"
    counts = {part: len(found.of(part)) for part in Part}
    parts = ", ".join(f"{count} in {part.value}" for part, count in counts.items() if count)
    many = len(found.differences)
    return f"{many} difference{'' if many == 1 else 's'}: {parts}"


def facts(run: RunFacts) -> str:
    """One line about a run."""
    took = f" in {run.seconds:.2f} s" if run.seconds is not None else ""
    cost = f", {run.cost_usd:.4f} USD" if run.cost_usd is not None else ""
    status = run.status or "not finished"
    by = f"{clean(run.planner or '?')}, program {clean(run.program or '?')}"
    return f"{clean(run.run_id)}  {by}, {status}{took}{cost}"


def _record(one: Difference) -> dict[str, Any]:
    changes = [{"field": c.field, "a": c.a, "b": c.b} for c in one.changes]
    return asdict(one) | {
        "part": one.part.value,
        "how": one.how.value,
        "changes": changes,
        "gave": list(one.gave),
    }


def _lines(found: TraceDiff) -> Iterator[str]:
    yield f"A {facts(found.a)}"
    yield f"B {facts(found.b)}"
    for part in Part:
        differences = found.of(part)
        if differences:
            yield f"\n{part.value.capitalize()} ({found.same.get(part, 0)} the same)"
        for one in differences:
            yield from _difference(one)
    yield f"\n{summary(found)}"


def _difference(one: Difference) -> Iterator[str]:
    where = place(one)
    head = f"{SIGNS[one.how]} {f'[{where}] ' if where else ''}{clean(one.name)}"
    if len(one.changes) == 1 and not one.changes[0].field:
        yield f"  {head}: {' -> '.join(sides(one.changes[0]))}"
        return
    yield f"  {head}{': moved' if one.how is How.MOVED else ''}"
    for change in one.changes[:_MOST]:
        a, b = sides(change)
        if len(a) + len(b) > _BESIDE:
            yield from (f"      {clean(change.field)}:", f"        - {a}", f"        + {b}")
        else:
            yield f"      {clean(change.field)}: {a} -> {b}"
    if len(one.changes) > _MOST:
        yield f"      ... and {len(one.changes) - _MOST} more fields"
    for given in one.gave:
        yield f"      gave {clean(given)}"
