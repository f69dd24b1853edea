"""Real films: dated ones of one patient exchanged, and films against themselves exposed anew.

Films of covid/ and jsrt/ by the real tool. Those held against themselves are of the half that the
limits of ``kb/thresholds.toml`` were not learned on, altered by other draws.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cxr_agent.evidence import Change
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.toolbox.comparing import Compared, Seen
from tests.builders import SHARED
from tests.compare.films import exchanged
from training.comparison.__main__ import Reader, _half, _sequences
from training.films.film import Film
from training.films.sets import films_of

SEED = 5
"""Not that of training/comparison."""
AGAIN = 104
"""Films that are held against themselves."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.shared,
    pytest.mark.skipif(
        not (SHARED / "data" / "covid" / "metadata.csv").is_file(),
        reason="../shared, which holds the films, is not there",
    ),
]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(Shelf(Runtime.shared("cpu")))


@pytest.fixture(scope="module")
def films() -> list[Film]:
    """Of covid/ first: they are outlined for the sequences as well."""
    return [film for source in ("covid", "jsrt") for film in films_of(source, SHARED, Path())]


def test_exchanging_current_and_prior_exchanges_what_changed(
    reader: Reader, films: list[Film]
) -> None:
    pairs = 0
    relations: Counter[Change] = Counter()
    reasons: Counter[str] = Counter()
    for earlier, later, days in _sequences(SHARED, films):
        assert days >= 0
        assert earlier.person == later.person
        one, other = reader.seen(later), reader.seen(earlier)
        if one is None or other is None:
            continue
        pairs += 1
        there, back = reader.compared(one, other), reader.compared(other, one)
        exchanged(there, back)
        assert back.turned_deg == -there.turned_deg
        assert back.scale * there.scale == pytest.approx(1, abs=2e-4)
        relations.update(change.relation for change in there.changes)
        reasons.update(reason for codes in there.obstacles.values() for reason in codes)
        views = {one.film.view, other.film.view}
        assert (len(views) > 1) == any("other_projection" in w for w in there.obstacles.values())
    assert pairs >= 90
    assert relations[Change.NO_CHANGE] > relations[Change.IMPROVED] + relations[Change.WORSENED]
    assert min(relations[Change.IMPROVED], relations[Change.WORSENED]) >= 5
    assert {"other_projection", "other_inspiration"} <= reasons.keys()


def test_a_film_exposed_anew_has_not_changed(reader: Reader, films: list[Film]) -> None:
    """Shifted, turned, magnified, in other greys: no change in 98 of 100."""

    def again(number: int, film: Film) -> Compared | None:
        rng = np.random.default_rng([SEED, number])
        pair = [reader.seen(film), reader.exposed(film, rng)]
        rng.shuffle(pair)  # either may be the later one
        one, other = pair
        return None if one is None or other is None else reader.compared(one, other)

    aside = [film for film in films if _half(film) == "aside"][:AGAIN]
    with ThreadPoolExecutor(2) as pool:
        found = [one for one in pool.map(again, range(AGAIN), aside) if one is not None]
    assert len(found) >= 100
    changed = [{c.relation for c in one.changes} - {Change.NO_CHANGE} for one in found]
    assert sum(map(bool, changed)) <= 0.02 * len(found)
    assert sum(bool(one.obstacles) for one in found) <= 0.05 * len(found)


def test_a_film_against_itself_is_nought(reader: Reader, films: list[Film]) -> None:
    for film in films[:: len(films) // 12]:
        one = reader.seen(film)
        if one is None:
            continue
        found = reader.compared(one, Seen(one.film, one.masks))
        assert found.overlap == 1
        assert (found.turned_deg, found.scale) == (0, 1)
        assert {c.relation for c in found.changes} <= {Change.NO_CHANGE}
        assert [c.change for c in found.changes] == pytest.approx([0] * len(found.changes))
