"""Measure the cardiothoracic ratio and say what it means for the projection at hand."""

from __future__ import annotations

import math
from collections.abc import Iterable

from cxr_agent.evidence import Box, EvidenceKind, Interval, Location, Observation, Polarity, Unit
from cxr_agent.knowledge import threshold
from cxr_agent.measure.ctr import Ctr, cardiothoracic_ratio, standard_error
from cxr_agent.measure.extent import extent
from cxr_agent.measure.inclusion import margins
from cxr_agent.models.card import CtrCalibration
from cxr_agent.models.store import load_card
from cxr_agent.study import AgeGroup, Image, SpacingKind, View
from cxr_agent.toolbox.contract import Abstain, Drawing, Mask, ToolResult, tool

_CODE = "cardiothoracic_ratio"


class MeasureCtr(ToolResult):
    """The ratio, its interval and the two diameters."""

    ratio: float
    interval: Interval | None
    """None where the outlines come with no measure of doubt."""
    interval_level: float | None
    cardiac_width_px: float
    thoracic_width_px: float
    cardiac_width_mm: float | None
    """None without a true pixel spacing."""
    thoracic_width_mm: float | None
    spacing_kind: SpacingKind | None
    view: View
    heart_box: Box
    remarks: tuple[str, ...]
    """Codes of what the ratio must be read with."""

    def observations(self) -> Iterable[Observation]:
        yield Observation(
            kind=EvidenceKind.MEASUREMENT,
            code=_CODE,
            location=Location.CARDIAC_SILHOUETTE,
            box=self.heart_box,
            value=self.ratio,
            unit=Unit.RATIO,
            interval=self.interval,
            interval_level=self.interval_level,
            reasons=self.remarks,
            details={
                "cardiac_width_px": self.cardiac_width_px,
                "thoracic_width_px": self.thoracic_width_px,
            },
        )
        for code, value in (
            ("cardiac_width", self.cardiac_width_mm),
            ("thoracic_width", self.thoracic_width_mm),
        ):
            if value is not None:
                detector = self.spacing_kind is SpacingKind.DETECTOR
                yield Observation(
                    kind=EvidenceKind.MEASUREMENT,
                    code=code,
                    location=Location.CARDIAC_SILHOUETTE if code == "cardiac_width" else None,
                    value=value,
                    unit=Unit.MILLIMETRE,
                    category="detector_plane" if detector else "in_patient",
                    reasons=("detector_plane",) if detector else (),
                )
        yield self._silhouette()

    def _silhouette(self) -> Observation:
        """Enlarged, not enlarged or undecided.

        The whole interval has to lie on one side of the limit of the projection; where the
        projection is unknown, of both limits.
        """
        pa, ap = threshold("ctr_pa"), threshold("ctr_ap")
        limits = {
            name: limit.value
            for name, limit, other in (("limit_pa", pa, View.AP), ("limit_ap", ap, View.PA))
            if self.view is not other
        }
        low, high = self.interval or (self.ratio, self.ratio)
        floor = ap if self.view is View.AP else pa
        ceiling = pa if self.view is View.PA else ap
        if low >= ceiling.value:
            polarity, limit = Polarity.PRESENT, ceiling
        elif high < floor.value:
            polarity, limit = Polarity.ABSENT, floor
        else:
            polarity, limit = Polarity.UNCERTAIN, floor
        return Observation(
            kind=EvidenceKind.FINDING,
            code="cardiomegaly",
            location=Location.CARDIAC_SILHOUETTE,
            box=self.heart_box,
            polarity=polarity,
            value=self.ratio,
            unit=Unit.RATIO,
            interval=self.interval,
            interval_level=self.interval_level,
            threshold=limit.value,
            threshold_source=limit.source,
            category=self.view.value.lower(),
            reasons=self.remarks,
            details=limits,
        )


