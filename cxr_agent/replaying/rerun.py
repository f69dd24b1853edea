"""The tools of a run, run anew on its films and held against what they gave then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import CxrAgentError
from cxr_agent.knowledge import thresholds_changed
from cxr_agent.reading import Agent
from cxr_agent.replaying.films import films_of
from cxr_agent.replaying.following import equal
from cxr_agent.toolbox.answer import answer_of
from cxr_agent.toolbox.arguments import ToolCall, bind
from cxr_agent.toolbox.artifacts import mask_png, shows_mask
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.contract import Abstain
from cxr_agent.trace import ToolCalled, ToolReturned, Trace
from cxr_agent.trace.line import digest

TOLERANCE: Final = 1e-4
"""Share by which a number may differ: GPUs and CPUs do not add in one order."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a tool gives now and did not then."""

    step: int
    tool: str
    what: str
    """A field of the result, as ``items.0.value``; ``outcome``, or ``mask heart``."""
    then: Any
    now: Any


def rerun_tools(
    agent: Agent,
    trace: Trace,
    films: Sequence[Path] = (),
    priors: Sequence[Path] = (),
    tolerance: float = TOLERANCE,
) -> list[Difference]:
    """Run every call of a run again, in its order; nothing is written.

    A vision-language model is not asked again: a picture leaves when a film is read, not later.

    Parameters
    ----------
    tolerance
        Share of a number by which it may differ, and of a mask's pixels.

    Raises
    ------
    UsageError, TraceError, InputError
        As :func:`cxr_agent.replaying.films.films_of`.
    """
    study = films_of(agent, trace, films, priors)
    setup = agent.setup
    bench = setup.bench_for(study)
    returned = {event.step: event for event in trace.events if isinstance(event, ToolReturned)}
    found: list[Difference] = []
    with thresholds_changed(setup.changed):
        for called in (event for event in trace.events if isinstance(event, ToolCalled)):
            then = returned.get(called.step)
            if then is not None and called.tool not in setup.asking:
                found += _again(
                    setup.registry.get(called.tool), called, then, trace, bench, tolerance
                )
    return found


def _again(
    spec: Any,
    called: ToolCalled,
    then: ToolReturned,
    trace: Trace,
    bench: Bench,
    tolerance: float,
) -> Iterator[Difference]:
    def differs(what: str, before: Any, now: Any) -> Difference:
        return Difference(called.step, called.tool, what, before, now)

    if spec is None:
        yield differs("outcome", then.outcome, "no such tool")
        return
    arguments = {n: v for n, v in called.arguments.items() if isinstance(v, str | bool)}
    try:
        bound = bind(spec, ToolCall(called.tool, arguments), bench)
        answer = answer_of(spec, bound)
    except Abstain as outcome:
        if then.outcome != "abstained" or not set(outcome.reasons) <= set(then.codes):
            yield differs("outcome", then.outcome, f"abstained {' '.join(outcome.reasons)}")
        return
    except CxrAgentError as error:
        if then.outcome != "failed":
            yield differs("outcome", then.outcome, f"failed {error.code}")
        return
    if then.outcome != "ok":
        yield differs("outcome", then.outcome, "ok")
        return
    for what, before, now in _fields(dict(then.result), answer.record):
        if not equal(before, now, tolerance):
            yield differs(what, before, now)
    for name, mask in answer.result.masks.items():
        kept = then.artifacts.get(name)
        if not shows_mask(trace, kept, mask.plane):
            yield differs(f"mask {name}", kept, digest(mask_png(mask.plane)))
    bench.put_masks(bound.film.handle, answer.result.masks)


def _fields(then: Any, now: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Leaves of two JSON values side by side, by their path."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys((*then, *now)):
            yield from _fields(then.get(name), now.get(name), f"{path}.{name}" if path else name)
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for place, (one, other) in enumerate(zip(then, now, strict=True)):
            yield from _fields(one, other, f"{path}.{place}")
    else:
        yield path, then, now
