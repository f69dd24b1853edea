"""Every condition of ``kb/measurements.toml``: at its limit, and on outlines that break it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cxr_agent.evidence import Unit
from cxr_agent.knowledge import (
    MeasurementDefinition,
    definition,
    measurements,
    members,
    threshold,
)
from cxr_agent.knowledge.measurements import Condition
from cxr_agent.measure.extent import BoolMask, extent_of
from cxr_agent.measure.geometry import Geometry, NotMeasurable
from cxr_agent.measure.judge import check
from cxr_agent.study import AgeGroup, PixelSpacing, SpacingKind, View
from cxr_agent.testing.phantom import PhantomSpec
from cxr_agent.toolbox.contract import Abstain, Mask, ParameterKind
from tests.builders import film
from tests.phantoms import TOOLS, Seen, drawn, run

SIZE = 512
AORTIC = ("aortic_knob", "ascending_aorta", "descending_aorta", "aortic_tortuosity")
"""Broken outlines of these stand in ``test_measure_aorta.py``."""

Bound = tuple[str, int, float, float]
"""Measurement, place of the condition, the last value that passes and the first that does not."""


def _bounds(condition: Condition) -> Iterator[tuple[float, float]]:
    if condition.at_least:
        limit = threshold(condition.at_least).value
        yield limit, math.nextafter(limit, -math.inf)
    if condition.at_most:
        limit = threshold(condition.at_most).value
        yield limit, math.nextafter(limit, math.inf)
    if condition.below:
        limit = threshold(condition.below).value
        yield math.nextafter(limit, -math.inf), limit


def _all_bounds() -> list[Bound]:
    return [
        (name, place, inside, beyond)
        for name, one in measurements().items()
        for place, condition in enumerate(one.condition)
        for inside, beyond in _bounds(condition)
    ]


def _geometry(about: MeasurementDefinition, **changed: float) -> Geometry:
    """Every quantity that conditions speak of within all limits, but for what is changed."""
    inside: dict[str, list[float]] = {}
    for condition in about.condition:
        inside.setdefault(condition.quantity, []).extend(last for last, _ in _bounds(condition))
    quantities = {name: sum(ends) / len(ends) for name, ends in inside.items()} | changed
    return Geometry(quantities.pop("value", 1.0), quantities)


@pytest.mark.parametrize(("name", "place", "inside", "beyond"), _all_bounds())
def test_the_last_value_passes_and_the_next_abstains(
    name: str, place: int, inside: float, beyond: float
) -> None:
    about = definition(name)
    condition = about.condition[place]
    check(about, _geometry(about, **{condition.quantity: inside}))
    with pytest.raises(NotMeasurable) as caught:
        check(about, _geometry(about, **{condition.quantity: beyond}))
    assert caught.value.code == condition.code


@pytest.mark.parametrize(
    ("name", "quantity"),
    [(n, c.quantity) for n, one in measurements().items() for c in one.condition if c.optional],
)
def test_only_an_optional_quantity_may_be_missing(name: str, quantity: str) -> None:
    about = definition(name)
    whole = _geometry(about)
    check(
        about, Geometry(whole.value, {n: v for n, v in whole.quantities.items() if n != quantity})
    )


def _base() -> Seen:
    """Anatomy on which everything but the two given regions can be measured, with these added."""
    seen = Seen.of(drawn(PhantomSpec(), SIZE))
    vertex = extent_of(seen.masks["trachea"]).bottom
    given = {
        "nodule": _box(150, 200, 170, 215),
        "tube_tip": _box(254, vertex - 60, 258, vertex - 56),
    }
    return Seen(seen.pixels, {**seen.masks, **given})


def _box(left: int, top: int, right: int, bottom: int) -> BoolMask:
    plane = np.zeros((SIZE, SIZE), dtype=np.bool_)
    plane[top:bottom, left:right] = True
    return plane


def test_on_the_unbroken_outlines_everything_is_measured_with_all_its_quantities() -> None:
    found = _base().all()
    assert {name for name, _ in found} == set(measurements())
    for (name, _), item in found.items():
        asked = {c.quantity for c in definition(name).condition if not c.optional} - {"value"}
        assert asked <= item.quantities.keys(), name


Masks = dict[str, BoolMask]
Broken = Callable[[Masks], Masks]
"""The outlines that differ from the phantom's."""


