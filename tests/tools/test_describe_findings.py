"""Descriptors: the right sign rises, exposure moves none, a mirrored film swaps sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxr_agent.evidence import EvidenceKind
from cxr_agent.knowledge import descriptor_references, descriptors, vocabulary
from cxr_agent.measure.signs import combined, score_of, without_top
from cxr_agent.report.descriptors import opened
from cxr_agent.study import AgeGroup, FloatImage, View
from cxr_agent.testing.phantom import Phantom, PhantomSpec, draw
from cxr_agent.toolbox.contract import Abstain
from cxr_agent.tools.describe_findings import DescribeFindings, describe_findings
from tests.builders import Maker, film, mask
from tests.report.test_scene_graph import report

NAMES = ("right_lung", "left_lung", "heart")


def described(phantom: Phantom, pixels: FloatImage | None = None) -> DescribeFindings:
    image = film(phantom.pixels if pixels is None else pixels)
    masks = {name: mask(name, phantom.masks[name]) for name in NAMES}
    return describe_findings(image, **masks)


def scores(found: DescribeFindings) -> dict[str, float]:
    return {sign.code: sign.score for sign in found.signs}


def quantities(found: DescribeFindings) -> dict[str, float]:
    return {sign.code: sign.quantity for sign in found.signs}


def test_every_descriptor_has_what_it_needs() -> None:
    known = vocabulary()
    for code, one in descriptors().items():
        assert one.quantity in descriptor_references(), code
        assert known[one.finding].kind == "finding"
        assert known[code].kind == "descriptor"
        assert one.source
    for reference in descriptor_references().values():
        assert reference.films >= 40
        assert len(reference.quantiles) == 21


def test_a_wide_heart_raises_its_signs_and_no_other() -> None:
    small, wide = (
        described(draw(PhantomSpec(cardiothoracic_ratio=ctr), 256)) for ctr in (0.42, 0.62)
    )
    before, after = quantities(small), quantities(wide)
    for code in ("wide_heart", "large_heart_area", "heart_to_the_left"):
        assert after[code] > before[code]
    assert after["blunted_angle_right"] == pytest.approx(before["blunted_angle_right"], abs=8)
    assert wide.combined["cardiomegaly"] > small.combined["cardiomegaly"]


def test_a_dense_base_raises_its_side() -> None:
    phantom = draw(PhantomSpec(), 256)
    pixels = phantom.pixels.copy()
    lung = phantom.masks["right_lung"]
    rows = np.flatnonzero(lung.any(axis=1))
    base = lung.copy()
    base[: rows[0] + 2 * len(rows) // 3] = False
    pixels[base] += 0.2
    before, after = quantities(described(phantom)), quantities(described(phantom, pixels))
    assert after["denser_side_right"] > before["denser_side_right"] + 0.1
    assert after["denser_side_left"] < before["denser_side_left"] - 0.1
    assert after["wide_heart"] == before["wide_heart"]


@pytest.mark.parametrize("gamma", [0.6, 1.0, 1.7])
def test_exposure_moves_no_score(gamma: float) -> None:
    phantom = draw(PhantomSpec(), 256)
    altered = (0.1 + 0.8 * phantom.pixels**gamma).astype(np.float32)
    assert quantities(described(phantom, altered)) == pytest.approx(
        quantities(described(phantom)), abs=0.03
    )


def test_a_mirrored_film_swaps_sides() -> None:
    phantom = draw(PhantomSpec(), 256)
    names = {"right_lung": "left_lung", "left_lung": "right_lung", "heart": "heart"}
    masks = {name: mask(name, phantom.masks[other][:, ::-1]) for name, other in names.items()}
    image = film(np.ascontiguousarray(phantom.pixels[:, ::-1]))
    mirrored = quantities(describe_findings(image, **masks))
    plain = quantities(described(phantom))
    for right in [code for code in plain if code.endswith("_right")]:
        left = right.replace("_right", "_left")
        assert mirrored[left] == pytest.approx(plain[right], abs=0.06), right


def test_boxes_lie_on_the_film_and_observations_name_their_finding() -> None:
    phantom = draw(PhantomSpec(), 300)
    for observation in described(phantom).observations():
        assert observation.kind is EvidenceKind.DESCRIPTOR
        assert observation.category in ("pleural_effusion", "cardiomegaly", "pulmonary_edema")
        assert observation.box is not None
        left, top, right, bottom = observation.box
        assert 0 <= left < right <= 300
        assert 0 <= top < bottom <= 300


def test_it_abstains() -> None:
    phantom = draw(PhantomSpec(), 128)
    lung = mask("right_lung", phantom.masks["right_lung"])
    for change, code in (
        ({"view": View.LATERAL}, "lateral_view"),
        ({"age_group": AgeGroup.PAEDIATRIC}, "paediatric"),
    ):
        with pytest.raises(Abstain) as stopped:
            describe_findings(replace(film(phantom.pixels), **change), right_lung=lung)  # type: ignore[arg-type]
        assert stopped.value.reasons == (code,)
    with pytest.raises(Abstain) as stopped:
        describe_findings(film(phantom.pixels))
    assert stopped.value.reasons == ("mask_missing",)
    empty = mask("right_lung", np.zeros_like(phantom.masks["right_lung"]))
    with pytest.raises(Abstain):
        describe_findings(film(phantom.pixels), right_lung=empty)


def test_scores_are_shares_of_normal_films() -> None:
    wide = descriptors()["wide_heart"]
    reference = descriptor_references()[wide.quantity]
    values = (0.0, reference.quantiles[0], reference.median, reference.quantiles[-1], 9.9)
    told = [score_of(wide, value, descriptor_references()) for value in values]
    assert told == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_leaving_the_top_sign_out_changes_what_they_come_to(make: Maker) -> None:
    assert combined([0.25, 1.0]) == pytest.approx(0.5)
    assert without_top([0.25, 1.0]) == pytest.approx(0.25)
    assert without_top([0.25]) is None
    with pytest.raises(ValueError, match="no score"):
        combined([])


def test_a_finding_opens_into_its_descriptors(make: Maker) -> None:
    found = described(draw(PhantomSpec(cardiothoracic_ratio=0.6), 256))
    evidence = [make(observation) for observation in found.observations()]
    finding = make(
        kind=EvidenceKind.FINDING, code="cardiomegaly", polarity="present", category="by_reader"
    )
    explained = opened(report(*evidence, finding), finding)
    assert explained is not None
    told = [row.value or 0.0 for row in explained.rows]
    assert told == sorted(told, reverse=True)
    assert {row.category for row in explained.rows} == {"cardiomegaly"}
    assert explained.combined == pytest.approx(found.combined["cardiomegaly"], abs=0.01)
    assert explained.without_top is not None
    assert explained.without_top < explained.combined
    other = make(
        kind=EvidenceKind.FINDING, code="pneumonia", polarity="absent", category="by_reader"
    )
    assert opened(report(*evidence, other), other) is None
