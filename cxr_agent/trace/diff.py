"""What differs between two runs, by meaning: an id, a time or a step's number is no difference.

An extra step is one difference, with all that it gave; what comes after it stays aligned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Final

from pydantic import JsonValue

from cxr_agent.trace.align import Item, Pair, close, in_any_order, in_order
from cxr_agent.trace.outline import Outline, Part, outline
from cxr_agent.trace.reader import Trace
from cxr_agent.trace.steps import spent

ARTIFACTS: Final = "artifacts"
"""Can be left out like a part: masks differ by a pixel between two processors."""
LEFT_OUT: Final = frozenset({*Part, ARTIFACTS})
"""All that can be left out."""
_ORDERED: Final = (Part.EXCHANGES, Part.SENTENCES, Part.ANSWERS)


class How(StrEnum):
    """What became of a thing from run A to run B."""

    CHANGED = "changed"
    ONLY_A = "only_a"
    ONLY_B = "only_b"
    MOVED = "moved"
    """The same, at another place in the order."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs; None where a side has none."""

    field: str
    a: JsonValue
    b: JsonValue


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same in both runs."""

    part: Part
    how: How
    name: str
    a: str = ""
    """Where it stands in run A: a step, an id of evidence, a section."""
    b: str = ""
    changes: tuple[Change, ...] = ()
    gave: tuple[str, ...] = ()
    """Of a step on one side alone: the evidence that came of it."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Which run it was, and what it took; nothing of it is a difference by itself."""

    run_id: str
    program: str | None
    planner: str | None
    status: str | None
    """None where it did not end."""
    seconds: float | None
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class TraceDiff:
    """Two runs compared."""

    a: RunFacts
    b: RunFacts
    differences: tuple[Difference, ...]
    same: dict[Part, int]
    """How many things of each part are the same."""

    def of(self, part: Part) -> tuple[Difference, ...]:
        """The differences of one part."""
        return tuple(one for one in self.differences if one.part is part)


def diff(a: Trace, b: Trace, *, tolerance: float = 0.0, ignore: Collection[str] = ()) -> TraceDiff:
    """Compare two runs.

    Parameters
    ----------
    tolerance
        Numbers may differ by this, absolutely or as a share of the greater one.
    ignore
        Names of :class:`Part`, or ``artifacts``, that do not count.
    """
    comparison = _Comparison(outline(a), outline(b), tolerance, frozenset(ignore))
    found = tuple(comparison.differences())
    return TraceDiff(_facts(a), _facts(b), found, comparison.same)


def _facts(trace: Trace) -> RunFacts:
    start, end = trace.started, trace.finished
    return RunFacts(
        run_id=trace.run_id,
        program=start.program_version if start is not None else None,
        planner=start.planner if start is not None else None,
        status=end.status if end is not None else None,
        seconds=end.seconds if end is not None else None,
        cost_usd=spent(trace.lines),
    )