def _reasons(name: str, seen: Seen, **of_film: Any) -> set[str]:
    """Why this one, on any side, is not measured; empty where it is."""
    try:
        found = run(definition(name).tool, seen.pixels, seen.masks, **of_film)
    except Abstain as outcome:
        return set(outcome.reasons)
    return {code for one in found.unmeasured if one.id == name for code in one.reasons}


def _moved(plane: BoolMask, down: int = 0, across: int = 0) -> BoolMask:
    """Moved within the film; what leaves it is lost."""
    moved = np.zeros_like(plane)
    y, x = np.nonzero(plane)
    y, x = y + down, x + across
    kept = (y >= 0) & (y < SIZE) & (x >= 0) & (x < SIZE)
    moved[y[kept], x[kept]] = True
    return moved


def _without_rows(plane: BoolMask, top: int = 0, bottom: int = 0) -> BoolMask:
    box = extent_of(plane)
    kept = plane.copy()
    kept[: box.top + top] = False
    kept[box.bottom - bottom :] = False
    return kept


def _columns(plane: BoolMask, start: float, end: float) -> BoolMask:
    """What lies between two shares of its width."""
    box = extent_of(plane)
    kept = np.zeros_like(plane)
    part = slice(int(box.left + start * box.width), int(box.left + end * box.width))
    kept[:, part] = plane[:, part]
    return kept


