"""What the films most alike say of a finding, and how often such a vote was right in this store.

Each film of the store is left out in turn with all others of its patient and voted on by the rest.
How many of the films that got a share of votes truly had the finding is the calibration: a share of
votes is no probability by itself (Zadrozny & Elkan, "Obtaining calibrated probability estimates",
ICML 2001: histogram binning).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_agent.evidence import Interval, Polarity
from cxr_agent.retrieval.items import Item, first_of_each
from cxr_agent.retrieval.reach import reach_of
from cxr_agent.retrieval.store import Store
from cxr_agent.study import FloatImage

VOTERS: Final = 10
"""Films that vote, each of another patient."""
FEWEST_VOTES: Final = 5
"""Voters below which there is no vote."""
_FEWEST: Final = 20
"""Films in a bin below which its share says nothing."""
_EDGES: Final = (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)
"""Ends of the bins of shares of votes; the first bin is nought to a tenth."""
_MOST: Final = 2_000
_AT_ONCE: Final = 200
_KEPT: Final = "votes"
LEVEL: Final = 0.95
_Z: Final = 1.96


@dataclass(frozen=True, slots=True)
class Bin:
    """Films of the store that got such a share of votes."""

    films: int
    present: int

    @property
    def share(self) -> float:
        """Of the films that had the finding."""
        return self.present / self.films

    @property
    def interval(self) -> Interval:
        """95 % interval of the share (Wilson, J Am Stat Assoc 1927;22:209-212)."""
        n, p = self.films, self.share
        middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * float(np.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2)))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Vote:
    """What the voters say of one finding."""

    code: str
    present: int
    counted: int
    """Voters that are known to have the finding or not to."""
    calibration: Bin | None
    """None where too few films of the store got such a share."""


def vote(voters: Sequence[Item], calibration: Mapping[str, Mapping[int, Bin]]) -> list[Vote]:
    """The votes on every finding that at least one voter has.

    Parameters
    ----------
    voters
        Nearest first; only the first film of each patient counts.
    calibration
        :func:`calibration_of` the store.
    """
    found = []
    chosen = first_of_each(voters, lambda item: item.patient)[:VOTERS]
    for code, (present, counted) in sorted(_counts(chosen).items()):
        if present and counted >= FEWEST_VOTES:
            known = calibration.get(code, {}).get(_bin(present / counted))
            found.append(Vote(code, present, counted, known))
    return found


def calibration_of(store: Store) -> dict[str, dict[int, Bin]]:
    """By finding and bin of the share of votes, measured once for what a store holds and kept."""
    kept = store.kept(_KEPT)
    if kept is None:
        kept = json.dumps(_measured(store))
        store.keep(_KEPT, kept)
    return {
        code: {int(place): Bin(*counts) for place, counts in bins.items()}
        for code, bins in json.loads(kept).items()
    }


def _measured(store: Store) -> dict[str, dict[str, tuple[int, int]]]:
    tallies: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for item, voters in _left_out(store, reach_of(store)):
        for code, (present, counted) in _counts(voters).items():
            truth = item.labels.get(code)
            if counted < FEWEST_VOTES or truth not in (Polarity.PRESENT, Polarity.ABSENT):
                continue
            tally = tallies[code][str(_bin(present / counted))]
            tally[0] += 1
            tally[1] += truth is Polarity.PRESENT
    return {
        code: {p: (films, present) for p, (films, present) in bins.items() if films >= _FEWEST}
        for code, bins in tallies.items()
    }


def _left_out(store: Store, reach: float | None) -> Iterator[tuple[Item, list[Item]]]:
    """Each film that is looked from with the films that vote on it."""
    numbers, vectors = store.vectors()
    items = store.items()
    everyone = [items[int(number)] for number in numbers]
    looked = np.unique(np.linspace(0, max(0, len(numbers) - 1), _MOST).astype(np.int64))
    for start in range(0, len(looked) if len(numbers) else 0, _AT_ONCE):
        some = looked[start : start + _AT_ONCE]
        for place, likeness in zip(some, vectors[some] @ vectors.T, strict=True):
            yield everyone[place], _voters(everyone, int(place), likeness, reach)


def _voters(
    everyone: Sequence[Item], place: int, likeness: FloatImage, reach: float | None
) -> list[Item]:
    own = everyone[place].patient
    found: dict[str, Item] = {}
    for other in np.argsort(-likeness, kind="stable"):
        if len(found) == VOTERS or (reach is not None and 1 - likeness[other] > reach):
            break
        item = everyone[other]
        if item.patient != own:
            found.setdefault(item.patient, item)
    return list(found.values())


def _counts(voters: Sequence[Item]) -> dict[str, tuple[int, int]]:
    """By finding: voters that have it, and voters that are known to or not to."""
    counts: dict[str, tuple[int, int]] = {}
    for item in voters:
        for code, polarity in item.labels.items():
            if polarity is not Polarity.UNCERTAIN:
                present, counted = counts.get(code, (0, 0))
                counts[code] = present + (polarity is Polarity.PRESENT), counted + 1
    return counts


def _bin(share: float) -> int:
    return next(place for place, end in enumerate(_EDGES[1:]) if share <= end)