class _Comparison:
    def __init__(self, a: Outline, b: Outline, tolerance: float, ignore: frozenset[str]) -> None:
        self.a, self.b = a, b
        self.tolerance = tolerance
        self.ignore = ignore
        self.unasked = {ARTIFACTS} if ARTIFACTS in ignore else set()
        if a.planner != b.planner:
            self.unasked.add("planning")
        self.same: dict[Part, int] = {}

    def differences(self) -> Iterator[Difference]:
        for part in Part:
            if part in self.ignore:
                continue
            match part:
                case Part.SETTINGS:
                    yield from self._settings()
                case Part.STEPS:
                    yield from self._steps()
                case Part.EVIDENCE:
                    yield from self._evidence()
                case Part.VERDICTS:
                    yield from self._verdicts()
                case _:
                    yield from self._plain(part)

    def _settings(self) -> Iterator[Difference]:
        a, b = dict(self.a.settings), dict(self.b.settings)
        for name in self.a.used.keys() & self.b.used.keys() - a.keys() - b.keys():
            a[name], b[name] = self.a.used[name], self.b.used[name]
        self.same[Part.SETTINGS] = 0
        for name in sorted({*a, *b}):
            left, right = a.get(name), b.get(name)
            if close(left, right, 0):
                self.same[Part.SETTINGS] += 1
                continue
            how = How.CHANGED
            if name not in a or name not in b:
                how = How.ONLY_A if name in a else How.ONLY_B
            yield Difference(Part.SETTINGS, how, name, changes=(Change("", left, right),))

    def _items(self, part: Part) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
        a, b = (tuple(map(self._asked, side.parts[part])) for side in (self.a, self.b))
        return a, b

    def _asked(self, item: Item) -> Item:
        """The item without what is not to be compared."""
        if not self.unasked & item.content.keys():
            return item
        content = {k: v for k, v in item.content.items() if k not in self.unasked}
        return replace(item, content=content)

    @cached_property
    def _step_pairs(self) -> tuple[Pair, ...]:
        return in_order(*self._items(Part.STEPS), self.tolerance)

    def _plain(self, part: Part) -> Iterator[Difference]:
        a, b = self._items(part)
        if part in _ORDERED:
            pairs = in_order(a, b, self.tolerance)
        else:
            pairs = in_any_order(a, b, lambda one, other: True, self.tolerance)
        yield from self._differences(part, a, b, pairs)

    def _steps(self) -> Iterator[Difference]:
        a, b = self._items(Part.STEPS)
        yield from self._differences(Part.STEPS, a, b, self._step_pairs, self._given)

    def _given(self, pair: Pair) -> tuple[str, ...]:
        """The evidence that came of a step that one run alone has."""
        side, step = (self.a, pair.a) if pair.b is None else (self.b, pair.b)
        items = side.parts[Part.EVIDENCE]
        return tuple(f"{item.at} {item.name}" for item in items if item.parent == step)

    def _evidence(self) -> Iterator[Difference]:
        """What came of a step that only one run has is told with that step."""
        a, b = self._items(Part.EVIDENCE)
        steps = self._step_pairs
        aligned = {(pair.a, pair.b) for pair in steps if None not in (pair.a, pair.b)}
        aligned.add((None, None))  # statements of no step
        pairs = in_any_order(
            a, b, lambda one, other: (one.parent, other.parent) in aligned, self.tolerance
        )
        alone_a = {pair.a for pair in steps if pair.b is None}
        alone_b = {pair.b for pair in steps if pair.a is None}
        told = Part.STEPS not in self.ignore

        def of_a_lone_step(pair: Pair) -> bool:
            match pair.a, pair.b:
                case int(i), None:
                    return a[i].parent in alone_a
                case None, int(j):
                    return b[j].parent in alone_b
            return False

        kept = [pair for pair in pairs if not (told and of_a_lone_step(pair))]
        yield from self._differences(Part.EVIDENCE, a, b, kept)

    def _verdicts(self) -> Iterator[Difference]:
        """A verdict on a sentence that only one run has is no difference of its own."""
        a, b = self._items(Part.VERDICTS)
        pairs = in_any_order(a, b, lambda one, other: True, self.tolerance)
        in_a, in_b = (
            {item.name for item in side.parts[Part.SENTENCES]} for side in (self.a, self.b)
        )
        told = Part.SENTENCES not in self.ignore

        def on_a_lone_sentence(pair: Pair) -> bool:
            match pair.a, pair.b:
                case int(i), None:
                    return a[i].rest["sentence"] in in_a - in_b
                case None, int(j):
                    return b[j].rest["sentence"] in in_b - in_a
            return False

        kept = [pair for pair in pairs if not (told and on_a_lone_sentence(pair))]
        yield from self._differences(Part.VERDICTS, a, b, kept)

    def _differences(
        self,
        part: Part,
        a: tuple[Item, ...],
        b: tuple[Item, ...],
        pairs: Collection[Pair],
        given: Callable[[Pair], tuple[str, ...]] = lambda pair: (),
    ) -> Iterator[Difference]:
        self.same[part] = 0
        for pair in pairs:
            match pair.a, pair.b:
                case int(i), int(j):
                    one, other = a[i], b[j]
                    changes = tuple(_changes("", one.content, other.content, self.tolerance))
                    if changes or pair.moved:
                        how = How.CHANGED if changes else How.MOVED
                        yield Difference(part, how, one.name, one.at, other.at, changes)
                    else:
                        self.same[part] += 1
                case int(i), None:
                    yield Difference(part, How.ONLY_A, a[i].name, a=a[i].at, gave=given(pair))
                case None, int(j):
                    yield Difference(part, How.ONLY_B, b[j].name, b=b[j].at, gave=given(pair))


def _changes(name: str, a: JsonValue, b: JsonValue, tolerance: float) -> Iterator[Change]:
    """Fields that differ, by dotted name; a list of other length, or of plain values, as one."""
    if close(a, b, tolerance):
        return
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b}):
            inner = f"{name}.{key}" if name else key
            yield from _changes(inner, a.get(key), b.get(key), tolerance)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and _nested(a):
        for index, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from _changes(f"{name}[{index}]", one, other, tolerance)
    else:
        yield Change(name, a, b)


def _nested(values: list[JsonValue]) -> bool:
    return any(isinstance(value, dict | list) for value in values)