def _to_the_edge(masks: Masks) -> Masks:
    lung = masks["right_lung"].copy()
    box = extent_of(lung)
    lung[box.top + box.height // 2 : box.bottom, : box.left + 20] = True
    return {"right_lung": lung}


def _narrow(masks: Masks) -> Masks:
    return {"right_lung": _columns(masks["right_lung"], 0.7, 1)}


def _to_the_foot(masks: Masks) -> Masks:
    return {side: masks[side] | _columns_below(masks[side]) for side in ("right_lung", "left_lung")}


def _columns_below(lung: BoolMask) -> BoolMask:
    """Every column of a lung filled down to the edge of the film."""
    return np.maximum.accumulate(lung, axis=0)


def _no(*names: str) -> Broken:
    return lambda masks: {name: np.zeros((SIZE, SIZE), dtype=np.bool_) for name in names}


def _no_midline(masks: Masks) -> Masks:
    gone = ("spine", "right_lung", "left_lung", *members("vertebrae"))
    return {name: np.zeros((SIZE, SIZE), dtype=np.bool_) for name in gone}


def _bent(masks: Masks) -> Masks:
    """Vertebrae that alternately lie to both sides."""
    return {
        name: _moved(masks[name], across=12 * (-1) ** place)
        for place, name in enumerate(members("vertebrae"))
    }


def _slanted(masks: Masks) -> Masks:
    return {
        name: _moved(masks[name], across=14 * place)
        for place, name in enumerate(members("vertebrae"))
    }


def _ribs(change: Callable[[BoolMask, BoolMask], BoolMask], *numbers: int) -> Broken:
    """Ribs as a function of themselves and of the next one."""

    def broken(masks: Masks) -> Masks:
        names = members("posterior_ribs_right")
        return {names[n - 1]: change(masks[names[n - 1]], masks[names[n]]) for n in numbers}

    return broken


def _flat(side: str) -> Broken:
    """A lung of five rows."""

    def broken(masks: Masks) -> Masks:
        box = extent_of(masks[side])
        return {side: _without_rows(masks[side], bottom=box.height - 5)}

    return broken


CASES: list[tuple[str, str, Broken]] = [
    ("inclusion", "apices_uneven", lambda m: {"right_lung": _without_rows(m["right_lung"], 40)}),
    (
        "inclusion",
        "bases_uneven",
        lambda m: {"left_lung": _without_rows(m["left_lung"], bottom=150)},
    ),
    ("inclusion", "lungs_unequal", _narrow),
    ("inspiration", "ribs_unclear", _ribs(lambda own, _: np.zeros_like(own), 5)),
    ("inspiration", "ribs_unclear", _ribs(lambda own, after: own | after, 6)),
    ("inspiration", "ribs_unclear", _ribs(lambda own, after: own | after, 1)),
    ("inspiration", "ribs_unclear", _ribs(lambda own, _: _moved(own, -60), 3)),
    ("inspiration", "ribs_unclear", _ribs(lambda own, _: _moved(own, across=220), 2, 3, 4, 5)),
    (
        "inspiration",
        "diaphragm_unclear",
        lambda m: {"right_hemidiaphragm": _moved(m["right_hemidiaphragm"], across=250)},
    ),
    (
        "inspiration",
        "diaphragm_unclear",
        lambda m: {
            "right_hemidiaphragm": m["right_hemidiaphragm"] | _without_rows(m["right_lung"], 60)
        },
    ),
    ("inspiration", "ribs_unclear", _ribs(lambda own, _: _moved(own, 200), *range(1, 11))),
    (
        "rotation",
        "clavicles_unclear",
        lambda m: {"right_clavicle": _moved(m["right_clavicle"], down=40)},
    ),
    (
        "rotation",
        "clavicles_unclear",
        lambda m: {n: _moved(m[n], down=250) for n in ("right_clavicle", "left_clavicle")},
    ),
    (
        "rotation",
        "clavicles_unclear",
        lambda m: {"right_clavicle": _columns(m["right_clavicle"], 0, 0.3)},
    ),
    ("rotation", "midline_unclear", _bent),
    ("rotation", "midline_unclear", _slanted),
    ("rotation", "midline_unclear", _no_midline),
    (
        "projection",
        "scapulae_unclear",
        lambda m: {"right_scapula": _without_rows(m["right_scapula"], 100)},
    ),
    (
        "projection",
        "lung_not_at_scapula",
        lambda m: {"left_lung": _moved(m["left_lung"], down=330)},
    ),
    ("projection", "lung_not_at_scapula", _flat("left_lung")),
    ("ctr", "side_cut_off", _to_the_edge),
    ("ctr", "lungs_unequal", _narrow),
    ("ctr", "implausible_value", lambda m: {"heart": _columns(m["heart"], 0.3, 0.6)}),
    ("mediastinal_width", "side_cut_off", _to_the_edge),
    ("mediastinal_width", "lungs_unequal", _narrow),
    (
        "mediastinal_width",
        "mediastinum_unclear",
        lambda m: {"upper_mediastinum": _moved(m["upper_mediastinum"], down=140)},
    ),
    (
        "mediastinal_width",
        "mediastinum_unclear",
        lambda m: {"upper_mediastinum": _moved(m["upper_mediastinum"], down=300)},
    ),
    (
        "mediastinal_width",
        "implausible_value",
        lambda m: {"upper_mediastinum": _columns(m["upper_mediastinum"], 0.45, 0.55)},
    ),
    ("mediastinal_gap", "side_cut_off", _to_the_edge),
    ("mediastinal_gap", "lungs_unequal", _narrow),
    (
        "mediastinal_gap",
        "implausible_value",
        lambda m: {n: _moved(m[n], across=a) for n, a in (("right_lung", 22), ("left_lung", -22))},
    ),
    (
        "mediastinal_gap",
        "mediastinum_unclear",
        lambda m: {"left_lung": _moved(m["left_lung"], down=354)},
    ),
    ("carina_angle", "carina_unclear", lambda m: {"carina": _columns(m["carina"], 0, 0.48)}),
    ("carina_angle", "carina_unclear", lambda m: {"carina": m["trachea"]}),
    (
        "carina_angle",
        "carina_unclear",
        lambda m: {"carina": _columns(m["carina"], 0.25, 0.75)},
    ),
    (
        "trachea_deviation",
        "trachea_unclear",
        lambda m: {"trachea": _without_rows(m["trachea"], 80)},
    ),
    (
        "trachea_deviation",
        "trachea_unclear",
        lambda m: {"trachea": _columns(m["trachea"], 0.2, 0.7)},
    ),
    ("trachea_deviation", "trachea_unclear", lambda m: {"trachea": _moved(m["trachea"], down=200)}),
    ("trachea_deviation", "midline_unclear", _bent),
    ("trachea_deviation", "midline_unclear", _slanted),
    ("trachea_deviation", "midline_unclear", _no("spine", *members("vertebrae"))),
    ("lung_profile", "lung_too_low", _flat("right_lung")),
    ("costophrenic_angle", "base_cut_off", _to_the_foot),
    ("costophrenic_angle", "side_cut_off", _to_the_edge),
    (
        "costophrenic_angle",
        "angle_unclear",
        lambda m: {"left_lung": _columns(m["left_lung"], 0.9, 1)},
    ),
    (
        "diaphragm_height",
        "base_cut_off",
        lambda m: _to_the_foot(m) | _no("right_hemidiaphragm", "left_hemidiaphragm", "heart")(m),
    ),
    (
        "diaphragm_height",
        "diaphragm_unclear",
        lambda m: (
            {"heart": _box(0, 200, SIZE, 400)} | _no("right_hemidiaphragm", "left_hemidiaphragm")(m)
        ),
    ),
    (
        "vascular_pedicle",
        "pedicle_unclear",
        lambda m: {n: _moved(m[n], across=a) for n, a in (("right_lung", 40), ("left_lung", -40))},
    ),
    ("tube_tip", "carina_unclear", lambda m: {"carina": m["trachea"]}),
]


@pytest.mark.parametrize(
    ("name", "code", "broken"),
    CASES,
    ids=[f"{name}-{code}-{number}" for number, (name, code, _) in enumerate(CASES)],
)
def test_broken_outlines_abstain(name: str, code: str, broken: Broken) -> None:
    base = _base()
    assert _reasons(name, Seen(base.pixels, {**base.masks, **broken(dict(base.masks))})) == {code}


def test_every_reason_of_a_condition_has_broken_outlines() -> None:
    asked = {
        (name, condition.code)
        for name, one in measurements().items()
        if name not in AORTIC
        for condition in one.condition
    }
    assert asked <= {(name, code) for name, code, _ in CASES}


@pytest.mark.parametrize("name", measurements())
def test_a_lateral_film(name: str) -> None:
    assert _reasons(name, _base(), view=View.LATERAL) == {"lateral_view"}


@pytest.mark.parametrize("name", measurements())
def test_only_what_holds_for_adults_abstains_on_a_child(name: str) -> None:
    expected = {"paediatric"} if definition(name).adults_only else set()
    assert _reasons(name, _base(), age_group=AgeGroup.PAEDIATRIC) == expected


@pytest.mark.parametrize("name", measurements())
def test_only_lengths_and_areas_ask_for_a_spacing(name: str) -> None:
    metric = definition(name).unit in (Unit.MILLIMETRE, Unit.SQUARE_CENTIMETRE)
    assert _reasons(name, _base(), spacing=None) == ({"no_spacing"} if metric else set())


@pytest.mark.parametrize("name", measurements())
def test_only_angles_and_curvatures_ask_for_square_pixels(name: str) -> None:
    oblong = PixelSpacing(0.3, 0.307, SpacingKind.CALIBRATED)
    expected = {"pixels_not_square"} if definition(name).square_pixels else set()
    assert _reasons(name, _base(), spacing=oblong) == expected


@pytest.mark.parametrize(
    ("name", "structure"),
    [
        (name, structure)
        for name, one in measurements().items()
        for structure in one.structures
        if not members(structure)
    ],
)
def test_an_empty_outline_that_is_needed(name: str, structure: str) -> None:
    base = _base()
    gone = {**base.masks, structure: np.zeros((SIZE, SIZE), dtype=np.bool_)}
    assert _reasons(name, Seen(base.pixels, gone)) == {"mask_missing"}


def test_outlines_that_are_gone_when_drawn_again() -> None:
    base = _base()
    nothing = np.zeros((4, 128, 128), dtype=np.bool_)
    masks = {n: Mask(n, plane, nothing) for n, plane in base.masks.items()}
    spec = TOOLS["measure_ctr"]
    with pytest.raises(Abstain) as caught:
        spec.function(film(base.pixels), **{name: masks[name] for name in spec.required_masks})
    assert caught.value.reasons == ("outlines_unstable",)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_signature_names_what_the_definitions_need(tool: str) -> None:
    abouts = [one for one in measurements().values() if one.tool == tool]
    assert abouts
    needed = {structure for one in abouts for structure in one.structures}
    named = needed | {structure for one in abouts for structure in one.optional}
    groups = {name for name in named if members(name)}
    kinds = {p.name: p.kind for p in TOOLS[tool].parameters if p.kind is not ParameterKind.FILM}
    assert kinds == {
        "placed": ParameterKind.PLACED,
        **dict.fromkeys(named - needed, ParameterKind.OPTIONAL_MASK),
        **dict.fromkeys(needed, ParameterKind.MASK),
        **dict.fromkeys(groups, ParameterKind.GROUP),
    }


def test_every_definition_has_its_tool() -> None:
    assert {one.tool for one in measurements().values()} == set(TOOLS)
