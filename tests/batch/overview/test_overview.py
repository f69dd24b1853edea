"""An overview of ledgers that hold known results."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.ledger import Ledger
from cxr_agent.batch.overview.drift import Verdict
from cxr_agent.batch.overview.facts import Overview
from cxr_agent.batch.overview.overview import overview_of
from cxr_agent.batch.work import Outcome, StudyResult
from cxr_agent.errors import InputCode, PriorCode, RemoteCode, UnsuitableCode, UsageError
from cxr_agent.knowledge import failure_meanings

from .made import Made, files_of, fill, judged, limited, measured


def test_counts_of_what_was_said(tmp_path: Path) -> None:
    prior = measured(0.9) | {"film": "prior-1"}
    both = [judged("absent", 0.2), judged("present", 0.8, film="img-2")]
    found = overview_of(
        [
            fill(
                tmp_path,
                [
                    Made("a", [measured(0.5), prior, *both]),
                    Made("b", [measured(0.6), judged("uncertain", 0.4)]),
                    Made("c", [limited("side_cut_off view_unknown"), judged("absent", 0.1)]),
                    Made("d", [limited("pneumonia pneumothorax", "not_judged")]),
                    Made("e", state="refused", code="truncated"),
                    Made("f", state="read", code="partial_reading"),
                ],
            )
        ]
    )
    assert found.studies == {"waiting": 0, "read": 5, "refused": 1, "failed": 0, "partial": 1}
    (ratio,) = found.measurements
    assert (ratio.name, ratio.measured, ratio.abstained) == ("cardiothoracic ratio", 2, 1)
    assert (ratio.spread.minimum, ratio.spread.maximum) == (0.5, 0.6)  # the prior's 0.9 is none
    assert ratio.reasons == {"side_cut_off": 1, "view_unknown": 1}
    (effusion,) = found.findings
    assert (effusion.present, effusion.uncertain, effusion.absent) == (1, 1, 1)
    assert effusion.thresholds == (0.5,)
    assert effusion.spread is not None
    assert effusion.spread.maximum == 0.8
    assert found.not_judged == {"pneumonia": 1, "pneumothorax": 1}
    (critical,) = found.critical
    assert (critical.code, critical.tier, critical.shown[0].study) == (
        "pleural_effusion",
        3,
        "s0000001",
    )


def test_what_a_batch_settled_itself_is_read_as_well(tmp_path: Path) -> None:
    with Ledger(tmp_path, create=True) as ledger:
        listing = ledger.begin_listing()
        ledger.list_studies(listing, [BatchStudy("a", ("a.png",)), BatchStudy("b", ("b.png",))])
        ledger.end_listing(listing)
        result = StudyResult(Outcome.READ, seconds=2.0, rows=(measured(0.5),), device="cpu")
        ledger.settle(1, "s0000001-00", result, "setup")
        # While another process writes, one may look.
        found = overview_of([tmp_path])
    assert (found.studies["read"], found.studies["waiting"]) == (1, 1)
    assert found.measurements[0].spread.median == 0.5
    assert found.time.slowest[0].seconds == 2.0


def test_parts_in_several_folders_are_one_batch_and_count_once(tmp_path: Path) -> None:
    one = fill(tmp_path / "1", [Made("a", [measured(0.5)]), Made("b", [measured(0.6)])])
    two = fill(tmp_path / "2", [Made("b", [measured(0.6)]), Made("c", [measured(0.7)])])
    found = overview_of([one, two, one])
    assert (found.studies["read"], found.repeated) == (3, 1)
    assert {slow.study.study for slow in found.time.slowest} == {
        "1/s0000001",
        "1/s0000002",
        "2/s0000002",
    }


def sites(tmp_path: Path, rng: np.random.Generator, moved: float) -> tuple[Path, Path]:
    lines = ["file,site"]
    made = []
    for i in range(900):
        site = "ABC"[i % 3]
        made.append(Made(f"f{i}", [measured(float(rng.normal(0.5 + moved * (site == "C"), 0.05)))]))
        lines.append(f"f{i},{site}")
    (tmp_path / "groups.csv").write_text("\n".join(lines))
    return fill(tmp_path / "batch", made), tmp_path / "groups.csv"


def test_a_site_that_differs_is_found_by_the_table(tmp_path: Path) -> None:
    folder, groups = sites(tmp_path, np.random.default_rng(0), 0.06)
    largest = max(overview_of([folder], groups).drift.comparisons, key=_psi)
    assert (largest.facet, largest.group, largest.verdict) == ("site", "C", Verdict.LARGE)
    # Nothing is found by what has nothing to do with it.
    assert not [one for one in overview_of([folder]).drift.comparisons if one.found]


def test_a_table_that_names_no_study_is_told_of(tmp_path: Path) -> None:
    folder = fill(tmp_path / "batch", [Made("a"), Made("b")])
    (tmp_path / "groups.csv").write_text("file,site\nelsewhere.dcm,A\n")
    assert "names none" in " ".join(overview_of([folder], tmp_path / "groups.csv").notes)


def test_more_parts_than_groups_are_no_obstacle(tmp_path: Path) -> None:
    parts = [fill(tmp_path / str(i), [Made(f"f{i}", [measured(0.5)])]) for i in range(61)]
    found = overview_of(parts)
    assert found.studies["read"] == 61
    assert "folder" not in {facet.name for facet in found.drift.facets}


def _psi(one: Any) -> float:
    return one.difference.psi if one.difference else 0.0


def test_drift_over_the_order_of_reading(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = [float(rng.normal(0.5 + 0.05 * (i >= 600), 0.05)) for i in range(800)]
    folder = fill(tmp_path, [Made(f"f{i}", [measured(v)]) for i, v in enumerate(values)])
    found = [one for one in overview_of([folder], by=["order"]).drift.comparisons if one.found]
    assert max(found, key=_psi).group == "quarter 4 of reading"


def test_the_films_facts_come_out_of_the_reports(tmp_path: Path) -> None:
    studies = [Made(f"f{i}", [measured(0.5)], run=f"r{i}") for i in range(4)]
    folder = fill(tmp_path, studies)
    for number, view in ((1, "PA"), (2, "AP"), (3, "PA")):
        files_of(folder, number, f"r{number - 1}", view=view)
    (view,) = overview_of([folder], by=["view"]).drift.facets
    assert (view.groups, view.ungrouped) == ({"ap": 1, "pa": 2}, 1)


def test_an_unknown_column_is_refused_with_those_there_are(tmp_path: Path) -> None:
    folder = fill(tmp_path, [Made("a")])
    with pytest.raises(UsageError) as told:
        overview_of([folder], by=["scanner"])
    assert told.value.code == "unknown_facet"
    assert "order" in told.value.hint


@pytest.mark.parametrize(
    "studies", [[], [Made(f"f{i}", state="failed", code="worker_killed") for i in range(200)]]
)
def test_an_empty_batch_and_one_that_failed_whole(tmp_path: Path, studies: list[Made]) -> None:
    found = overview_of([fill(tmp_path, studies)])
    assert found.measurements == found.findings == found.critical == found.drift.comparisons == ()
    assert found.time.spread is None
    json.dumps(asdict(found), allow_nan=False)


def test_failures_are_explained_and_named_by_number(tmp_path: Path) -> None:
    studies = [Made(f"Doe{i}.dcm", state="refused", code="truncated") for i in range(30)]
    studies += [Made("x", state="failed", code="plugin_code"), Made("y", state="failed")]
    found = overview_of([fill(tmp_path, studies)])
    first, second, cut = found.failures
    assert (first.code, second.code) == ("", "plugin_code")
    assert (cut.total, len(cut.shown), cut.shown[0].study) == (30, 20, "s0000001")
    assert "copy" in cut.meaning
    assert cut.shown[0].name is None
    assert "Doe" not in json.dumps(asdict(found))
    named = overview_of([tmp_path], names=True)
    assert named.failures[2].shown[0].name == "Doe0.dcm"


def test_every_code_of_a_study_has_a_meaning() -> None:
    of_batch = {
        *("worker_crashed", "worker_killed", "node_lost", "study_timeout", "out_of_memory"),
        "batch_killed",
        *("partial_reading", "internal_error"),
    }
    codes = {*InputCode, *UnsuitableCode, *PriorCode, *RemoteCode, *of_batch}
    assert codes <= set(failure_meanings())


def test_json_has_nothing_that_is_no_json(tmp_path: Path) -> None:
    folder, groups = sites(tmp_path, np.random.default_rng(0), 0.0)
    found: Overview = overview_of([folder], groups)
    again = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert again["measurements"][0]["spread"]["n"] == 900


def test_memory_grows_by_some_hundred_bytes_a_study(tmp_path: Path) -> None:
    rows = [measured(0.5 + i / 100, code) for i, code in enumerate(["a", "b", "c", "d"])]
    rows += [judged("absent", 0.1, code=code, reading="x" * 2000) for code in ("e", "f", "g")]
    peaks = []
    for many in (500, 3500):
        folder = fill(tmp_path / str(many), [Made(f"f{i}", rows) for i in range(many)])
        tracemalloc.start()
        overview_of([folder])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / 3000 < 1500  # as rows they are 8,000
