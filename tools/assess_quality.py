"""Say how good the film is: projection by the header, exposure, lung height, heart side."""

from __future__ import annotations

from collections.abc import Iterable

from cxr_agent.evidence import EvidenceKind, Location, Observation, Unit
from cxr_agent.knowledge import threshold
from cxr_agent.measure.extent import extent, lung_height_ratio
from cxr_agent.measure.greys import Greys, greys
from cxr_agent.study import Image, Notice, View
from cxr_agent.toolbox.contract import BoolMask, Mask, ToolResult, tool


class AssessQuality(ToolResult):
    """Each part is None where the masks do not allow it."""

    view: View
    view_source: str
    notices: tuple[Notice, ...]
    contrast: float | None
    """Median grey of the heart minus that of the lungs, in [-1, 1]."""
    clipped_share: float | None
    lung_height_ratio: float | None
    """Mean height of the lungs over the width of the thorax: a stand-in for inspiration."""
    heart_offset: float | None
    """Heart's centre from the middle of the thorax, to the patient's left, over its width."""

    def observations(self) -> Iterable[Observation]:
        yield self._view()
        yield self._exposure()
        yield self._lung_height()
        limit = threshold("heart_offset").value
        if self.heart_offset is not None and self.heart_offset < limit:
            yield _quality("heart_side", "right", Location.CARDIAC_SILHOUETTE)

    def _view(self) -> Observation:
        category = self.view.value.lower()
        reasons = () if self.view is not View.UNKNOWN else ("view_unknown",)
        return _quality("projection", category, reasons=reasons)

    def _exposure(self) -> Observation:
        if self.contrast is None or self.clipped_share is None:
            return _limitation("exposure", "mask_missing")
        if self.contrast < 0:
            category = "inverted"
        elif self.contrast < threshold("grey_contrast").value:
            category = "low_contrast"
        elif self.clipped_share > threshold("clipped_share").value:
            category = "clipped"
        else:
            category = "adequate"
        return _quality(
            "exposure",
            category,
            details={"contrast": self.contrast, "clipped_share": self.clipped_share},
        )

    def _lung_height(self) -> Observation:
        if self.lung_height_ratio is None:
            return _limitation("lung_height", "mask_missing")
        limit = threshold("lung_height_ratio")
        return Observation(
            kind=EvidenceKind.QUALITY,
            code="lung_height",
            category="low" if self.lung_height_ratio < limit.value else "adequate",
            value=self.lung_height_ratio,
            unit=Unit.RATIO,
            threshold=limit.value,
            threshold_source=limit.source,
            reasons=("no_rib_count",),
        )


@tool(
    version="2.0",
    purpose="Projection by the header, exposure, lung height and side of the heart.",
    subject="film_quality",
    time_limit_s=20,
)
def assess_quality(
    film: Image,
    right_lung: Mask | None = None,
    left_lung: Mask | None = None,
    heart: Mask | None = None,
) -> AssessQuality:
    """Assess what header, pixels and masks allow; the rest is said to be unknown.

    The projection is the header's: no rule on these masks tells PA from AP.
    """
    shade: Greys | None = None
    height: float | None = None
    offset: float | None = None
    if right_lung is not None and left_lung is not None:
        height = lung_height_ratio(right_lung.plane, left_lung.plane)
        if heart is not None:
            shade = greys(film.pixels, right_lung.plane | left_lung.plane, heart.plane)
            offset = _heart_offset(heart.plane, right_lung.plane, left_lung.plane)
    return AssessQuality(
        view=film.view,
        view_source=film.view_source,
        notices=film.notices,
        contrast=shade.contrast if shade else None,
        clipped_share=shade.clipped_share if shade else None,
        lung_height_ratio=height,
        heart_offset=offset,
    )


def _heart_offset(heart: BoolMask, right: BoolMask, left: BoolMask) -> float | None:
    box, one, other = extent(heart), extent(right), extent(left)
    if box is None or one is None or other is None:
        return None
    thorax = one.union(other)
    return ((box.left + box.right) - (thorax.left + thorax.right)) / 2 / thorax.width


def _quality(
    code: str,
    category: str,
    location: Location | None = None,
    *,
    reasons: tuple[str, ...] = (),
    details: dict[str, float] | None = None,
) -> Observation:
    return Observation(
        kind=EvidenceKind.QUALITY,
        code=code,
        category=category,
        location=location,
        reasons=reasons,
        details=details or {},
    )


def _limitation(code: str, reason: str) -> Observation:
    return Observation(kind=EvidenceKind.LIMITATION, code=code, reasons=(reason,))
