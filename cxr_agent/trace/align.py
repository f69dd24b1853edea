"""Which items of two runs are the same thing; neither run comes first.

Both ways of aligning give the mirror image when the runs are exchanged: where several answers
are as good, the side that sorts first decides, not the side that was named first.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, product
from typing import Final

from pydantic import JsonValue

_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_LEAST: Final = 0.1
"""Goes after every text with words in common."""
_NEAR: Final = 0.5
"""Share of words in common from which two texts are one that was changed."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of a run under names that hold in another run too."""

    keys: tuple[str, ...]
    """What it is, from the strictest name to the loosest: items that share one may be the same."""
    content: dict[str, JsonValue]
    """What is compared once it is found in both."""
    name: str
    """For a person."""
    at: str = ""
    """Where it stands in its own run."""
    rest: dict[str, JsonValue] = field(default_factory=dict)
    """What else tells it from others of the same keys, without being compared."""
    parent: int | None = None
    """Index of the item of another part that it came out of."""
    words: tuple[str, ...] = ()
    """Words of a text, which may be found again although they changed."""
    about: str = ""
    """What a text rests on: another one on the same is the same, said differently."""

    @property
    def order(self) -> str:
        return json.dumps([self.keys, self.content, self.rest], sort_keys=True)


@dataclass(frozen=True, slots=True)
class Pair:
    """Indices of what was found in both, or on one side alone."""

    a: int | None
    b: int | None
    moved: bool = False


Together = Callable[[Item, Item], bool]


def in_order(a: Sequence[Item], b: Sequence[Item], tolerance: float = 0.0) -> tuple[Pair, ...]:
    """Align two sequences: as many as possible keep their order, what is left may have moved.

    Parameters
    ----------
    tolerance
        See :func:`close`.
    """
    if _swapped(a, b):
        return tuple(Pair(p.b, p.a, p.moved) for p in in_order(b, a, tolerance))
    pairs = [Pair(i, j) for i, j in _longest(a, b, tolerance)]
    left = _without(a, (p.a for p in pairs))
    right = _without(b, (p.b for p in pairs))
    for i, j in _best(a, b, left, right, _same_name):
        pairs.append(Pair(i, j, moved=True))
    left, right = _without(a, (p.a for p in pairs)), _without(b, (p.b for p in pairs))
    pairs += [Pair(i, j) for i, j in _best(a, b, left, right, _alike)]
    return _merged(pairs, len(a), len(b))


def in_any_order(
    a: Sequence[Item], b: Sequence[Item], together: Together, tolerance: float = 0.0
) -> tuple[Pair, ...]:
    """Align two collections whose order means nothing; those of the same parent go first."""
    if _swapped(a, b):
        turned = in_any_order(b, a, lambda one, other: together(other, one), tolerance)
        return tuple(Pair(p.b, p.a) for p in turned)

    def score(one: Item, other: Item) -> float:
        tier = _tier(one, other)
        if tier is None:
            return 0
        equal = close(one.content, other.content, tolerance)
        return 1 + 100 * together(one, other) + 50 * equal + len(one.keys) - tier

    everything = [*range(len(a))], [*range(len(b))]
    pairs = [Pair(i, j) for i, j in _best(a, b, *everything, score)]
    return _merged(pairs, len(a), len(b))


def close(a: JsonValue, b: JsonValue, tolerance: float) -> bool:
    """Whether two values are the same; a missing field is the same as null.

    Parameters
    ----------
    tolerance
        Numbers, also within a text, may differ by this, absolutely or as a share of the greater.
    """
    if isinstance(a, dict) and isinstance(b, dict):
        return all(close(a.get(name), b.get(name), tolerance) for name in {*a, *b})
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b, [tolerance] * len(a)))
    if isinstance(a, str) and isinstance(b, str):
        return a == b or (tolerance > 0 and _close_texts(a, b, tolerance))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a == b or math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
    return a == b


def skeleton(text: str) -> str:
    """A text without its numbers."""
    return _NUMBER.sub("#", text)


def _close_texts(a: str, b: str, tolerance: float) -> bool:
    if skeleton(a) != skeleton(b):
        return False
    numbers = zip(_NUMBER.findall(a), _NUMBER.findall(b), strict=True)
    return all(
        math.isclose(float(x), float(y), rel_tol=tolerance, abs_tol=tolerance) for x, y in numbers
    )


