"""Outlines as statements: single structures by themselves, groups once."""

from __future__ import annotations

import pytest

from cxr_agent.evidence import Box, EvidenceKind, Location, Side
from cxr_agent.knowledge import members
from cxr_agent.report.compose import compose
from cxr_agent.report.draft import Section
from cxr_agent.report.gates.support import fault_of
from cxr_agent.report.model import Sentence
from cxr_agent.toolbox.outlined import statements
from tests.builders import Maker

RIBS = members("posterior_ribs_left")
ASKED = ("trachea", *members("vertebrae"), "right_scapula", *RIBS)
BOXES: dict[str, Box] = {
    "trachea": (10, 1, 14, 20),
    "vertebra_t3": (8, 5, 16, 9),
    "vertebra_t4": (8, 9, 17, 12),
    "vertebra_t6": (7, 15, 16, 18),
    "right_scapula": (1, 2, 5, 9),
}
AREAS = {name: (right - left) * (low - top) for name, (left, top, right, low) in BOXES.items()}


def test_a_group_is_one_region_with_its_number_and_ends() -> None:
    trachea, spine, scapula, ribs = statements(ASKED, BOXES, AREAS)
    assert (trachea.code, trachea.location, trachea.details) == (
        "trachea",
        Location.TRACHEA,
        {"area_px": 76},
    )
    assert (spine.kind, spine.code, spine.location) == (
        EvidenceKind.REGION,
        "vertebrae",
        Location.SPINE,
    )
    assert spine.details == {"area_px": 32 + 27 + 27, "count": 3, "first": 3, "last": 6}
    assert spine.box == (7, 5, 17, 18)
    assert (scapula.code, scapula.side) == ("right_scapula", Side.RIGHT)
    assert (ribs.kind, ribs.code, ribs.side, ribs.reasons) == (
        EvidenceKind.LIMITATION,
        "posterior_ribs_left",
        Side.LEFT,
        ("not_outlined",),
    )


def test_a_report_names_a_group_once_and_its_gate_lets_it_through(make: Maker) -> None:
    evidence = [make(one) for one in statements(ASKED, BOXES, AREAS)]
    (outlined,) = [s for section, s in compose(evidence) if section is Section.TECHNIQUE]
    assert outlined.text == (
        "Outlined by the anatomy model: trachea, vertebrae (3), right scapula."
    )
    known = {item.id: item for item in evidence}
    assert fault_of(outlined, known) is None
    wrong = outlined.model_copy(update={"text": outlined.text.replace("(3)", "(4)")})
    assert fault_of(wrong, known) is not None


def test_tools_are_named_apart(make: Maker) -> None:
    regions = [make(one) for one in statements((*ASKED[:1], "right_scapula"), BOXES, AREAS)]
    by_cxas = regions[0].provenance.model_copy(update={"tool": "segment_cxas"})
    evidence = [regions[0].model_copy(update={"provenance": by_cxas}), regions[1]]
    texts = [sentence.text for _, sentence in compose(evidence)]
    assert texts == [
        "Outlined by the anatomy model CXAS: trachea.",
        "Outlined by the anatomy model: right scapula.",
    ]


@pytest.mark.parametrize("group", ["vertebrae", "posterior_ribs_right", "posterior_ribs_left"])
def test_the_reading_of_a_group_is_supported(make: Maker, group: str) -> None:
    boxes: dict[str, Box] = {name: (1, n, 5, n + 1) for n, name in enumerate(members(group)[:11])}
    (region,) = map(make, statements(boxes, boxes, dict.fromkeys(boxes, 4)))
    assert "11" in region.reading
    sentence = Sentence(text=region.reading, evidence=(region.id,))
    assert fault_of(sentence, {region.id: region}) is None
