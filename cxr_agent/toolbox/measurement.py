"""What a measuring tool returns: values with their doubt, and what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict, Field

from cxr_agent.evidence import (
    Box,
    EvidenceKind,
    Interval,
    Location,
    Observation,
    Polarity,
    Side,
    Unit,
)
from cxr_agent.knowledge import definition
from cxr_agent.study import SpacingKind, View
from cxr_agent.toolbox.contract import ToolResult


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Decided(_Record):
    """What a value means."""

    code: str
    polarity: Polarity
    """With the doubt of the value."""
    nearest: Polarity
    """By the value alone."""
    category: str
    nearest_category: str
    limits: dict[str, float]
    source: str
    reasons: tuple[str, ...] = ()
    """What of several comparisons holds, by codes of ``kb/wording/en/reasons.toml``."""


class Measurement(_Record):
    """One measured value; coordinates are film pixels, x to the right, y down."""

    id: str
    """Of ``kb/measurements.toml``."""
    code: str
    value: float
    unit: Unit
    interval: Interval | None
    """None where the outlines come with no doubt."""
    interval_level: float | None
    spread: float | None
    """Root mean square by which the value moved when the film was outlined again."""
    calibrated: bool
    """Whether the level was measured on held-out films; else it is that of repeated outlining."""
    side: Side | None
    location: Location | None
    box: Box | None
    view: View
    quantities: dict[str, float]
    landmarks: dict[str, tuple[float, float]]
    lengths_mm: dict[str, float]
    spacing_kind: SpacingKind | None
    remarks: tuple[str, ...]
    decided: Decided | None
    outlined_by: tuple[str, ...]
    """Model cards, or sources, of the outlines."""
    placed: tuple[str, ...] = ()
    """Landmarks that a reader put."""

    def observations(self) -> Iterator[Observation]:
        """The value, its lengths, and what it means."""
        one = definition(self.id)
        if one.decision is None or one.decision.code != self.code:
            yield self._value()
        for code, length in self.lengths_mm.items():
            yield self._length(code, length)
        if self.decided is not None and one.decision is not None:
            yield self._meaning(self.decided, EvidenceKind(one.decision.kind))

    def _value(self) -> Observation:
        return Observation(
            kind=EvidenceKind.MEASUREMENT,
            code=self.code,
            location=self.location,
            side=self.side,
            box=self.box,
            value=self.value,
            unit=self.unit,
            interval=self.interval,
            interval_level=self.interval_level,
            reasons=self.remarks,
            details=self.quantities,
        )

    def _length(self, code: str, length: float) -> Observation:
        detector = self.spacing_kind is SpacingKind.DETECTOR
        return Observation(
            kind=EvidenceKind.MEASUREMENT,
            code=code,
            location=self.location,
            side=self.side,
            value=length,
            unit=Unit.MILLIMETRE,
            category="detector_plane" if detector else "in_patient",
            reasons=("detector_plane",) if detector else (),
        )

    def _meaning(self, decided: Decided, kind: EvidenceKind) -> Observation:
        finding = kind is EvidenceKind.FINDING
        by_view = any(name in decided.limits for name in ("limit_pa", "limit_ap"))
        limits = list(decided.limits.values())
        return Observation(
            kind=kind,
            code=decided.code,
            location=self.location,
            side=self.side,
            box=self.box,
            polarity=decided.polarity if finding else None,
            value=self.value,
            unit=self.unit,
            interval=self.interval,
            interval_level=self.interval_level,
            threshold=limits[0] if len(limits) == 1 else None,
            threshold_source=decided.source,
            category=self._category(decided, finding, by_view),
            reasons=decided.reasons or self.remarks,
            details={**self.quantities, **decided.limits},
        )

    def _category(self, decided: Decided, finding: bool, by_view: bool) -> str:
        if not finding:
            return decided.category
        if not by_view:
            return "measured"
        return self.view.value.lower() if self.view in (View.PA, View.AP) else "unknown"


class Unmeasured(_Record):
    """What could not be measured, and why."""

    id: str
    code: str
    side: Side | None = None
    reasons: tuple[str, ...] = Field(min_length=1)
    """Codes of ``kb/wording/en/reasons.toml``."""

    def observation(self) -> Observation:
        return Observation(
            kind=EvidenceKind.LIMITATION, code=self.code, side=self.side, reasons=self.reasons
        )


class Measured(ToolResult):
    """What a measuring tool found; at least one value."""

    items: tuple[Measurement, ...]
    unmeasured: tuple[Unmeasured, ...] = ()

    def observations(self) -> Iterable[Observation]:
        for item in self.items:
            yield from item.observations()
        for missing in self.unmeasured:
            yield missing.observation()