def _swapped(a: Sequence[Item], b: Sequence[Item]) -> bool:
    return [item.order for item in b] < [item.order for item in a]


def _tier(a: Item, b: Item) -> int | None:
    """Place of the strictest key that both have."""
    for tier, (one, other) in enumerate(zip(a.keys, b.keys, strict=False)):
        if one == other:
            return tier
    return None


def _same_name(a: Item, b: Item) -> float:
    return float(_tier(a, b) == 0)


def _alike(a: Item, b: Item) -> float:
    """How far one text may be the other: its share of words in the same order, or its subject."""
    if not a.words or not b.words:
        return 0
    on_the_same = _LEAST if a.about and a.about == b.about else 0
    row = [0] * (len(b.words) + 1)
    for word in a.words:
        before = 0
        for j, other in enumerate(b.words, 1):
            above = row[j]
            row[j] = before + 1 if word == other else max(above, row[j - 1])
            before = above
    share = 2 * row[-1] / (len(a.words) + len(b.words))
    return share if share >= _NEAR else on_the_same


def _longest(a: Sequence[Item], b: Sequence[Item], tolerance: float) -> list[tuple[int, int]]:
    """The longest common subsequence; a run that only has more than the other is met exactly.

    Longest means: most items of the same strictest name, then most equal ones, then most of the
    same looser name.
    """
    start = 0
    while start < min(len(a), len(b)) and _equal(a[start], b[start], tolerance):
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and _equal(a[-1 - end], b[-1 - end], tolerance):
        end += 1
    ends = [(len(a) - 1 - i, len(b) - 1 - i) for i in reversed(range(end))]
    middle = _core(a[start : len(a) - end], b[start : len(b) - end], tolerance)
    return [
        *((i, i) for i in range(start)),
        *((start + i, start + j) for i, j in middle),
        *ends,
    ]


def _core(a: Sequence[Item], b: Sequence[Item], tolerance: float) -> list[tuple[int, int]]:
    base = min(len(a), len(b)) + 1

    def worth(one: Item, other: Item) -> int:
        tier = _tier(one, other)
        if tier is None:
            return 0
        if tier:
            return 1
        return base**2 + base * _equal(one, other, tolerance)

    worths = [[worth(one, other) for other in b] for one in a]
    best = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, j in product(reversed(range(len(a))), reversed(range(len(b)))):
        found = worths[i][j]
        matched = found + best[i + 1][j + 1] if found else 0
        best[i][j] = max(matched, best[i + 1][j], best[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        if worths[i][j] and best[i][j] == worths[i][j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _equal(a: Item, b: Item, tolerance: float) -> bool:
    return (
        a.keys[0] == b.keys[0]
        and close(a.content, b.content, tolerance)
        and close(a.rest, b.rest, tolerance)
    )


def _best(
    a: Sequence[Item],
    b: Sequence[Item],
    left: Sequence[int],
    right: Sequence[int],
    score: Callable[[Item, Item], float],
) -> list[tuple[int, int]]:
    """Pairs of a score above 0, the best first, each item once."""
    scored = [(-score(a[i], b[j]), i, j) for i, j in product(left, right)]
    pairs: list[tuple[int, int]] = []
    taken_a: set[int] = set()
    taken_b: set[int] = set()
    for worth, i, j in sorted(scored):
        if worth < 0 and i not in taken_a and j not in taken_b:
            pairs.append((i, j))
            taken_a.add(i)
            taken_b.add(j)
    return pairs


def _without(items: Sequence[Item], taken: Iterable[int | None]) -> list[int]:
    gone = set(taken)
    return [index for index in range(len(items)) if index not in gone]


def _merged(pairs: Sequence[Pair], count_a: int, count_b: int) -> tuple[Pair, ...]:
    """All pairs and what is on one side alone, in the order of both as far as they agree."""
    by_a = {pair.a: pair for pair in pairs}
    in_b = {pair.b for pair in pairs}
    merged: list[Pair] = []
    told_b = 0

    def only_b(until: int) -> list[Pair]:
        return [Pair(None, j) for j in range(told_b, until) if j not in in_b]

    for i in range(count_a):
        pair = by_a.get(i, Pair(i, None))
        if pair.b is not None and not pair.moved and pair.b >= told_b:
            merged += only_b(pair.b)
            told_b = pair.b + 1
        merged.append(pair)
    return tuple(chain(merged, only_b(count_b)))
