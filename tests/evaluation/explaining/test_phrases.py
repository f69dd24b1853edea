"""Phrases of a report and their regions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.evaluation.explaining.phrases import Phrase, alignment, phrases_of
from cxr_agent.evaluation.explaining.places import boxes_of, filled, overlap, region
from cxr_agent.evidence import Location
from cxr_agent.reading import Agent
from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.trace import read_trace


def test_overlap_by_hand() -> None:
    one, other = filled((0, 0, 10, 10), (20, 20)), filled((5, 0, 15, 10), (20, 20))
    assert overlap(one, other) == pytest.approx(50 / 150)
    assert overlap(one, one) == 1
    assert overlap(np.zeros((2, 2), np.bool_), np.zeros((2, 2), np.bool_)) == 0


def test_a_region_needs_all_its_places() -> None:
    boxes = {Location.LEFT_LUNG: (10, 0, 20, 10), Location.RIGHT_LUNG: (0, 0, 5, 10)}
    both = region([Location.LEFT_LUNG, Location.RIGHT_LUNG], boxes, (10, 20))
    assert both is not None
    assert both.sum() == 150
    assert region([Location.LEFT_LUNG, Location.TRACHEA], boxes, (10, 20)) is None
    assert region([], boxes, (10, 20)) is None


def test_phrases_of_a_reading_have_their_regions(tmp_path: Path) -> None:
    phantom = draw(PhantomSpec(cardiothoracic_ratio=0.62), 512)
    film = tmp_path / "film.png"
    Image.fromarray(np.rint(phantom.pixels * 255).astype(np.uint8)).save(film)
    with Agent(traces=tmp_path / "traces", model="none", threads=1) as agent:
        report = agent.read(film)
    assert report.trace is not None
    artifact = read_trace(Path(report.trace)).artifact
    own = phrases_of(report, artifact)
    (ratio,) = [one for one in own if one.codes == ("cardiothoracic_ratio",)]
    assert (ratio.source, ratio.places, ratio.overlap) == ("box", (Location.CARDIAC_SILHOUETTE,), 1)
    gaps = [one for one in own if "mediastinal_gap_ratio" in one.codes]
    assert {one.source for one in gaps} == {"lines"}
    rows, columns = np.nonzero(phantom.masks["heart"])
    true = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    by_truth = phrases_of(report, artifact, {Location.CARDIAC_SILHOUETTE: true})
    held = [one.overlap for one in by_truth if one.codes == ("cardiothoracic_ratio",)]
    assert held[0] == pytest.approx(1, abs=0.2)
    assert held[0] != 1
    wrong = phrases_of(report, artifact, {Location.CARDIAC_SILHOUETTE: (0, 0, 20, 20)})
    assert [one.overlap for one in wrong if one.codes == ("cardiothoracic_ratio",)] == [0]
    together = alignment([own, wrong])
    assert together.reports == 2
    assert together.apart.count >= 1
    assert together.by_source["none"] == sum(one.source == "none" for one in (*own, *wrong))
    assert boxes_of(report)[Location.CARDIAC_SILHOUETTE]


def test_what_has_no_region_is_said_by_code() -> None:
    lacking = Phrase(
        text="x", codes=("pulmonary_edema",), asserted=False, source="none", places=(), named=None
    )
    found = alignment([(lacking,)])
    assert found.without_region == {"pulmonary_edema": 1}
    assert found.with_region.value == 0
    assert found.asserted_with_region.value is None
