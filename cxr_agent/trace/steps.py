"""The steps of a run: the events that belong together, while they arrive or afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import JsonValue

from cxr_agent.trace.events import (
    FINISH,
    Corrected,
    EvidenceAdded,
    ModelCalled,
    Plan,
    StudyLoaded,
    ToolCalled,
    ToolReturned,
    Withdrawn,
)
from cxr_agent.trace.line import Line


@dataclass(frozen=True)
class Step:
    """What was planned, called, given back and learned under one number."""

    number: int
    lines: tuple[Line, ...]
    handles: frozenset[str]
    """Films that were loaded by then; tells which arguments are films."""

    @cached_property
    def plans(self) -> tuple[Plan, ...]:
        return tuple(line.event for line in self.lines if isinstance(line.event, Plan))

    @cached_property
    def called(self) -> ToolCalled | None:
        return next((e.event for e in self.lines if isinstance(e.event, ToolCalled)), None)

    @cached_property
    def returned(self) -> ToolReturned | None:
        return next((e.event for e in self.lines if isinstance(e.event, ToolReturned)), None)

    @cached_property
    def corrected(self) -> Corrected | None:
        return next((e.event for e in self.lines if isinstance(e.event, Corrected)), None)

    @cached_property
    def evidence(self) -> tuple[dict[str, JsonValue], ...]:
        return tuple(e.event.evidence for e in self.lines if isinstance(e.event, EvidenceAdded))

    @cached_property
    def exchanges(self) -> tuple[ModelCalled, ...]:
        """With the language model that planned the step."""
        return tuple(line.event for line in self.lines if isinstance(line.event, ModelCalled))

    @property
    def plan(self) -> Plan | None:
        """The plan that was carried out: a refused one shares the number of what came next."""
        if self.called is not None:
            return next((p for p in self.plans if p.decision == self.called.tool), None)
        return self.plans[-1] if self.plans else None

    @property
    def refused(self) -> tuple[Plan, ...]:
        """Plans that nothing came of."""
        kept = self.plan
        if kept is not None and self.called is None and kept.decision != FINISH:
            return self.plans
        return tuple(plan for plan in self.plans if plan is not kept)

    @property
    def name(self) -> str:
        """The tool, or what else happened."""
        if self.called is not None:
            return self.called.tool
        if self.returned is not None:
            return self.returned.tool
        if self.corrected is not None:
            return f"correction of {self.corrected.target}"
        if self.plan is not None:
            return self.plan.decision
        return str(_provenance(self.evidence[0]).get("tool")) if self.evidence else "?"

    @property
    def arguments(self) -> Mapping[str, JsonValue]:
        if self.called is not None:
            return self.called.arguments
        return self.plan.arguments if self.plan is not None else {}

    @property
    def films(self) -> tuple[str, ...]:
        """Handles of the films that it looked at, in order."""
        if self.corrected is not None:
            return (self.corrected.film,)
        named = [text for value in self.arguments.values() for text in _texts(value)]
        found = [text for text in named if text in self.handles]
        if not found and not self.plans and self.called is None:
            found = [str(item.get("image")) for item in self.evidence]
        return tuple(dict.fromkeys(found))

    @property
    def outcome(self) -> str:
        """``ok``, ``abstained``, ``failed``; or that it was refused, is a statement, or runs."""
        if self.returned is not None:
            return self.returned.outcome
        if self.called is not None:
            return "unfinished"
        if self.corrected is not None:
            return "corrected"
        if self.plan is None:
            return "stated"
        return "done" if self.plan.decision == FINISH else "refused"

    @property
    def seconds(self) -> float | None:
        return self.returned.seconds if self.returned is not None else None

    @property
    def cost(self) -> float | None:
        """US dollars for planning it; None where no model was asked or its price is not known."""
        costs = *(one.cost for one in self.exchanges), *(plan.cost for plan in self.plans)
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known else None

    @property
    def settled(self) -> bool:
        """Whether it has come to its end, so that the next step's number ends it."""
        return self.outcome not in ("unfinished", "refused")


def steps_of(lines: Iterable[Line]) -> Iterator[Step]:
    """Each step once it is over, in the order of their numbers; the rest where the lines end.

    Tools that run side by side have their lines mixed: a step waits for those before it.
    """
    steps = _Steps()
    for line in lines:
        yield from steps.feed(line)
    yield from steps.rest()


def spent(lines: Iterable[Line]) -> float | None:
    """US dollars for all that a language model was asked; None where no price is known."""
    known = [
        line.event.cost
        for line in lines
        if isinstance(line.event, ModelCalled) and line.event.cost is not None
    ]
    return sum(known) if known else None


@dataclass(slots=True)
class _Steps:
    _open: dict[int, list[Line]] = field(default_factory=dict)
    _asked: list[Line] = field(default_factory=list)
    """Exchanges that planned a step whose plan is still to come."""
    _handles: frozenset[str] = frozenset()

    def feed(self, line: Line) -> Iterator[Step]:
        event = line.event
        match event:
            case StudyLoaded():
                self._handles |= {image.handle for image in event.images}
            case ModelCalled(purpose="plan"):
                self._asked.append(line)
            case Plan() | ToolCalled() | ToolReturned() | Corrected():
                yield from self._add(event.step, line)
            case EvidenceAdded():
                number = _provenance(event.evidence).get("step")
                if type(number) is int:
                    yield from self._add(number, line)
            case Withdrawn():
                return  # in the middle of a correction
            case _:
                yield from self._over(None)

    def rest(self) -> Iterator[Step]:
        for number in sorted(self._open):
            yield self._step(number)
        self._open.clear()

    def _add(self, number: int, line: Line) -> Iterator[Step]:
        yield from self._over(number)
        kept = self._open.setdefault(number, [])
        if isinstance(line.event, Plan):
            kept += self._asked
            self._asked.clear()
        kept.append(line)

    def _over(self, number: int | None) -> Iterator[Step]:
        """Close the steps before ``number`` up to the first that is still under way."""
        for one in sorted(self._open):
            step = self._step(one)
            if (number is not None and one >= number) or not step.settled:
                return
            del self._open[one]
            yield step

    def _step(self, number: int) -> Step:
        return Step(number, tuple(self._open[number]), self._handles)


def _provenance(evidence: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    provenance = evidence.get("provenance")
    return provenance if isinstance(provenance, dict) else {}


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, str):
                yield item
