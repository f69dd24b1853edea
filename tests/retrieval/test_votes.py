"""Votes of similar films, and how often such votes were right in their store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.evidence import Polarity
from cxr_agent.retrieval import Item, Store
from cxr_agent.retrieval.reach import reach_of
from cxr_agent.retrieval.store import Looked, SourceFile
from cxr_agent.retrieval.votes import FEWEST_VOTES, VOTERS, Bin, calibration_of, vote

from .made import clustered, looked

PRESENT, ABSENT, UNCERTAIN = Polarity.PRESENT, Polarity.ABSENT, Polarity.UNCERTAIN


def item(patient: str, said: Polarity | None, code: str = "pleural_effusion") -> Item:
    labels = {} if said is None else {code: said}
    return Item(sha256="0" * 64, source="/s", patient=patient, labels=labels)


def test_each_patient_votes_once_and_the_nearest_film_speaks() -> None:
    voters = [item("a", PRESENT), item("a", ABSENT), *(item(f"p{n}", ABSENT) for n in range(5))]
    (one,) = vote(voters, {})
    assert (one.present, one.counted, one.calibration) == (1, 6, None)


def test_no_more_than_ten_vote() -> None:
    voters = [item(f"p{n}", ABSENT if n >= VOTERS else PRESENT) for n in range(30)]
    (one,) = vote(voters, {})
    assert (one.present, one.counted) == (VOTERS, VOTERS)


@pytest.mark.parametrize(
    "said",
    [
        [PRESENT] * (FEWEST_VOTES - 1),
        [PRESENT, *[None] * 8],
        [PRESENT, *[UNCERTAIN] * 8],
        [ABSENT] * 9,  # nobody has it: nothing to say
        [],
    ],
)
def test_too_few_voters_and_findings_that_nobody_has(said: list[Polarity | None]) -> None:
    assert vote([item(f"p{n}", one) for n, one in enumerate(said)], {}) == []


def labelled(folder: Path, count: int = 400) -> Store:
    """Films whose finding depends on where they lie, though not wholly."""
    vectors = clustered(count)
    draw = np.random.default_rng(3)
    chance = 1 / (1 + np.exp(-12 * vectors[:, 0]))
    store = Store(folder, embedding="made 1", create=True)
    store.record(
        [
            Looked(
                SourceFile(f"/films/{n}.png", 1, n),
                Item(
                    sha256=f"{n:064x}",
                    source=f"/films/{n}.png",
                    patient=f"p{n // 2}",
                    labels={"pleural_effusion": PRESENT if draw.random() < chance[n] else ABSENT},
                ),
                vector,
            )
            for n, vector in enumerate(vectors)
        ]
    )
    return store


def test_the_calibration_is_what_leaving_each_film_out_shows(tmp_path: Path) -> None:
    edges = (0.1, 0.3, 0.5, 0.7, 1.0)
    with labelled(tmp_path) as store:
        numbers, vectors = store.vectors()
        items = [store.items()[int(n)] for n in numbers]
        reach = reach_of(store)
        assert reach is not None
        truth: dict[int, list[bool]] = {}
        for place, one in enumerate(items):
            distances = 1 - vectors @ vectors[place]
            voters: dict[str, Item] = {}
            for other in np.argsort(distances, kind="stable"):
                if distances[other] <= reach and items[other].patient != one.patient:
                    voters.setdefault(items[other].patient, items[other])
            chosen = list(voters.values())[:VOTERS]
            if len(chosen) < FEWEST_VOTES:
                continue
            share = np.mean([v.labels["pleural_effusion"] is PRESENT for v in chosen])
            place_of = next(n for n, end in enumerate(edges) if share <= end)
            truth.setdefault(place_of, []).append(one.labels["pleural_effusion"] is PRESENT)
        expected = {p: Bin(len(t), sum(t)) for p, t in truth.items() if len(t) >= 20}
        found = calibration_of(store)["pleural_effusion"]
        assert found == expected
        assert len(found) >= 3
        shares = [found[place].share for place in sorted(found)]
        assert shares[-1] > shares[0]  # more votes, more truth


def test_it_is_kept_until_the_films_change(tmp_path: Path) -> None:
    with labelled(tmp_path) as store:
        before = calibration_of(store)
        assert store.kept("votes") is not None
        store.record([looked(9000, clustered(1, seed=8)[0])])
        assert store.kept("votes") is None
        after = calibration_of(store)
        assert after != {}
        assert calibration_of(store) == after
        assert before.keys() == after.keys()


def test_an_empty_store_has_none(tmp_path: Path) -> None:
    with Store(tmp_path, embedding="made 1", create=True) as store:
        assert calibration_of(store) == {}


def test_a_known_interval() -> None:
    low, high = Bin(27, 24).interval  # Wilson's, by hand
    assert (round(low, 3), round(high, 3)) == (0.719, 0.961)


@given(films=st.integers(1, 10_000), data=st.data())
def test_an_interval_holds_its_share(films: int, data: st.DataObject) -> None:
    one = Bin(films, data.draw(st.integers(0, films)))
    low, high = one.interval
    assert 0 <= low <= one.share + 1e-12
    assert one.share - 1e-12 <= high <= 1
    assert low < high
