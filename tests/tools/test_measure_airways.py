"""Rotation, the carinal angle and deviation of the trachea as tools: abstaining and saying."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest

from cxr_agent.evidence import EvidenceKind, Observation, Polarity, Side
from cxr_agent.knowledge import definition
from cxr_agent.measure.carina import carina_angle
from cxr_agent.measure.extent import BoolMask, Extent
from cxr_agent.measure.geometry import Scene
from cxr_agent.measure.judge import check
from cxr_agent.report.compose import section_of, sentence_of
from cxr_agent.report.gates.support import fault_of
from cxr_agent.study import AgeGroup, PixelSpacing, SpacingKind, View
from cxr_agent.toolbox.contract import Abstain, Mask
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.reading import reading_of
from cxr_agent.tools.measure_carina_angle import measure_carina_angle
from cxr_agent.tools.measure_rotation import measure_rotation
from cxr_agent.tools.measure_trachea_deviation import measure_trachea_deviation
from tests.builders import Maker, film, rectangle, repeats

SHAPE = (400, 400)
FIELD = Extent(0, 0, 400, 400)
SPINE = rectangle(SHAPE, 190, 0, 210, 400)
RIGHT_LUNG = rectangle(SHAPE, 50, 60, 180, 340)
LEFT_LUNG = rectangle(SHAPE, 220, 60, 350, 340)
SQUARE = PixelSpacing(0.2, 0.2, SpacingKind.CALIBRATED)
OBLONG = PixelSpacing(0.2, 0.205, SpacingKind.CALIBRATED)


def _mask(name: str, plane: BoolMask | None, doubt: int | None) -> Mask | None:
    """Without a model, so that no calibration of a card is looked for."""
    if plane is None:
        return None
    return Mask(name, plane, None if doubt is None else repeats(plane, doubt))


def _film(rest: dict[str, Any]) -> Any:
    return film(np.full(SHAPE, 0.5, dtype=np.float32), **rest)


def clavicle(left: int, right: int, y: int = 100) -> BoolMask:
    return rectangle(SHAPE, left, y - 5, right, y + 5)


def rotated(doubt: int | None = None, **changed: Any) -> Measured:
    outlines: dict[str, BoolMask | None] = {
        "right_clavicle": clavicle(70, 180),
        "left_clavicle": clavicle(220, 330),
        "spine": SPINE,
        "right_lung": RIGHT_LUNG,
        "left_lung": LEFT_LUNG,
    }
    outlines |= {name: changed.pop(name) for name in tuple(changed) if name in outlines}
    masks = {name: _mask(name, plane, doubt) for name, plane in outlines.items()}
    return measure_rotation(_film(changed), vertebrae=(), **masks)  # type: ignore[return-value]


def gapped(half: int) -> BoolMask:
    """A block with a gap of square corners."""
    block = rectangle(SHAPE, 140, 110, 260, 240)
    gap: BoolMask = block & ~rectangle(SHAPE, 200 - half, 140, 200 + half, 240)
    return gap


def wedge(slope: float) -> BoolMask:
    """Inner edges that leave the middle by so much a row."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    block = rectangle(SHAPE, 120, 110, 280, 240)
    open_: BoolMask = (rows > 140) & (np.abs(columns - 200) < slope * (rows - 140))
    return block & ~open_


def parted(carina: BoolMask, doubt: int | None = None, **rest: Any) -> Measured:
    mask = _mask("carina", carina, doubt)
    assert mask is not None
    return measure_carina_angle(_film(rest), mask)  # type: ignore[return-value]


def tube(x: int, half: int = 10, top: int = 20, bottom: int = 200) -> BoolMask:
    return rectangle(SHAPE, x - half, top, x + half, bottom)


def shifted(trachea: BoolMask, doubt: int | None = None, **changed: Any) -> Measured:
    mask = _mask("trachea", trachea, doubt)
    assert mask is not None
    spine = _mask("spine", changed.pop("spine", SPINE), doubt)
    carina = _mask("carina", changed.pop("carina", None), doubt)
    given = {"spine": spine, "carina": carina}
    return measure_trachea_deviation(_film(changed), mask, vertebrae=(), **given)  # type: ignore[return-value]


