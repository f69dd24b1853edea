"""Timelines: in order of time, and nothing in them without evidence."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from cxr_agent.evidence import Change, EvidenceKind, Location, Observation, Side, Unit
from cxr_agent.report.model import Report
from cxr_agent.report.timeline import Cell, Row, Sort, Timeline, timelines
from tests.builders import Maker
from tests.observations import ratio
from tests.report.made import report, reports

ZONE = Location.RIGHT_LOWER_LUNG_ZONE


def change(
    prior: str,
    code: str = "cardiothoracic_ratio",
    told: Change = Change.WORSENED,
    value: float = 0.1,
    details: dict[str, float] | None = None,
    **rest: Any,
) -> Observation:
    fields = {"unit": Unit.RATIO, "interval": (value - 0.05, value + 0.05), "interval_level": 0.9}
    return Observation(
        kind=EvidenceKind.COMPARISON,
        code=code,
        category=told.value,
        against=prior,
        value=value,
        details={"repeatability": 0.05, **(details or {})},
        **{**fields, **rest},
    )


def heart(prior: str, before: float, now: float = 0.6, **rest: Any) -> Observation:
    details = {"before": before, "now": now}
    place = Location.CARDIAC_SILHOUETTE
    return change(prior, value=now - before, details=details, location=place, **rest)


def one(found: tuple[Timeline, ...]) -> Timeline:
    (timeline,) = found
    return timeline


def row(timeline: Timeline, code: str) -> Row:
    (found,) = (row for row in timeline.rows if row.key.code == code)
    return found


def test_fewer_than_two_priors_give_none() -> None:
    make = Maker()
    make(ratio(0.6))
    make(ratio(0.5), image="prior-1")
    make(heart("prior-1", 0.5))
    assert timelines(report(make.made, days=(30,))) == ()
    assert timelines(report(make.made, days=())) == ()
    assert len(timelines(report(make.made, days=(30, 60)))) == 1


def test_films_stand_in_order_of_time_and_the_undated_first() -> None:
    make = Maker()
    make(heart("prior-1", 0.5))
    points = one(timelines(report(make.made, days=(30, None, 400, None)))).points
    assert [(point.handle, point.days_before) for point in points] == [
        ("prior-2", None),
        ("prior-4", None),
        ("prior-3", 400),
        ("prior-1", 30),
        ("img-1", 0),
    ]
    assert [point.current for point in points] == [False, False, False, False, True]


def test_a_measurement_stands_with_its_interval_and_what_became_of_it() -> None:
    make = Maker()
    now = make(ratio(0.6, (0.58, 0.62)))
    old = make(ratio(0.5, (0.48, 0.52)), image="prior-1")
    compared = make(heart("prior-1", 0.5))
    timeline = one(timelines(report(make.made)))
    first, oldest, recent, current = row(timeline, "cardiothoracic_ratio").cells
    assert first == oldest == Cell()
    assert recent.value is not None
    assert (recent.value.value, recent.value.interval) == (0.5, (0.48, 0.52))
    assert recent.relation is Change.WORSENED
    assert recent.evidence == (old.id, compared.id)
    assert current.evidence == (now.id,)
    assert current.relation is None


def test_a_finding_is_known_on_priors_from_what_was_compared() -> None:
    make = Maker()
    ids = [
        make(
            change(
                prior,
                "pleural_effusion",
                Change.NEW,
                value=0.8 - before,
                details={"before": before, "now": 0.8},
            )
        ).id
        for prior, before in (("prior-1", 0.1), ("prior-3", 0.2))
    ]
    found = row(one(timelines(report(make.made))), "pleural_effusion")
    values = [cell.value.value if cell.value else None for cell in found.cells]
    assert values == [None, 0.2, 0.1, 0.8]
    assert found.cells[-1].evidence == tuple(ids)
    assert found.sort is Sort.FINDING
    assert found.repeatability is None  # it is one of log odds


def test_of_a_zone_the_difference_alone_is_shown_in_one_row() -> None:
    make = Maker()
    make(change("prior-1", "lung_density", Change.NO_CHANGE, 0.01, location=ZONE, side=Side.RIGHT))
    make(change("prior-3", "lung_opacity", Change.WORSENED, 0.3, location=ZONE, side=Side.RIGHT))
    (found,) = one(timelines(report(make.made))).rows
    assert found.differences_only
    assert found.sort is Sort.DENSITY
    told = [cell.difference.value if cell.difference else None for cell in found.cells]
    assert told == [None, 0.3, 0.01, None]
    assert found.cells[-1] == Cell()


def test_both_lungs_have_a_row_whoever_names_the_place() -> None:
    make = Maker()
    for side, place in ((Side.RIGHT, Location.RIGHT_LUNG), (Side.LEFT, Location.LEFT_LUNG)):
        kind, unit = EvidenceKind.MEASUREMENT, Unit.SQUARE_CENTIMETRE
        make(kind=kind, code="lung_area", side=side, value=150.0, unit=unit)
        details = {"before": 140.0, "now": 150.0}
        make(
            change(
                "prior-1", "lung_area", Change.NO_CHANGE, 10.0, details, side=side, location=place,
                unit=unit, interval=None, interval_level=None,
            )
        )  # fmt: skip
    rows = one(timelines(report(make.made))).rows
    assert [(row.key.side, row.key.location) for row in rows] == [
        (Side.RIGHT, None),
        (Side.LEFT, None),
    ]


def test_what_stands_against_a_comparison_is_told_where_it_stands() -> None:
    make = Maker()
    make(ratio(0.6))
    make(ratio(0.5), image="prior-3")
    make(change("prior-3", "lung_opacity", value=0.3, location=ZONE))
    make(change("prior-1", "lung_opacity", value=0.3, location=ZONE))
    limits = [
        make(
            kind=EvidenceKind.LIMITATION,
            code="prior_comparison",
            category=category,
            reasons=(reason,),
            against=prior,
        ).id
        for prior, category, reason in (
            ("prior-3", "sizes", "views_unknown"),
            ("prior-2", "films", "film_rotated"),
        )
    ]
    timeline = one(timelines(report(make.made)))
    sizes, zones = row(timeline, "cardiothoracic_ratio"), row(timeline, "lung_density")
    assert sizes.cells[1].value is not None
    assert sizes.cells[1].not_comparable == ("views_unknown",)
    assert sizes.cells[1].evidence[-1] == limits[0]
    assert zones.cells[1].not_comparable == ()
    for cells in (sizes.cells, zones.cells):
        assert cells[0] == Cell(not_comparable=("film_rotated",), evidence=(limits[1],))


def test_lengths_in_pixels_are_not_set_beside_one_another() -> None:
    make = Maker()
    for image in ("img-1", "prior-1", "prior-2"):
        make(
            Observation(
                kind=EvidenceKind.MEASUREMENT, code="cardiac_width", value=231, unit=Unit.PIXEL
            ),
            image=image,
        )
    assert timelines(report(make.made)) == ()


def test_every_current_film_that_was_compared_has_its_own() -> None:
    make = Maker()
    make(ratio(0.5), image="prior-1")
    make(ratio(0.5), image="prior-2")
    make(heart("prior-1", 0.5), image="img-2")
    found = timelines(report(make.made, current=("img-1", "img-2")))
    assert [timeline.points[-1].handle for timeline in found] == ["img-2"]


@settings(max_examples=200, deadline=None)
@given(made=reports())
def test_any_evidence_gives_timelines_that_rest_on_it(made: Report) -> None:
    known = {item.id for item in made.evidence}
    for timeline in timelines(made):
        dated = [p.days_before for p in timeline.points if p.days_before is not None]
        assert dated == sorted(dated, reverse=True)
        assert len(timeline.points) >= 3
        for found in timeline.rows:
            assert len(found.cells) == len(timeline.points)
            for cell in found.cells:
                assert set(cell.evidence) <= known
                assert bool(cell.evidence) == (cell != Cell())
