"""A trace written on by doing the run again: what stands there already is not written twice."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cxr_agent.errors import TraceError
from cxr_agent.trace import Event, Line, ModelCalled, Plan, RunResumed, RunStarted, TraceWriter

_TIMES: Final = {"seconds", "latency_s"}
_CLOSE: Final = 1e-6
"""By how much a number of a result may differ, as a share: sums are not taken in one order on all
machines."""
_NOTHING: Final = 1e-6
"""What a difference of two numbers may be near nought, where a share of them says little."""
_CONSULTED: Final = {"planner", "prompt_id", "prompt_sha256", "model", "tokens_in", "tokens_out"}
"""What a decision that was asked for has, and one that was recorded need not have."""


class FollowingWriter(TraceWriter):
    """Takes from whoever does a run again what was recorded, in its order; then writes on.

    :meth:`follow` must be called before the first event.
    """

    _ahead: deque[Line]
    _resumed: RunResumed | None

    def follow(self, lines: Sequence[Line], resumed: RunResumed) -> None:
        """Expect these lines first; ``resumed`` opens what is written after them."""
        self._ahead = deque(lines)
        self._resumed = resumed

    def append_all(self, events: Sequence[Event]) -> tuple[Line, ...]:
        """Meet the next recorded events, and write what is new; raises as the base class.

        Raises
        ------
        TraceError
            ``run_diverged``: doing the run again gave something else than was recorded.
        """
        met, new = self._meet_all(events)
        return (*met, *super().append_all(new))

    def hold_all(self, events: Sequence[Event]) -> tuple[Line, ...]:
        """As :meth:`append_all`, of events that are written with the next one."""
        met, new = self._meet_all(events)
        return (*met, *super().hold_all(new))

    def _meet_all(self, events: Sequence[Event]) -> tuple[list[Line], Sequence[Event]]:
        """The lines that recorded the first few, and what is new, before which that is said."""
        met = []
        for event in events:
            line = self._meet(event)
            if line is None:
                break
            met.append(line)
        new = events[len(met) :]
        if new and self._resumed is not None:
            first, self._resumed = self._resumed, None
            super().hold_all((first,))
        return met, new

    def _meet(self, event: Event) -> Line | None:
        """The line that recorded the event; None when all were met."""
        while self._ahead:
            line = self._ahead.popleft()
            if same(line.event, event):
                return line
            if not isinstance(line.event, ModelCalled | RunResumed):
                raise TraceError(
                    "run_diverged",
                    f"done again, line {line.seq} of the run comes out differently "
                    f"({line.event.type}, now {event.type})",
                    hint="Another version, device or option? Read the film again.",
                )
        return None


def same(recorded: Event, now: Event) -> bool:
    """Whether an event tells the same, whenever it happened."""
    if recorded.type != now.type:
        return False
    left_out = _TIMES | (_CONSULTED if isinstance(recorded, Plan) else set())
    one, other = (event.model_dump(mode="json", exclude=left_out) for event in (recorded, now))
    return equal(one, other)


def equal(one: Any, other: Any, close: float = _CLOSE) -> bool:
    """Whether two JSON values are the same, numbers to within a share of the larger one."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(equal(one[n], other[n], close) for n in one)
    if isinstance(one, list) and isinstance(other, list):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(equal(a, b, close) for a, b in pairs)
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (one, other))
    if numbers:
        return math.isclose(one, other, rel_tol=close, abs_tol=_NOTHING)
    return bool(one == other)


def options_changed(recorded: RunStarted, now: RunStarted) -> list[str]:
    """Names of what a run was started with and is not now."""
    one, other = recorded.model_dump(mode="json"), now.model_dump(mode="json")
    changed = [n for n in ("program_version", "planner") if one[n] != other[n]]
    for table in ("config", "versions"):
        names = {*one[table], *other[table]} - {"notices"}
        changed += sorted(n for n in names if one[table].get(n) != other[table].get(n))
    return changed
