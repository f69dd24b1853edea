"""What keeps two films from being held against each other: each reason, and no other."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from cxr_agent.compare.comparable import Facts, Subject, obstacles
from cxr_agent.knowledge import reasons, threshold
from cxr_agent.study import View

GOOD = Facts(View.PA, rotated=False, lung_height=0.9)
OVERLAP = threshold("compare_overlap").value
HEIGHT = threshold("compare_lung_height").value
FILMS, SIZES, DENSITY = Subject.FILMS, Subject.SIZES, Subject.DENSITY


def changed(**facts: object) -> Facts:
    return replace(GOOD, **facts)  # type: ignore[arg-type]


CASES = {
    "nothing": (GOOD, GOOD, 1.0, {}),
    "both AP": (changed(view=View.AP), changed(view=View.AP), 1.0, {}),
    "projections": (GOOD, changed(view=View.AP), 1.0, {FILMS: ("other_projection",)}),
    "rotated": (GOOD, changed(rotated=True), 1.0, {FILMS: ("film_rotated",)}),
    "both rotated": (changed(rotated=True),) * 2 + (1.0, {FILMS: ("film_rotated",)}),
    "no height": (GOOD, changed(lung_height=None), 1.0, {FILMS: ("inspiration_unknown",)}),
    "higher": (
        GOOD,
        changed(lung_height=0.9 + HEIGHT + 0.001),
        1.0,
        {FILMS: ("other_inspiration",)},
    ),
    "hardly higher": (GOOD, changed(lung_height=0.9 + HEIGHT - 0.001), 1.0, {}),
    "view unknown": (GOOD, changed(view=View.UNKNOWN), 1.0, {SIZES: ("views_unknown",)}),
    "both unknown": (changed(view=View.UNKNOWN),) * 2 + (1.0, {SIZES: ("views_unknown",)}),
    "not overlaid": (GOOD, GOOD, OVERLAP - 0.001, {DENSITY: ("not_overlaid",)}),
    "just overlaid": (GOOD, GOOD, OVERLAP, {}),
    "all that can be": (
        GOOD,
        Facts(View.AP, rotated=True, lung_height=2.0),
        0.1,
        {FILMS: ("other_projection", "film_rotated", "other_inspiration")},
    ),
    "each for its own": (
        GOOD,
        changed(view=View.UNKNOWN),
        0.1,
        {SIZES: ("views_unknown",), DENSITY: ("not_overlaid",)},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("swapped", [False, True])
def test_each_reason(case: tuple[Facts, Facts, float, object], swapped: bool) -> None:
    one, other, overlap, expected = case
    films = (other, one) if swapped else (one, other)
    assert obstacles(*films, overlap) == expected


def test_no_reason_without_words() -> None:
    facts = [
        Facts(view, rotated, height)
        for view in View
        for rotated in (False, True)
        for height in (None, 0.5, 0.9)
    ]
    said = {
        reason
        for one, other in product(facts, repeat=2)
        for overlap in (0.1, 0.95)
        for codes in obstacles(one, other, overlap).values()
        for reason in codes
    }
    assert said == {
        "other_projection",
        "film_rotated",
        "inspiration_unknown",
        "other_inspiration",
        "views_unknown",
        "not_overlaid",
    }
    assert said <= set(reasons())