def stated(result: Measured, kind: EvidenceKind) -> Observation:
    (found,) = (one for one in result.observations() if one.kind is kind)
    return found


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"view": View.LATERAL}, "lateral_view"),
        ({"right_clavicle": np.zeros(SHAPE, dtype=np.bool_)}, "mask_missing"),
        ({"left_clavicle": clavicle(220, 330, 120)}, "clavicles_unclear"),  # 20 of 400 lower
        (
            {"right_clavicle": clavicle(70, 180, 16), "left_clavicle": clavicle(220, 330, 16)},
            "clavicles_unclear",
        ),
        (
            {"right_clavicle": clavicle(70, 180, 201), "left_clavicle": clavicle(220, 330, 201)},
            "clavicles_unclear",
        ),
        (
            {"right_clavicle": clavicle(70, 221), "left_clavicle": clavicle(180, 330)},
            "clavicles_unclear",
        ),
        (
            {
                "right_clavicle": clavicle(30, 140),
                "left_clavicle": clavicle(261, 380),
                "right_lung": None,
            },
            "clavicles_unclear",
        ),
        ({"right_clavicle": clavicle(60, 153)}, "clavicles_unclear"),  # 103 of 130
        ({"left_clavicle": clavicle(247, 340)}, "clavicles_unclear"),
        ({"left_lung": rectangle(SHAPE, 290, 60, 350, 340)}, "clavicles_unclear"),  # 130 of 60
        (
            {"spine": rectangle(SHAPE, 190, 0, 210, 148) | rectangle(SHAPE, 194, 148, 214, 400)},
            "midline_unclear",
        ),
        ({"spine": None, "left_lung": None}, "midline_unclear"),
    ],
)
def test_rotation_abstains(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(Abstain) as caught:
        rotated(**changed)
    assert (caught.value.subject, caught.value.reasons) == ("rotation", (reason,))


def test_a_spine_that_leans_too_far_is_no_midline() -> None:
    rows, columns = np.mgrid[:400, :400] + 0.5
    leaning = np.abs(columns - 200 - 0.2 * (rows - 100)) < 10
    with pytest.raises(Abstain, match="midline_unclear"):
        rotated(spine=leaning)


@pytest.mark.parametrize(
    ("right", "left", "category", "side", "said"),
    [
        (180, 220, "straight", None, "Not rotated"),
        (180, 208, "straight", Side.RIGHT, "Not rotated"),
        (180, 207, "rotated", Side.RIGHT, "Rotated"),
        (193, 220, "rotated", Side.LEFT, "Rotated"),
        (180, 198, "rotated", Side.RIGHT, "Rotated"),
    ],
)
def test_rotation_by_its_limit(
    right: int, left: int, category: str, side: Side | None, said: str
) -> None:
    result = rotated(right_clavicle=clavicle(70, right), left_clavicle=clavicle(left, 330))
    found = stated(result, EvidenceKind.QUALITY)
    assert (found.category, found.side, found.threshold) == (category, side, 0.4)
    assert reading_of(found).startswith(f"{said}: distances of the clavicles to the midline")
    assert "lung" not in reading_of(found)


def test_a_midline_from_the_lungs_is_said_to_be_one() -> None:
    found = stated(rotated(spine=None), EvidenceKind.QUALITY)
    assert found.reasons == ("midline_proxy",)
    assert reading_of(found).endswith(
        "; the midline is estimated from the lung borders, not from the spine."
    )


def test_rotation_needs_neither_lung() -> None:
    result = rotated(right_lung=None, left_lung=None, right_clavicle=clavicle(70, 140))
    assert result.items[0].value == pytest.approx(20 / 60)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"carina": rectangle(SHAPE, 150, 100, 250, 200)}, "carina_unclear"),
        ({"carina": wedge(0.6), "view": View.LATERAL}, "lateral_view"),
        ({"carina": wedge(0.6), "spacing": OBLONG}, "pixels_not_square"),
        ({"carina": np.zeros(SHAPE, dtype=np.bool_)}, "mask_missing"),
    ],
)
def test_the_carinal_angle_abstains(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(Abstain) as caught:
        parted(**changed)
    assert (caught.value.subject, caught.value.reasons) == ("carina_angle", (reason,))


def part(left: int, top: int, right: int, bottom: int, slope: float = 0.6) -> BoolMask:
    """Of a wedge that fulfils all conditions."""
    return wedge(slope) & rectangle(SHAPE, left, top, right, bottom)


STEM = part(190, 110, 210, 131)


@pytest.mark.parametrize(
    ("carina", "quantity"),
    [
        (part(160, 110, 280, 130) | part(120, 130, 280, 240), "vertex_offset"),
        (part(166, 110, 235, 240, slope=0.3), "contour_width"),
        (part(120, 131, 280, 159), "contour_height"),
        (STEM | part(174, 131, 280, 240), "vertex_across"),
        (STEM | part(120, 131, 252, 240), "vertex_across"),
        (part(120, 132, 280, 240), "vertex_down"),
        (part(120, 110, 280, 155), "vertex_down"),
        (gapped(10), "angle_spread"),
    ],
)
def test_an_outline_of_another_shape_is_no_bifurcation(carina: BoolMask, quantity: str) -> None:
    with pytest.raises(Abstain, match="carina_unclear"):
        parted(carina)
    # Nothing else is wrong with it.
    about, found = definition("carina_angle"), carina_angle(Scene({"carina": carina}, FIELD, SHAPE))
    others = tuple(one for one in about.condition if one.quantity != quantity)
    check(about.model_copy(update={"condition": others}), found)


@pytest.mark.parametrize(
    ("slope", "degrees", "polarity"),
    [(0.3, 33, Polarity.PRESENT), (0.6, 62, Polarity.ABSENT), (1.1, 95, Polarity.PRESENT)],
)
def test_the_carinal_angle_by_its_limits(slope: float, degrees: float, polarity: Polarity) -> None:
    result = parted(wedge(slope), spacing=SQUARE)
    assert result.items[0].value == pytest.approx(degrees, abs=4)
    found = stated(result, EvidenceKind.FINDING)
    assert found.polarity is polarity
    assert found.details["limit_low"] == 40
    assert found.details["limit_high"] == 80


@pytest.mark.parametrize(
    ("trachea", "changed", "reason"),
    [
        (tube(200), {"view": View.LATERAL}, "lateral_view"),
        (np.zeros(SHAPE, dtype=np.bool_), {}, "mask_missing"),
        (tube(200, top=150), {}, "trachea_unclear"),
        (tube(200, half=5), {}, "trachea_unclear"),
        (tube(200, half=17), {}, "trachea_unclear"),
        (tube(200, bottom=120) | tube(200, half=15, top=120), {}, "trachea_unclear"),
        (tube(200), {"carina": rectangle(SHAPE, 150, 10, 250, 200)}, "trachea_unclear"),
        (tube(200), {"spine": None}, "midline_unclear"),
        (
            tube(200),
            {"spine": rectangle(SHAPE, 188, 0, 208, 110) | rectangle(SHAPE, 198, 110, 218, 400)},
            "midline_unclear",
        ),
    ],
)
def test_deviation_abstains(trachea: BoolMask, changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(Abstain) as caught:
        shifted(trachea, **changed)
    assert (caught.value.subject, caught.value.reasons) == ("trachea_offset", (reason,))


@pytest.mark.parametrize(
    ("x", "polarity", "said"),
    [
        (
            200,
            Polarity.ABSENT,
            "No tracheal deviation: offset from the midline 0.00 widths of the trachea.",
        ),
        (
            215,
            Polarity.PRESENT,
            "Tracheal deviation to the left: offset from the midline 0.75 widths of the trachea.",
        ),
        (
            185,
            Polarity.PRESENT,
            "Tracheal deviation to the right: offset from the midline -0.75 widths of the trachea.",
        ),
    ],
)
def test_deviation_and_its_side(x: int, polarity: Polarity, said: str) -> None:
    found = stated(shifted(tube(x)), EvidenceKind.FINDING)
    assert found.polarity is polarity
    assert reading_of(found) == said


def test_a_repeat_that_brings_the_midline_into_the_trachea_leaves_it_undecided() -> None:
    found = stated(shifted(tube(212), doubt=3), EvidenceKind.FINDING)
    assert found.polarity is Polarity.UNCERTAIN
    assert stated(shifted(tube(212), doubt=1), EvidenceKind.FINDING).polarity is Polarity.PRESENT


def test_children_are_measured_too() -> None:
    child: dict[str, Any] = {"age_group": AgeGroup.PAEDIATRIC}
    assert rotated(**child).items[0].value == 1
    assert shifted(tube(200), **child).items[0].value == 0
    assert parted(wedge(0.6), **child).items


CASES = [
    *(
        rotated(doubt, right_clavicle=clavicle(70, right), spine=spine)
        for doubt in (None, 0, 2)
        for right in (180, 193, 192)
        for spine in (SPINE, None)
    ),
    *(parted(wedge(slope), doubt) for doubt in (None, 0, 2) for slope in (0.3, 0.37, 0.6, 0.85)),
    *(shifted(tube(x), doubt) for doubt in (None, 0, 3) for x in (185, 200, 211, 215)),
]


@pytest.mark.parametrize("result", CASES)
def test_every_sentence_passes_the_evidence_gate(result: Measured) -> None:
    make = Maker(count(1))
    for observation in result.observations():
        item = make(observation)
        sentence = sentence_of(item, section_of(item), several=False)
        assert fault_of(sentence, {item.id: item}) is None, sentence.text
