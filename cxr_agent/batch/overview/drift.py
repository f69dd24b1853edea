"""Whether groups of studies differ: every measurement and finding of each group against the rest.

A difference is no error of the reader by itself: sites have other patients, and films other
settings. It says where to look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from cxr_agent.batch.overview.columns import Floats, Labels, Whole
from cxr_agent.batch.overview.facets import Facet
from cxr_agent.batch.overview.two_samples import Difference, compare_shares, compare_values
from cxr_agent.errors import UsageError

FEWEST: Final = 50
"""Studies on either side below which nothing is compared: ten bins of fewer than five studies tell
of chance, not of drift."""
FALSE_DISCOVERIES: Final = 0.01
"""Share of the differences found that may be chance (Benjamini Y, Hochberg Y, Journal of the Royal
Statistical Society B 1995;57:289-300), over all comparisons of an overview together. At 0.05, one
batch in twenty without any drift would be flagged, and such pages are looked at again and again."""
MODERATE_PSI: Final = 0.1
LARGE_PSI: Final = 0.25
MOST_GROUPS: Final = 60


class Verdict(StrEnum):
    """What a comparison says."""

    TOO_FEW = "too few"
    NONE = "none found"
    SMALL = "small"
    """A difference, of little size by the population stability index above chance."""
    MODERATE = "moderate"
    LARGE = "large"


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers to be compared between groups."""

    name: str
    values: Floats
    """(N,)"""
    studies: Whole
    """(N,) index of each value's study."""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Kinds:
    """Studies of a few kinds, to be compared between groups."""

    name: str
    kinds: tuple[str, ...]
    """The share of the first is what is told."""
    which: Whole
    """(N,) index into ``kinds``."""
    studies: Whole
    """(N,)"""


Subject = Numbers | Kinds
_Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One subject in one group against all other groups of the facet."""

    facet: str
    group: str
    subject: str
    what: str
    """What the difference is one of: a median, or a share."""
    unit: str
    n: int
    """Values, or studies, of the group."""
    n_rest: int
    verdict: Verdict
    difference: Difference | None = None
    """None of too few."""
    q: float | None = None
    """The p-value, corrected for the number of comparisons."""

    @property
    def found(self) -> bool:
        """Whether there is a difference."""
        return self.verdict in (Verdict.SMALL, Verdict.MODERATE, Verdict.LARGE)


def drift_between(facets: Sequence[Facet], subjects: Sequence[Subject]) -> tuple[Comparison, ...]:
    """Compare every subject of every group with the rest of the groups.

    Raises
    ------
    UsageError
        ``too_many_groups``.
    """
    made = [one for facet in facets for one in _compared(facet, subjects)]
    tested = [one for one in made if one.difference is not None]
    if not tested:
        return tuple(made)
    p = [one.difference.p for one in tested if one.difference is not None]
    corrected = iter(stats.false_discovery_control(p, method="bh"))
    return tuple(
        one if one.difference is None else _judged(one, one.difference, float(next(corrected)))
        for one in made
    )


def _judged(one: Comparison, difference: Difference, q: float) -> Comparison:
    shift = difference.psi - difference.psi_by_chance
    if q > FALSE_DISCOVERIES:
        verdict = Verdict.NONE
    elif shift < MODERATE_PSI:
        verdict = Verdict.SMALL
    else:
        verdict = Verdict.MODERATE if shift < LARGE_PSI else Verdict.LARGE
    return replace(one, q=q, verdict=verdict)


def _compared(facet: Facet, subjects: Sequence[Subject]) -> Iterator[Comparison]:
    labels = facet.labels
    groups = _groups(labels)
    if len(groups) > MOST_GROUPS:
        raise UsageError(
            "too_many_groups",
            f"{len(groups)} groups by {facet.name} are too many to compare",
            hint=f"At most {MOST_GROUPS}: group by something coarser.",
        )
    if len(groups) < 2:
        return
    of_study = labels.indices
    # Of two groups, the one against the other is the other against the one.
    for group in groups[: 1 if len(groups) == 2 else None]:
        for subject in subjects:
            grouped = of_study[subject.studies]
            inside, outside = grouped == group, (grouped >= 0) & (grouped != group)
            if subject.name != facet.name and _varies(subject, inside | outside):
                yield _one(facet.name, labels.names[group], subject, inside, outside)


def _groups(labels: Labels) -> list[int]:
    """Those that have a study, by name."""
    counts = labels.counts()
    held = [i for i, name in enumerate(labels.names) if counts[name]]
    return sorted(held, key=lambda i: labels.names[i])


def _varies(subject: Subject, among: _Mask) -> bool:
    """What is the same everywhere is no comparison, and would only water down the others."""
    which = subject.values if isinstance(subject, Numbers) else subject.which
    return len(which) > 0 and bool((which[among] != which[among.argmax()]).any())


def _one(
    facet: str,
    group: str,
    subject: Subject,
    inside: _Mask,
    outside: _Mask,
) -> Comparison:
    n, m = int(inside.sum()), int(outside.sum())
    made = Comparison(
        facet=facet,
        group=group,
        subject=subject.name,
        what="median" if isinstance(subject, Numbers) else f"share {subject.kinds[0]}",
        unit=subject.unit if isinstance(subject, Numbers) else "",
        n=n,
        n_rest=m,
        verdict=Verdict.TOO_FEW,
    )
    if min(n, m) < FEWEST:
        return made
    if isinstance(subject, Numbers):
        found = compare_values(subject.values[inside], subject.values[outside])
    else:
        many = len(subject.kinds)
        found = compare_shares(
            np.bincount(subject.which[inside], minlength=many),
            np.bincount(subject.which[outside], minlength=many),
        )
    return replace(made, difference=found)
