"""Real films: dated ones of one patient exchanged, and films against themselves exposed anew.

Films of covid/ and jsrt/ by the real tool. Those held against themselves are of the half that the
limits of ``kb/thresholds.toml`` were not learned on, altered by other draws.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cxr_agent.evidence import Change
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.toolbox.comparing import Compared, Seen
from tests.builders import SHARED
from tests.compare.films import exchanged, outlined
from tests.long_runs import long_or
from training.comparison.__main__ import Reader, _half, _sequences
from training.comparison.alter import exposed, random_exposure
from training.films.film import Film
from training.films.sets import films_of

SEED = 5
"""Not that of training/comparison."""
AGAIN = long_or(32, 104)
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
def shelf() -> Shelf:
    return Shelf(Runtime.shared("cpu"))


@pytest.fixture(scope="module")
def reader(shelf: Shelf) -> Reader:
    return Reader(shelf)


@pytest.fixture(scope="module")
def films() -> list[Film]:
    """Of covid/ first: they are outlined for the sequences as well."""
    return [film for source in ("covid", "jsrt") for film in films_of(source, SHARED, Path())]


@pytest.mark.long
def test_exchanging_current_and_prior_exchanges_what_changed(
    reader: Reader, films: list[Film]
) -> None:
    sequences: dict[str, list[tuple[Film, Film]]] = defaultdict(list)
    for earlier, later, days in _sequences(SHARED, films):
        assert days >= 0
        sequences[earlier.person].append((later, earlier))

    def both_ways(pairs: list[tuple[Film, Film]]) -> list[Compared]:
        made = []
        for later, earlier in pairs:
            one, other = reader.seen(later), reader.seen(earlier)
            if one is None or other is None:
                continue
            there, back = reader.compared(one, other), reader.compared(other, one)
            exchanged(there, back)
            assert back.turned_deg == -there.turned_deg
            assert back.scale * there.scale == pytest.approx(1, abs=2e-4)
            said = {reason for reasons in there.obstacles.values() for reason in reasons}
            assert (one.film.view is not other.film.view) == ("other_projection" in said)
            made.append(there)
        return made

    taken = list(sequences.values())[long_or(slice(1, None, 3), slice(None))]
    with ThreadPoolExecutor(2) as pool:
        found = [one for made in pool.map(both_ways, taken) for one in made]
    relations = Counter(change.relation for one in found for change in one.changes)
    reasons = {reason for one in found for codes in one.obstacles.values() for reason in codes}
    assert len(found) >= long_or(30, 90)
    assert relations[Change.NO_CHANGE] > relations[Change.IMPROVED] + relations[Change.WORSENED]
    assert min(relations[Change.IMPROVED], relations[Change.WORSENED]) >= long_or(1, 5)
    assert {"other_projection", "other_inspiration"} <= reasons


@pytest.mark.long
def test_a_film_exposed_anew_has_not_changed(
    reader: Reader, films: list[Film], shelf: Shelf
) -> None:
    """Shifted, turned, magnified, in other greys: no change in 98 of 100.

    The new exposure is outlined once, without its doubt: no interval then keeps a change of size
    from being told, only the repeatability does.
    """

    def again(number: int, film: Film) -> Compared | None:
        one = reader.seen(film)
        if one is None:
            return None
        rng = np.random.default_rng([SEED, number])
        pixels = exposed(one.film.pixels, random_exposure(rng), rng)
        other = outlined(
            shelf.anatomy(), pixels, repeat=False, handle="prior-1", view=one.film.view
        )
        if other is None:
            return None
        # Either may be the later one.
        pair = (one, other) if rng.random() < 0.5 else (other, one)
        return reader.compared(*pair)

    aside = [film for film in films if _half(film) == "aside"][:AGAIN]
    with ThreadPoolExecutor(2) as pool:
        found = [one for one in pool.map(again, range(AGAIN), aside) if one is not None]
    assert len(found) >= long_or(30, 100)
    changed = [{c.relation for c in one.changes} - {Change.NO_CHANGE} for one in found]
    assert sum(map(bool, changed)) <= 0.02 * len(found)
    assert sum(bool(one.obstacles) for one in found) <= 0.05 * len(found)
    assert sum(c.interval is None for one in found for c in one.changes) > len(found)


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
