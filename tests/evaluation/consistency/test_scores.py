"""Agreement of readings whose differences are known."""

from __future__ import annotations

import pytest

from cxr_agent.evaluation.consistency.paraphrases import group_consistency, paraphrases
from cxr_agent.evaluation.consistency.readings import FilmReading, FindingState, Value
from cxr_agent.evaluation.consistency.robustness import Fate, Verdict, fate, robustness, verdict
from cxr_agent.evaluation.consistency.scores import consistency, kappa

FLAGGED, UNDECIDED, UNLIKELY, REFUSED = (
    FindingState.FLAGGED,
    FindingState.UNDECIDED,
    FindingState.UNLIKELY,
    FindingState.REFUSED,
)


def reading(
    state: FindingState = UNLIKELY, probability: float = 0.1, ratio: float = 0.5
) -> FilmReading:
    return FilmReading(
        states={"effusion": state},
        probabilities={"effusion": probability},
        values={"ratio": Value(value=ratio, interval=(0.45, 0.55))},
    )


GONE = FilmReading(states={}, probabilities={}, values={}, refused="no_chest_film")


def test_the_same_readings_agree_wholly() -> None:
    films = {"a": reading(FLAGGED), "b": reading()}
    found = consistency(films, {"blur:1": films}, {"blur:1": 0.1})
    assert found.score == 1.0
    (finding,) = found.findings
    assert (finding.kappa, finding.mean_change, finding.contradicted.count) == (1.0, 0.0, 0)
    (value,) = found.values
    assert (value.mean_change, value.inside.value, value.lost) == (0.0, 1.0, 0)


def test_differences_are_counted_by_their_kind() -> None:
    before = {"a": reading(FLAGGED, 0.8), "b": reading(), "c": reading(), "d": reading()}
    after = {
        "a": reading(UNLIKELY, 0.2, 0.52),
        "b": reading(UNDECIDED, 0.3, 0.6),
        "c": GONE,
        "d": reading(),
    }
    found = consistency(before, {"noise:2": after}, {"noise:2": 0.03})
    (finding,) = found.findings
    assert finding.same.count == 1
    assert finding.contradicted.count == 1
    assert finding.withheld.count == 1
    assert finding.mean_change == pytest.approx((0.6 + 0.2 + 0) / 3)
    assert finding.largest_change == pytest.approx(0.6)
    (value,) = found.values
    assert (value.films, value.lost) == (3, 1)
    assert value.mean_change == pytest.approx((0.02 + 0.1 + 0) / 3)
    assert value.change_in_widths == pytest.approx((0.4 + 2 + 0) / 3)
    assert (value.inside.count, value.inside.of) == (2, 3)
    (one,) = found.perturbations
    assert one.refused.count == 1
    assert one.refusals == {"no_chest_film": 1}


def test_films_that_are_refused_as_they_are_take_no_part() -> None:
    found = consistency(
        {"a": GONE, "b": reading()}, {"blur:1": {"a": GONE, "b": reading()}}, {"blur:1": 1}
    )
    assert found.films == 1
    assert found.not_read == {"no_chest_film": 1}
    assert found.perturbations[0].films == 1


def test_kappa_by_hand() -> None:
    pairs = {(FLAGGED, FLAGGED): 20, (FLAGGED, UNLIKELY): 5}
    pairs |= {(UNLIKELY, FLAGGED): 10, (UNLIKELY, UNLIKELY): 15}
    assert kappa(pairs) == pytest.approx(0.4)
    assert kappa({(UNLIKELY, UNLIKELY): 3}) is None
    assert kappa({}) is None


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (FLAGGED, FLAGGED, Fate.SAME),
        (FLAGGED, UNLIKELY, Fate.CONTRADICTED),
        (UNLIKELY, FLAGGED, Fate.CONTRADICTED),
        (FLAGGED, UNDECIDED, Fate.HEDGED),
        (UNDECIDED, FLAGGED, Fate.DECIDED),
        (UNDECIDED, REFUSED, Fate.WITHHELD),
    ],
)
def test_fates(before: FindingState, after: FindingState, expected: Fate) -> None:
    assert fate(before, after) is expected


def test_a_curve_tells_refusals_from_wrong_answers() -> None:
    before = {"a": reading(FLAGGED), "b": reading(UNLIKELY)}
    worse = {"blur:1": before, "blur:2": {"a": GONE, "b": reading(FLAGGED)}}
    found = robustness(before, worse, {"a": {"effusion": True}, "b": {"effusion": False}})
    (curve,) = found.curves
    assert [point.level for point in curve.points] == [0, 1, 2]
    last = curve.points[-1]
    assert last.fates[Fate.WITHHELD].value == 0.5
    assert last.fates[Fate.CONTRADICTED].value == 0.5
    assert last.verdicts[Verdict.WRONG].count == 1
    assert last.verdicts[Verdict.REFUSED].count == 1
    assert curve.points[0].verdicts[Verdict.RIGHT].value == 1.0
    assert verdict(UNDECIDED, True) is Verdict.UNDECIDED
    assert verdict(UNLIKELY, True) is Verdict.WRONG


def test_wordings_are_held_against_most_of_them() -> None:
    found = group_consistency("g", [("a", 1), ("b", 1), ("c", 2), ("d", 1)])
    assert (found.with_most.count, found.with_most.of) == (3, 4)
    assert (found.pairs.count, found.pairs.of) == (3, 6)
    assert found.others == ("c",)


def test_the_wordings_are_different_ones() -> None:
    for groups in (paraphrases().question, paraphrases().indication):
        every = [way for one in groups.values() for way in one.ways]
        assert len({way.lower() for way in every}) == len(every)
