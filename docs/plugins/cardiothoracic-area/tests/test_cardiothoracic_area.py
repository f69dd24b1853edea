"""The contract suite, and films whose ratio is known."""

from __future__ import annotations

import numpy as np
import pytest
from cxr_cardiothoracic_area.tool import cardiothoracic_area

from cxr_agent.study import AgeGroup, Image, View
from cxr_agent.testing import check_tool
from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.toolbox import Abstain, Mask

SHAPE = (100, 200)


def film(**about: object) -> Image:
    facts = {"view": View.PA, "view_source": "header", "spacing": None, **about}
    return Image(handle="img-1", pixels=np.zeros(SHAPE, np.float32), sha256="0" * 64, **facts)


def box(rows: slice, columns: slice, name: str = "") -> Mask:
    plane = np.zeros(SHAPE, bool)
    plane[rows, columns] = True
    return Mask(name, plane)


HEART = box(slice(50, 90), slice(80, 120))
RIGHT, LEFT = box(slice(10, 80), slice(20, 80)), box(slice(10, 80), slice(120, 180))


def test_contract() -> None:
    assert [one for one in check_tool(cardiothoracic_area) if one.outcome == "failed"] == []


def test_the_ratio_of_rectangles() -> None:
    found = cardiothoracic_area(film(), HEART, RIGHT, LEFT)
    # 70 rows of 160 px between the outer borders, and 10 rows of the heart below them.
    assert (found.heart_px, found.thorax_px) == (40 * 40, 70 * 160 + 10 * 40)
    assert found.ratio == pytest.approx(1600 / 11600)


def test_a_larger_heart_has_a_larger_share() -> None:
    ratios = []
    for linear in (0.40, 0.50, 0.60):
        masks = draw(PhantomSpec(cardiothoracic_ratio=linear), 256).masks
        chest = [Mask(name, masks[name]) for name in ("heart", "right_lung", "left_lung")]
        ratios.append(cardiothoracic_area(film(), *chest).ratio)
    assert 0.1 < ratios[0] < ratios[1] < ratios[2] < 0.5


@pytest.mark.parametrize(
    ("about", "masks", "reason"),
    [
        ({"view": View.LATERAL}, (HEART, RIGHT, LEFT), "lateral_view"),
        ({"age_group": AgeGroup.PAEDIATRIC}, (HEART, RIGHT, LEFT), "paediatric"),
        ({}, (box(slice(0), slice(0)), RIGHT, LEFT), "cardiothoracic_area_empty"),
        ({}, (HEART, box(slice(10, 80), slice(0, 80)), LEFT), "cardiothoracic_area_cut"),
        ({}, (HEART, box(slice(10, 30), slice(20, 80)), LEFT), "cardiothoracic_area_uneven"),
    ],
)
def test_it_abstains(about: dict[str, object], masks: tuple[Mask, ...], reason: str) -> None:
    with pytest.raises(Abstain) as outcome:
        cardiothoracic_area(film(**about), *masks)
    assert outcome.value.reasons == (reason,)