@tool(
    version="1.0",
    purpose="Cardiothoracic ratio with interval and drawn lines; needs heart and lung masks.",
    subject=_CODE,
    time_limit_s=20,
)
def measure_ctr(film: Image, heart: Mask, right_lung: Mask, left_lung: Mask) -> MeasureCtr:
    """Measure the ratio as :mod:`cxr_agent.measure.ctr` defines it.

    Raises
    ------
    Abstain
        ``lateral_view``, ``paediatric``, ``side_cut_off`` (a lateral lung border is not on the
        film), ``lungs_unequal`` (one lung is not seen over half the other's width, so the thorax
        is measured too narrow) or ``implausible_value``.
    """
    if film.view is View.LATERAL:
        raise Abstain(_CODE, "lateral_view")
    if film.age_group is AgeGroup.PAEDIATRIC:
        raise Abstain(_CODE, "paediatric")
    ctr = cardiothoracic_ratio(heart.plane, right_lung.plane, left_lung.plane)
    space = margins(film.pixels, right_lung.plane, left_lung.plane)
    if ctr is None or space is None:
        raise Abstain(_CODE, "mask_missing")
    if min(space.right_side, space.left_side) < threshold("side_margin").value:
        raise Abstain(_CODE, "side_cut_off")
    if _balance(right_lung, left_lung) < threshold("lung_width_balance").value:
        raise Abstain(_CODE, "lungs_unequal")
    low, high = threshold("ctr_plausible_low").value, threshold("ctr_plausible_high").value
    if not low <= ctr.ratio <= high:
        raise Abstain(_CODE, "implausible_value")
    calibration = load_card(heart.model).ctr if heart.model else None
    interval = _interval(ctr, heart, right_lung, left_lung, calibration)
    mm = film.spacing.column_mm if film.spacing is not None else None
    return MeasureCtr(
        ratio=ctr.ratio,
        interval=interval,
        interval_level=calibration.level if interval and calibration else None,
        cardiac_width_px=ctr.heart.width,
        thoracic_width_px=ctr.lungs.width,
        cardiac_width_mm=ctr.heart.width * mm if mm else None,
        thoracic_width_mm=ctr.lungs.width * mm if mm else None,
        spacing_kind=film.spacing.kind if film.spacing else None,
        view=film.view,
        heart_box=ctr.heart.box,
        remarks=_remarks(film),
        drawings=_lines(ctr),
    )


def _balance(right_lung: Mask, left_lung: Mask) -> float:
    """Width of the narrower lung over that of the wider."""
    right, left = extent(right_lung.plane), extent(left_lung.plane)
    if right is None or left is None:
        return 0.0
    return min(right.width, left.width) / max(right.width, left.width)


def _remarks(film: Image) -> tuple[str, ...]:
    if film.view is View.AP:
        return ("ap_magnifies",)
    return ("view_unknown",) if film.view is View.UNKNOWN else ()


def _interval(
    ctr: Ctr, heart: Mask, right_lung: Mask, left_lung: Mask, calibration: CtrCalibration | None
) -> Interval | None:
    if calibration is None or not (heart.spread and right_lung.spread and left_lung.spread):
        return None
    spread = standard_error(
        ctr,
        (heart.spread.left, heart.spread.right),
        (right_lung.spread.left, left_lung.spread.right),
    )
    half = calibration.factor * math.hypot(calibration.floor, spread)
    return max(0.0, ctr.ratio - half), min(1.0, ctr.ratio + half)


def _lines(ctr: Ctr) -> tuple[Drawing, ...]:
    """The heart's reach to both sides of the thorax's middle, and the width of the thorax."""
    middle = (ctr.lungs.left + ctr.lungs.right) / 2
    (right_row, left_row), (lung_right_row, lung_left_row) = ctr.heart_rows, ctr.lung_rows
    thorax_row = (lung_right_row + lung_left_row) / 2
    centre = min(max(middle, ctr.heart.left), ctr.heart.right)
    return (
        Drawing(
            name="cardiac_width_right",
            label="heart, right part",
            points=((ctr.heart.left, right_row), (centre, right_row)),
        ),
        Drawing(
            name="cardiac_width_left",
            label="heart, left part",
            points=((centre, left_row), (ctr.heart.right, left_row)),
        ),
        Drawing(
            name="thoracic_width",
            label="thorax",
            points=((ctr.lungs.left, thorax_row), (ctr.lungs.right, thorax_row)),
        ),
        Drawing(
            name="thorax_middle",
            label="middle",
            points=((middle, ctr.heart.top), (middle, ctr.lungs.bottom)),
        ),
    )
