"""The four measurements of the aorta as tools: when they abstain, what they say."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest

from cxr_agent.evidence import EvidenceKind, Observation, Polarity
from cxr_agent.measure.extent import BoolMask
from cxr_agent.report.compose import section_of, sentence_of
from cxr_agent.report.gates.support import fault_of
from cxr_agent.study import AgeGroup, View
from cxr_agent.toolbox.contract import Abstain, Mask
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.reading import reading_of
from cxr_agent.tools.measure_aortic_knob import measure_aortic_knob
from cxr_agent.tools.measure_aortic_tortuosity import measure_aortic_tortuosity
from cxr_agent.tools.measure_ascending_aorta import measure_ascending_aorta
from cxr_agent.tools.measure_descending_aorta import measure_descending_aorta
from tests.aorta import OUTLINES, SHAPE, box
from tests.builders import Maker, film, repeats

Tool = Callable[..., Measured]
NEEDED: dict[Tool, tuple[str, ...]] = {
    measure_aortic_knob: ("aortic_arch", "descending_aorta", "trachea", "carina"),
    measure_ascending_aorta: ("ascending_aorta", "heart", "trachea", "carina", "aortic_arch"),
    measure_descending_aorta: ("descending_aorta", "heart", "trachea", "carina", "aortic_arch"),
    measure_aortic_tortuosity: ("descending_aorta", "heart", "trachea", "aortic_arch"),
}  # type: ignore[dict-item]
WITH_TRACHEA = tuple(NEEDED)[:3]
DESCENDING = tuple(NEEDED)[2:]
UPRIGHT = box(190, 230, 280, 350)
"""A heart right below the tracheal end, so that the line from there is x = 190."""


def measured(
    tool: Tool, *, doubt: int | None = None, mirror: bool = False, **changed: Any
) -> Measured:
    """Measure; what is changed is an outline (None: missing) or a property of the film."""
    outlines = {n: changed.pop(n, OUTLINES[n]) for n in OUTLINES}
    given = {n: outlines[n] for n in NEEDED[tool] if outlines[n] is not None}
    masks = {n: _mask(n, m[:, ::-1] if mirror else m, doubt) for n, m in given.items()}
    pixels = np.full(SHAPE, 0.5, dtype=np.float32)
    return tool(film(pixels, **changed), **masks)


def _mask(name: str, plane: BoolMask, doubt: int | None) -> Mask:
    """Without a model, so that no calibration of a card is looked for."""
    return Mask(name, plane, None if doubt is None else repeats(plane, doubt))


def finding(result: Measured) -> Observation:
    (found,) = (o for o in result.observations() if o.kind is EvidenceKind.FINDING)
    return found


@pytest.mark.parametrize("tool", NEEDED)
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"view": View.LATERAL}, "lateral_view"),
        ({"age_group": AgeGroup.PAEDIATRIC}, "paediatric"),
        ({"mirror": True}, "arch_on_the_right"),
    ],
)
def test_all_abstain(tool: Tool, changed: dict[str, Any], reason: str) -> None:
    assert abstention(tool, **changed) == (reason,)


@pytest.mark.parametrize("tool", WITH_TRACHEA)
@pytest.mark.parametrize(
    "outlined",
    [
        box(190, 130, 210, 180),  # 0.0950 of the film's height without the top quarter
        box(190, 20, 210, 120) | box(190, 120, 218, 180),  # widths vary by 4 of 400
        box(198, 20, 209, 180),  # 11 of 400 wide
        box(180, 20, 213, 180),  # 33 of 400 wide
        box(190, 190, 210, 220),  # below the carina
    ],
    ids=["short", "uneven", "narrow", "wide", "low"],
)
def test_a_trachea_that_is_no_measure_of_width(tool: Tool, outlined: BoolMask) -> None:
    changed = {"trachea": outlined, "aortic_arch": box(220, 130, 250, 180)}
    assert abstention(tool, **changed) == ("trachea_unclear",)


def abstention(tool: Tool, **changed: Any) -> tuple[str, ...]:
    with pytest.raises(Abstain) as caught:
        measured(tool, **changed)
    return caught.value.reasons


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"descending_aorta": box(215, 150, 245, 260)}, "aorta_short"),
        ({"aortic_arch": box(205, 130, 236, 180)}, "aorta_displaced"),
        ({"descending_aorta": box(215, 217, 245, 380)}, "aorta_displaced"),
        ({"descending_aorta": box(215, 100, 245, 170)}, "aorta_displaced"),
        (
            {"aortic_arch": box(198, 130, 209, 180), "descending_aorta": box(190, 150, 209, 380)},
            "arch_on_the_right",
        ),
        (
            {"aortic_arch": box(198, 130, 210, 180), "descending_aorta": box(190, 150, 209, 380)},
            "aortic_knob_hidden",
        ),
    ],
)
def test_the_knob_abstains(changed: dict[str, Any], reason: str) -> None:
    if reason == "arch_on_the_right":
        changed = {**changed, "aortic_arch": box(180, 130, 209, 180)}
    assert abstention(measure_aortic_knob, **changed) == (reason,)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ascending_aorta": box(190, 190, 215, 249)}, "aorta_short"),
        ({"ascending_aorta": box(190, 169, 215, 280)}, "aorta_displaced"),
        ({"ascending_aorta": box(190, 211, 215, 280)}, "aorta_displaced"),
        ({"heart": box(191, 230, 280, 350)}, "heart_border_hidden"),
        ({"heart": UPRIGHT, "ascending_aorta": box(181, 190, 211, 280)}, "implausible_value"),
    ],
)
def test_the_ascending_aorta_abstains(changed: dict[str, Any], reason: str) -> None:
    assert abstention(measure_ascending_aorta, **changed) == (reason,)


@pytest.mark.parametrize("tool", DESCENDING)
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"descending_aorta": box(215, 265, 245, 380)}, "aorta_short"),
        ({"descending_aorta": box(215, 150, 245, 250) | box(215, 250, 255, 380)}, "aorta_uneven"),
        ({"heart": box(50, 230, 200, 350)}, "aorta_heart_apart"),
    ],
)
def test_the_descending_aorta_abstains(tool: Tool, changed: dict[str, Any], reason: str) -> None:
    assert abstention(tool, **changed) == (reason,)


def stepped(step: int) -> BoolMask:
    return box(215, 150, 245, 250) | box(215 + step, 250, 245 + step, 380)


CASES: list[tuple[Tool, dict[str, Any], float, Polarity]] = [
    (measure_aortic_knob, {}, 2.0, Polarity.ABSENT),
    (measure_aortic_knob, {"aortic_arch": box(205, 130, 259, 180)}, 2.45, Polarity.ABSENT),
    (measure_aortic_knob, {"aortic_arch": box(205, 130, 260, 180)}, 2.5, Polarity.PRESENT),
    (measure_ascending_aorta, {}, 0.0, Polarity.ABSENT),
    (
        measure_ascending_aorta,
        {"heart": UPRIGHT, "ascending_aorta": box(188, 190, 218, 280)},
        2 / 30,
        Polarity.UNCERTAIN,
    ),
    (
        measure_ascending_aorta,
        {"heart": UPRIGHT, "ascending_aorta": box(187, 190, 217, 280)},
        0.1,
        Polarity.PRESENT,
    ),
    (measure_descending_aorta, {}, 1.5, Polarity.ABSENT),
    (
        measure_descending_aorta,
        {"descending_aorta": box(215, 150, 264, 380)},
        2.45,
        Polarity.ABSENT,
    ),
    (
        measure_descending_aorta,
        {"descending_aorta": box(215, 150, 265, 380)},
        2.5,
        Polarity.PRESENT,
    ),
    (measure_aortic_tortuosity, {}, 0.0, Polarity.ABSENT),
    (measure_aortic_tortuosity, {"descending_aorta": stepped(8)}, 0.4077, Polarity.ABSENT),
    (
        measure_aortic_tortuosity,
        {"descending_aorta": stepped(90), "heart": box(130, 230, 350, 350)},
        2.8791,
        Polarity.PRESENT,
    ),
]


@pytest.mark.parametrize(("tool", "changed", "value", "polarity"), CASES)
def test_values_and_what_they_mean(
    tool: Tool, changed: dict[str, Any], value: float, polarity: Polarity
) -> None:
    result = measured(tool, **changed)
    (item,) = result.items
    assert item.value == pytest.approx(value, abs=1e-4)
    assert item.interval is None
    stated = finding(result)
    assert (stated.polarity, stated.threshold_source) == (polarity, item.decided.source)
    assert all(0 <= x <= 400 and 0 <= y <= 400 for d in result.drawings for x, y in d.points)


@pytest.mark.parametrize(
    ("tool", "changed"),
    [
        (measure_aortic_knob, {"aortic_arch": box(205, 130, 260, 180)}),
        (measure_descending_aorta, {"descending_aorta": box(215, 150, 265, 380)}),
    ],
)
def test_outlines_in_doubt_leave_a_value_at_the_limit_undecided(
    tool: Tool, changed: dict[str, Any]
) -> None:
    result = measured(tool, doubt=2, **changed)
    (item,) = result.items
    low, high = item.interval
    assert low < 2.5 <= high
    assert finding(result).polarity is Polarity.UNCERTAIN


def test_an_ascending_aorta_that_a_repeat_brings_across_the_line_is_undecided() -> None:
    changed = {"heart": UPRIGHT, "ascending_aorta": box(190, 190, 218, 280)}
    assert finding(measured(measure_ascending_aorta, **changed)).polarity is Polarity.ABSENT
    plane = box(188, 190, 218, 280)
    masks = {n: _mask(n, OUTLINES[n], 0) for n in ("trachea", "carina", "aortic_arch")}
    masks["heart"] = _mask("heart", UPRIGHT, 0)
    first = changed["ascending_aorta"]
    masks["ascending_aorta"] = Mask("ascending_aorta", first, np.stack([first, first, plane]))
    pixels = np.full(SHAPE, 0.5, dtype=np.float32)
    result = measure_ascending_aorta(film(pixels), **masks)
    assert result.items[0].interval == (0, pytest.approx(2 / 30))
    assert finding(result).polarity is Polarity.UNCERTAIN


@pytest.mark.parametrize("doubt", [None, 0, 2])
@pytest.mark.parametrize(("tool", "changed", "value", "polarity"), CASES)
def test_every_sentence_passes_the_evidence_gate(
    tool: Tool, changed: dict[str, Any], value: float, polarity: Polarity, doubt: int | None
) -> None:
    make = Maker(count(1))
    stated = list(measured(tool, doubt=doubt, **changed).observations())
    assert len(stated) == 2
    for observation in stated:
        item = make(observation)
        sentence = sentence_of(item, section_of(item), several=False)
        assert fault_of(sentence, {item.id: item}) is None, sentence.text


def test_the_sentences() -> None:
    knob = measured(measure_aortic_knob, aortic_arch=box(205, 130, 265, 180))
    assert [reading_of(o) for o in knob.observations()] == [
        "Ratio of aortic knob to trachea 2.75.",
        "Enlarged aortic knob: 2.75 times as wide as the trachea, limit 2.50.",
    ]
    bent = measured(measure_aortic_tortuosity)
    assert reading_of(finding(bent)) == (
        "The descending aorta is not tortuous: curvature 0.00, limit 2.75."
    )
