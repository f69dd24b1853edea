"""An observation for every sentence that a rule can write, and more besides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cxr_agent.evidence import OUTSIDE, EvidenceKind, Location, Observation, Polarity, Side, Unit
from cxr_agent.knowledge import (
    conflict_rules,
    coverage,
    members,
    reasons,
    sentences,
    structures,
    threshold,
    vocabulary,
)
from cxr_agent.knowledge.added import added_reasons, added_words
from cxr_agent.study import Notice
from cxr_agent.toolbox.outlined import statements

LIMITS = {"limit_pa": threshold("ctr_pa").value, "limit_ap": threshold("ctr_ap").value}
HEART = Location.CARDIAC_SILHOUETTE
LOWER = Location.RIGHT_LOWER_LUNG_ZONE
CUT = ("right_apex_cut_off", "left_side_cut_off", "right_base_cut_off")
PROXY = ("midline_proxy",)


def ratio(value: float = 0.462, interval: tuple[float, float] | None = None) -> Observation:
    """A cardiothoracic ratio as the tool states it."""
    return Observation(
        kind=EvidenceKind.MEASUREMENT,
        code="cardiothoracic_ratio",
        location=Location.CARDIAC_SILHOUETTE,
        value=value,
        unit=Unit.RATIO,
        interval=interval,
        interval_level=0.9 if interval else None,
        details={"cardiac_width_px": 231, "thoracic_width_px": 500},
    )


def silhouette(
    polarity: Polarity, view: str, value: float, half: float | None = 0.012
) -> Observation:
    """Heart size as the tool states it."""
    return Observation(
        kind=EvidenceKind.FINDING,
        code="cardiomegaly",
        location=Location.CARDIAC_SILHOUETTE,
        polarity=polarity,
        value=value,
        unit=Unit.RATIO,
        interval=None if half is None else (value - half, value + half),
        interval_level=None if half is None else 0.9,
        threshold=LIMITS["limit_ap" if view == "ap" else "limit_pa"],
        category=view,
        details={name: v for name, v in LIMITS.items() if view in ("unknown", name[-2:])},
    )


CHANGES: tuple[tuple[str, str, str, float, dict[str, Any]], ...] = (
    *(
        ("measurement", "cardiothoracic_ratio", change, value, {"location": HEART})
        for change, value in (("worsened", 0.083), ("improved", -0.091), ("no_change", -0.012))
    ),
    *(
        ("finding", "pleural_effusion", change, value, {})
        for change, value in (
            ("new", 0.41),
            ("worsened", 0.33),
            ("no_change", 0.02),
            ("improved", -0.31),
            ("resolved", -0.43),
        )
    ),
    ("density", "lung_opacity", "worsened", 0.28, {"location": LOWER, "side": Side.RIGHT}),
    ("density", "lung_opacity", "improved", -0.31, {"location": LOWER, "side": Side.RIGHT}),
    ("density", "lung_density", "no_change", 0.04, {"location": LOWER, "side": Side.RIGHT}),
)
"""By table of sentences: code, category, difference, and the rest."""


def comparison(
    code: str, change: str, value: float, half: float | None = 0.021, **rest: Any
) -> Observation:
    """A change against a prior film as the tool states it."""
    known = (
        {} if code in ("lung_opacity", "lung_density") else {"before": 0.462, "now": 0.462 + value}
    )
    return Observation(
        kind=EvidenceKind.COMPARISON,
        code=code,
        category=change,
        value=value,
        unit=Unit.RATIO,
        interval=None if half is None else (value - half, value + half),
        interval_level=None if half is None else 0.9,
        details={**known, "repeatability": 0.05},
        against=rest.pop("against", "prior-1"),
        **rest,
    )


def neighbour(code: str, category: str, **rest: Any) -> Observation:
    """What a store of films has that is like the film."""
    if "value" in rest:
        rest["unit"] = Unit.RATIO
    return Observation(kind=EvidenceKind.NEIGHBOUR, code=code, category=category, **rest)


def quality(code: str, category: str | None = None, **rest: Any) -> Observation:
    return Observation(kind=EvidenceKind.QUALITY, code=code, category=category, **rest)


def limitation(code: str, *why: str, **rest: Any) -> Observation:
    return Observation(kind=EvidenceKind.LIMITATION, code=code, reasons=why, **rest)


def region(code: str) -> Observation:
    """One structure, or all but the first and last of a group."""
    names = members(code)[1:-1] or (code,)
    if not structures().keys() >= set(names):
        return Observation(kind=EvidenceKind.REGION, code=code, box=(1, 2, 3, 4))
    (stated,) = statements(names, dict.fromkeys(names, (1, 2, 3, 4)), dict.fromkeys(names, 4))
    return stated


def compared(
    code: str, category: str, value: float, limit: float | None, reasons: tuple[str, ...] = ()
) -> Observation:
    """A quality with a number and its limit."""
    return quality(code, category, value=value, unit=Unit.RATIO, threshold=limit, reasons=reasons)


def valued(
    code: str, value: float, unit: Unit, half: float | None, side: Side | None = None
) -> Observation:
    """A measurement as a tool states it."""
    return Observation(
        kind=EvidenceKind.MEASUREMENT,
        code=code,
        side=side,
        value=value,
        unit=unit,
        interval=None if half is None else (value - half, value + half),
        interval_level=None if half is None else 0.71,
    )


def width(code: str, category: str) -> Observation:
    return Observation(
        kind=EvidenceKind.MEASUREMENT,
        code=code,
        category=category,
        value=143.62,
        unit=Unit.MILLIMETRE,
    )


def classified(code: str, polarity: Polarity, probability: float) -> Observation:
    """A finding as the classifier states it."""
    return Observation(
        kind=EvidenceKind.FINDING,
        code=code,
        category="classified",
        polarity=polarity,
        probability=probability,
        threshold=0.61,
        details={"limit_present": 0.61, "limit_absent": 0.24},
    )


def measured(
    code: str,
    polarity: Polarity,
    value: float,
    limit: float,
    half: float | None = 0.04,
    *,
    side: Side | None = None,
    unit: Unit = Unit.RATIO,
) -> Observation:
    """A finding as a measuring tool states it."""
    return Observation(
        kind=EvidenceKind.FINDING,
        code="carina_angle_abnormal" if code == "any_finding" else code,
        side=side,
        category="measured",
        polarity=polarity,
        value=value,
        unit=unit,
        interval=None if half is None else (value - half, value + half),
        interval_level=None if half is None else 0.71,
        threshold=limit,
        details={"limit": limit},
    )


AORTA = {
    "aortic_knob_enlargement": ("aortic_knob_ratio", 2.91, 1.87, 2.49),
    "ascending_aorta_enlargement": ("ascending_aorta_share", 0.21, 0.0, 0.07),
    "descending_aorta_enlargement": ("descending_aorta_ratio", 2.91, 1.87, 2.49),
    "aortic_tortuosity": ("aortic_curvature", 3.12, 1.24, 2.72),
}
"""The limit of a finding, and values that make it present, absent and uncertain."""
JUDGED = (
    (Polarity.PRESENT, 0.874),
    (Polarity.UNCERTAIN, 0.432),
    (Polarity.ABSENT, 0.071),
)
PRESENT, ABSENT, UNCERTAIN = Polarity.PRESENT, Polarity.ABSENT, Polarity.UNCERTAIN
BY_VARIANT: dict[tuple[str, str], Observation] = {
    ("cardiothoracic_ratio", "default"): ratio(),
    ("cardiothoracic_ratio", "interval"): ratio(0.462, (0.4449, 0.4791)),
    **{
        (code, place): width(code, place)
        for code in ("cardiac_width", "thoracic_width")
        for place in ("in_patient", "detector_plane")
    },
    **{
        ("cardiomegaly", f"{polarity.value}_{view}"): silhouette(polarity, view, value)
        for polarity, value in ((PRESENT, 0.618), (ABSENT, 0.431), (UNCERTAIN, 0.523))
        for view in ("pa", "ap", "unknown")
    },
    ("cardiomegaly", "uncertain_unknown_no_interval"): silhouette(
        UNCERTAIN, "unknown", 0.523, None
    ),
    **{("projection", view): quality("projection", view) for view in ("pa", "ap", "lateral")},
    ("projection", "unknown"): quality("projection", "unknown", reasons=("view_unknown",)),
    ("rotation", "straight"): compared("rotation", "straight", 0.913, 0.4),
    ("rotation", "rotated"): compared("rotation", "rotated", 0.207, 0.4),
    ("rotation", "undecided"): compared("rotation", "undecided", 0.387, 0.4),
    **{
        ("rotation", f"{category}_noted"): compared("rotation", category, value, 0.4, reasons=PROXY)
        for category, value in (("straight", 0.913), ("rotated", 0.207), ("undecided", 0.387))
    },
    ("inclusion", "undecided"): compared("inclusion", "undecided", 0.052, None),
    ("inclusion", "complete"): quality("inclusion", "complete"),
    ("inclusion", "cut_off"): quality("inclusion", "cut_off", reasons=CUT),
    **{
        ("exposure", category): quality(
            "exposure", category, details={"contrast": 0.3, "clipped_share": 0.01}
        )
        for category in ("adequate", "low_contrast", "clipped", "inverted")
    },
    **{
        ("inspiration", category): compared("inspiration", category, rib, 9).model_copy(
            update={"side": Side.RIGHT}
        )
        for category, rib in (("adequate", 10), ("low", 7), ("undecided", 8))
    },
    ("lung_height", "adequate"): compared("lung_height", "adequate", 0.861, 0.62),
    ("lung_height", "low"): compared("lung_height", "low", 0.514, 0.62),
    **{
        ("projection_from_scapulae", category): compared(
            "projection_from_scapulae", category, value, None
        )
        for category, value in (("pa", 0.113), ("ap", 0.652), ("undecided", 0.313))
    },
    ("thresholds_changed", "default"): quality(
        "thresholds_changed", details={"limit_ctr_pa": 0.52, "limit_pedicle_ap": 68.0}
    ),
    **{
        (code, place): width(code, place)
        for code in ("mediastinal_width", "mediastinal_gap")
        for place in ("in_patient", "detector_plane")
    },
    ("any_measurement", "default"): valued("trachea_offset", 0.314, Unit.RATIO, None),
    ("any_measurement", "interval"): valued("carina_angle", 63.0, Unit.DEGREE, 4.0),
    **{
        (code, variant): valued(code, value, unit, half, side=Side.LEFT)
        for code, value, unit in (
            ("costophrenic_angle", 47.0, Unit.DEGREE),
            ("lung_area", 231.0, Unit.SQUARE_CENTIMETRE),
        )
        for variant, half in (("default", None), ("interval", 4.0))
    },
    **{
        (code, f"{polarity.value}_measured{'' if half else '_no_interval'}"): measured(
            code, polarity, value, limit, half, **rest
        )
        for code, limit, values, rest in (
            ("any_finding", 80.0, (87.0, 62.0, 78.0), {}),
            (
                "costophrenic_blunting",
                90.0,
                (113.0, 47.0, 88.0),
                {"side": Side.LEFT, "unit": Unit.DEGREE},
            ),
            ("enlarged_cardiomediastinum", 0.25, (0.31, 0.18, 0.24), {}),
            ("tracheal_deviation", 1.0, (1.31, 0.12, 0.57), {"side": Side.RIGHT}),
        )
        for polarity, value in zip((PRESENT, ABSENT, UNCERTAIN), values, strict=True)
        for half in ((0.021, None) if polarity is UNCERTAIN else (0.021,))
    },
    ("heart_side", "right"): quality("heart_side", "right", location=Location.CARDIAC_SILHOUETTE),
    ("film_remark", "default"): quality("film_remark", reasons=("overlay_bits", "inverted")),
    ("unread_view", "default"): limitation("unread_view", "lateral_view", "rotated_film"),
    ("not_examined", "default"): limitation("not_examined", *coverage()),
    ("prior_comparison", "default"): limitation("prior_comparison", "comparison_tool_missing"),
    ("prior_comparison", "none"): limitation("prior_comparison", "no_prior", category="none"),
    ("prior_comparison", "against"): limitation(
        "prior_comparison", "not_compared", against="prior-2"
    ),
    ("prior_comparison", "films"): limitation(
        "prior_comparison", "other_projection", "film_rotated", category="films", against="prior-1"
    ),
    ("prior_comparison", "sizes"): limitation(
        "prior_comparison", "views_unknown", category="sizes", against="prior-1"
    ),
    ("prior_comparison", "density"): limitation(
        "prior_comparison", "not_overlaid", category="density", against="prior-1"
    ),
    **{
        (f"changed_{kind}", f"{change}{'' if half else '_no_interval'}"): comparison(
            code, change, value, half, **rest
        )
        for kind, code, change, value, rest in CHANGES
        for half in ((0.021, None) if kind == "measurement" else (0.021,))
    },
    ("budget", "default"): limitation("budget", "budget_steps"),
    ("planner_handover", "default"): limitation("planner_handover", "model_timeout"),
    ("clinical_question", "default"): limitation("clinical_question", "question_names_nothing"),
    ("clinical_question", "elsewhere"): limitation(
        "clinical_question", "hiatal_hernia", "tuberculosis", category="elsewhere"
    ),
    ("reader_correction", "default"): limitation("reader_correction", "heart"),
    ("similar_cases", "default"): limitation("similar_cases", "no_store"),
    ("similar_film", "labelled"): neighbour(
        "similar_film",
        "labelled",
        value=0.077,
        details={"item_number": 86.0},
        reasons=("pneumonia", "pleural_effusion"),
    ),
    ("similar_film", "unlabelled"): neighbour(
        "similar_film", "unlabelled", value=0.131, details={"item_number": 9.0}
    ),
    ("similar_film", "none"): neighbour("similar_film", "none", value=0.212, threshold=0.154),
    ("similar_vote", "interval"): neighbour(
        "similar_vote",
        "pleural_effusion",
        value=0.71,
        interval=(0.58, 0.82),
        interval_level=0.95,
        details={"present_count": 6.0, "known_count": 8.0, "films_count": 57.0},
    ),
    ("similar_vote", "default"): neighbour(
        "similar_vote",
        "cardiomegaly",
        details={"present_count": 6.0, "known_count": 8.0, "films_count": 0.0},
    ),
    **{
        ("reader_correction", kind): limitation("reader_correction", code, category=kind)
        for kind, code in (
            ("mask", "heart"),
            ("landmark", "cardiothoracic_ratio"),
            ("finding", "pleural_effusion"),
        )
    },
    **{
        ("any_finding", f"{polarity.value}_by_reader"): Observation(
            kind=EvidenceKind.FINDING,
            code="pleural_effusion",
            side=Side.LEFT,
            polarity=polarity,
            category="by_reader",
        )
        for polarity in Polarity
    },
    **{
        ("any_finding", f"{polarity.value}_by_outside_tool"): Observation(
            kind=EvidenceKind.FINDING,
            code="pleural_effusion",
            side=Side.LEFT,
            polarity=polarity,
            category=OUTSIDE,
            details={"score": score, "limit_present": 0.8, "limit_absent": 0.2},
        )
        for polarity, score in (
            (Polarity.PRESENT, 0.913),
            (Polarity.ABSENT, 0.117),
            (Polarity.UNCERTAIN, 0.513),
        )
    },
    ("any_measurement", "by_outside_tool"): Observation(
        kind=EvidenceKind.MEASUREMENT,
        code="cardiothoracic_ratio",
        category=OUTSIDE,
        value=0.613,
        unit=Unit.RATIO,
    ),
    ("outside_text", "default"): Observation(
        kind=EvidenceKind.TEXT, code="outside_text", quote="A large [hidden] effusion."
    ),
    **{
        ("any_finding", f"uncertain_{leaning}"): Observation(
            kind=EvidenceKind.FINDING,
            code="pleural_effusion",
            side=Side.LEFT,
            polarity=UNCERTAIN,
            category=leaning,
        )
        for leaning in (
            "suggested",
            "suggested_with_doubt",
            "suggested_absent",
            "suggested_unclear",
        )
    },
    ("any_finding", "present_agreed"): Observation(
        kind=EvidenceKind.FINDING,
        code="pleural_effusion",
        side=Side.LEFT,
        polarity=PRESENT,
        category="agreed",
        basis=("e9001", "e9002"),
    ),
    ("any_finding", "present_agreed_classified"): classified(
        "pleural_effusion", PRESENT, 0.93
    ).model_copy(update={"category": "agreed_classified", "basis": ("e9001", "e9002")}),
    ("any_finding", "present_marked"): Observation(
        kind=EvidenceKind.FINDING,
        code="pleural_effusion",
        side=Side.LEFT,
        polarity=PRESENT,
        category="marked",
        details={"mark_score": 0.87},
        basis=("e9001", "e9002"),
    ),
    ("vision_language", "default"): limitation("vision_language", "model_timeout"),
    ("vision_language", "left_out"): limitation(
        "vision_language",
        "vlm_unread",
        category="left_out",
        details={"unread_count": 2.0, "parts_count": 3.0},
    ),
    ("prior_film", "dated"): quality("prior_film", "dated", value=31, unit=Unit.DAY),
    ("prior_film", "undated"): quality("prior_film", "undated"),
    ("orientation", "upright"): quality("orientation", "upright", probability=0.997),
    ("orientation", "mirrored"): quality("orientation", "mirrored", probability=0.973),
    ("projection_from_pixels", "pa"): quality("projection_from_pixels", "pa", probability=0.96),
    ("projection_from_pixels", "ap"): quality("projection_from_pixels", "ap", probability=0.96),
    ("age_from_pixels", "default"): quality("age_from_pixels", probability=0.93),
    ("familiarity", "familiar"): compared("familiarity", "familiar", 0.213, 0.55),
    ("familiarity", "strange"): compared("familiarity", "strange", 0.712, 0.55),
    **{
        ("any_finding", f"{polarity.value}_classified"): classified(
            "pleural_effusion", polarity, probability
        )
        for polarity, probability in JUDGED
    },
    **{
        (code, "default"): region(code)
        for code in ("vertebrae", "posterior_ribs_right", "posterior_ribs_left")
    },
    **{
        (code, f"{polarity.value}_measured"): measured(
            code, polarity, value, threshold(limit).value
        )
        for code, (limit, *values) in AORTA.items()
        for polarity, value in zip((PRESENT, ABSENT, UNCERTAIN), values, strict=True)
    },
    **{
        (code, "uncertain_measured_no_interval"): measured(
            code, UNCERTAIN, values[2], threshold(limit).value, None
        )
        for code, (limit, *values) in AORTA.items()
    },
    ("any_descriptor", "default"): Observation(
        kind=EvidenceKind.DESCRIPTOR,
        code="wide_heart",
        category="cardiomegaly",
        location=Location.CARDIAC_SILHOUETTE,
        box=(1, 2, 3, 4),
        value=0.87,
        unit=Unit.RATIO,
    ),
    ("not_judged", "default"): limitation("not_judged", "lung_lesion", "pleural_thickening"),
    ("conflict", "default"): limitation("conflict", "cardiomegaly", basis=("e9001", "e9002")),
    **{
        ("conflict", rule.code): limitation(
            "conflict", "cardiomegaly", category=rule.code, basis=("e9001", "e9002")
        )
        for rule in conflict_rules()
    },
}
"""(code, variant) to an observation that leads to it."""


def variants() -> set[tuple[str, str]]:
    """Every sentence of ``kb/wording/en/sentences.toml`` that an observation can be put into."""
    return {
        (code, variant)
        for code, wording in sentences().items()
        if code != "compose"
        for variant in wording.variants
    }


def everything() -> Iterator[Observation]:
    """Every template; every region; every code that could not be determined, for every reason."""
    yield from BY_VARIANT.values()
    brought = added_words()  # by plug-ins of other tests, which have no other language
    shipped = [reason for reason in reasons() if reason not in added_reasons()]
    for code, term in vocabulary().items():
        if code in brought:
            continue
        if term.kind == "region" and code != "anatomy":
            yield region(code)
        basis = ("e9001", "e9002") if code == "conflict" else ()
        yield limitation(code, *shipped, basis=basis)
        if term.kind == "finding" and term.words and code != "no_finding":
            for polarity, probability in JUDGED:
                yield classified(code, polarity, probability)
    for reason in shipped:
        yield limitation("cardiothoracic_ratio", reason)
    for notice in Notice:
        yield quality("film_remark", reasons=(notice.value,))
    for value in (0, 1, 30, 100, 3650):
        yield quality("prior_film", "dated", value=value, unit=Unit.DAY)
