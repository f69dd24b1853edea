"""From a definition and a geometry to a measured value, the same way for every measurement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cxr_agent.evidence import Interval, Side, Unit
from cxr_agent.kept import kept_with_array
from cxr_agent.knowledge import MeasurementDefinition, definition, threshold
from cxr_agent.measure.doubt import Doubt, calibrated, repeated, scaled
from cxr_agent.measure.extent import BoolMask, Extent, extent
from cxr_agent.measure.geometry import Geometry, Measure, NotMeasurable, Point, Scene
from cxr_agent.measure.grid import on_grid
from cxr_agent.measure.inclusion import exposed_field
from cxr_agent.measure.judge import check, quantity_of, verdict
from cxr_agent.models.card import Calibration
from cxr_agent.models.catalogue import upgrades
from cxr_agent.models.store import load_card
from cxr_agent.study import AgeGroup, Image, PixelSpacing, SpacingKind, View
from cxr_agent.toolbox.contract import NOTHING_PLACED, Abstain, Drawing, Mask
from cxr_agent.toolbox.measurement import Decided, Measured, Measurement, Unmeasured

_VALUE = "value"
_BOUNDED = (Unit.RATIO, Unit.MILLIMETRE, Unit.SQUARE_CENTIMETRE, Unit.DEGREE)
"""Units of values that are never below nought, unless the value itself is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One value that a tool is to measure."""

    id: str
    """Of ``kb/measurements.toml``."""
    measure: Measure
    side: Side | None = None


def measure(
    film: Image,
    masks: Iterable[Mask | None],
    *wanted: Wanted,
    placed: Mapping[str, Point] = NOTHING_PLACED,
) -> Measured:
    """Measure, judge, and put into words what could not be measured.

    Parameters
    ----------
    masks
        All outlines that the geometries may look at; None and empty ones are left out.
    placed
        Landmarks that a reader put on the film.

    Raises
    ------
    Abstain
        When none of the wanted values can be measured, with the reasons of the first.
    """
    given = {mask.structure: mask for mask in masks if mask is not None and _is_drawn(mask.plane)}
    table = _Table(film, given, placed)
    items: list[Measurement] = []
    missing: list[Unmeasured] = []
    drawings: list[Drawing] = []
    for one in wanted:
        about = definition(one.id)
        try:
            item, geometry = table.measured(about, one.measure, one.side)
        except NotMeasurable as outcome:
            missing.append(
                Unmeasured(id=one.id, code=about.code, side=one.side, reasons=(outcome.code,))
            )
            continue
        items.append(item)
        drawings += [
            Drawing(name=line.name, label=line.label, points=line.points) for line in geometry.lines
        ]
    if not items:
        raise Abstain(missing[0].code, *missing[0].reasons)
    return Measured(items=tuple(items), unmeasured=tuple(missing), drawings=tuple(drawings))


class _Table:
    """One film and its outlines, laid out for the geometries."""

    def __init__(self, film: Image, masks: Mapping[str, Mask], placed: Mapping[str, Point]) -> None:
        self._film = film
        self._placed = placed
        self._masks = masks
        field = exposed_field(film.pixels)
        self._scene = Scene({name: m.plane for name, m in masks.items()}, field, film.shape)
        self._repeats = _repeats(masks, field, film.shape)

    def measured(
        self, about: MeasurementDefinition, function: Measure, side: Side | None
    ) -> tuple[Measurement, Geometry]:
        placed = self._placed_for(about, side)
        film = self._film
        if film.view is View.LATERAL:
            raise NotMeasurable("lateral_view")
        if about.adults_only and film.age_group is AgeGroup.PAEDIATRIC:
            raise NotMeasurable("paediatric")
        if about.square_pixels and not _square(film.spacing):
            raise NotMeasurable("pixels_not_square")
        geometry = function(replace(self._scene, placed=placed))
        value, scale = self._value(about, geometry)
        in_unit = Geometry(value, geometry.quantities)
        check(about, in_unit)
        doubts = self._doubts(about, function, geometry, scale, placed)
        calibration = self._calibration(about)
        intervals = {
            name: _interval(name, quantity_of(in_unit, name), doubt, calibration)
            for name, doubt in doubts.items()
        }
        interval = intervals.get(_VALUE)
        return (
            Measurement(
                id=about.id,
                code=about.code,
                value=value,
                unit=about.unit,
                interval=_bounded(interval, about.unit, value),
                interval_level=self._level(doubts.get(_VALUE), calibration),
                spread=doubts[_VALUE].spread if _VALUE in doubts else None,
                calibrated=calibration is not None and interval is not None,
                side=geometry.side,
                location=about.location,
                box=geometry.box,
                view=film.view,
                quantities=dict(geometry.quantities),
                landmarks=dict(geometry.landmarks),
                lengths_mm=dict(self._lengths(geometry)),
                spacing_kind=film.spacing.kind if film.spacing else None,
                remarks=(*geometry.remarks, *self._remarks(about)),
                decided=self._decided(about, in_unit, intervals),
                placed=tuple(name for name in geometry.landmarks if name in placed),
                outlined_by=tuple(dict.fromkeys(m.model or "" for m in self._masks.values())),
            ),
            geometry,
        )

    def _placed_for(self, about: MeasurementDefinition, side: Side | None) -> dict[str, Point]:
        """The reader's landmarks of one measurement, by their bare names."""
        start = f"{about.id}.{side.value}." if side is not None else f"{about.id}."
        return {
            name.removeprefix(start): point
            for name, point in self._placed.items()
            if name.startswith(start)
        }

    def _value(self, about: MeasurementDefinition, geometry: Geometry) -> tuple[float, float]:
        """The value in its unit, and the factor from pixels to it."""
        if about.unit not in (Unit.MILLIMETRE, Unit.SQUARE_CENTIMETRE):
            return geometry.value, 1.0
        spacing = self._film.spacing
        if spacing is None:
            raise NotMeasurable("no_spacing")
        if about.unit is Unit.SQUARE_CENTIMETRE:
            factor = spacing.row_mm * spacing.column_mm / 100
        else:
            across, down = geometry.lengths[_VALUE]
            drawn = float(np.hypot(across, down))
            true = float(np.hypot(across * spacing.column_mm, down * spacing.row_mm))
            factor = true / drawn if drawn else spacing.column_mm
        return geometry.value * factor, factor

    def _lengths(self, geometry: Geometry) -> Iterator[tuple[str, float]]:
        spacing = self._film.spacing
        if spacing is None:
            return
        for code, (across, down) in geometry.lengths.items():
            if code != _VALUE:
                yield code, float(np.hypot(across * spacing.column_mm, down * spacing.row_mm))

    def _doubts(
        self,
        about: MeasurementDefinition,
        function: Measure,
        geometry: Geometry,
        scale: float,
        placed: Mapping[str, Point],
    ) -> dict[str, Doubt]:
        if not self._repeats:
            return {}
        scenes = [_with_placed(scene, placed, self._film.shape) for scene in self._repeats]
        decided = about.decision.when if about.decision else ()
        names = [_VALUE, *(o.quantity for o in decided if o.quantity in geometry.quantities)]
        first, *repeats = scenes
        doubts = repeated(function, first, repeats, names)
        if about.unit in (Unit.MILLIMETRE, Unit.SQUARE_CENTIMETRE) and _VALUE in doubts:
            power = 2 if about.unit is Unit.SQUARE_CENTIMETRE else 1
            grid = (self._film.shape[0] / first.shape[0]) ** power
            doubts |= scaled({_VALUE: doubts[_VALUE]}, scale * grid)
        return doubts

    def _calibration(self, about: MeasurementDefinition) -> Calibration | None:
        """That of the model, where one model drew everything."""
        models = {mask.model for mask in self._masks.values()}
        model = models.pop() if len(models) == 1 else None
        if model is None or model in upgrades():
            return None  # what was pulled has no card, and nobody checked intervals on it
        return load_card(model).calibrations.get(about.code)

    @staticmethod
    def _level(doubt: Doubt | None, calibration: Calibration | None) -> float | None:
        if doubt is None:
            return None
        return calibration.level if calibration else doubt.level

    def _remarks(self, about: MeasurementDefinition) -> Iterator[str]:
        by_view = about.decision is not None and any(one.view for one in about.decision.when)
        if by_view and self._film.view is View.AP:
            yield "ap_magnifies"
        if by_view and self._film.view is View.UNKNOWN:
            yield "view_unknown"
        spacing = self._film.spacing
        in_mm = about.unit in (Unit.MILLIMETRE, Unit.SQUARE_CENTIMETRE)
        if in_mm and spacing is not None and spacing.kind is SpacingKind.DETECTOR:
            yield "detector_plane"

    def _decided(
        self,
        about: MeasurementDefinition,
        in_unit: Geometry,
        intervals: Mapping[str, Interval],
    ) -> Decided | None:
        if about.decision is None:
            return None
        found = verdict(about.decision, in_unit, intervals, self._film.view)
        return Decided(
            code=about.decision.code,
            polarity=found.polarity,
            nearest=found.nearest,
            category=found.category,
            nearest_category=found.nearest_category,
            limits=found.limits,
            source=found.source,
            reasons=found.reasons,
        )


def _square(spacing: PixelSpacing | None) -> bool:
    """Whether pixels are square, as those of films without a spacing are taken to be."""
    if spacing is None:
        return True
    short, long = sorted((spacing.row_mm, spacing.column_mm))
    return long <= threshold("pixel_aspect").value * short


def _interval(name: str, value: float, doubt: Doubt, calibration: Calibration | None) -> Interval:
    if calibration is not None and name == _VALUE:
        return calibrated(value, doubt.spread, calibration.floor, calibration.factor)
    return doubt.around(value)


def _bounded(interval: Interval | None, unit: Unit, value: float) -> Interval | None:
    if interval is None or value < 0 or unit not in _BOUNDED:
        return interval
    return max(0.0, interval[0]), interval[1]


def _repeats(masks: Mapping[str, Mask], field: Extent, shape: tuple[int, int]) -> list[Scene]:
    """The first outlines and their repeats on the repeats' own, coarser grid; empty without any."""
    drawn = [mask.repeats for mask in masks.values() if mask.repeats is not None]
    if not drawn:
        return []
    count, grid = max(len(one) for one in drawn), (drawn[0].shape[1], drawn[0].shape[2])
    small = _shrunk_field(field, shape, grid)
    first = {name: _shrunk(mask.plane, grid) for name, mask in masks.items()}
    again = {
        name: (first[name],) if mask.repeats is None else _all_shrunk(mask.repeats, grid)
        for name, mask in masks.items()
    }
    scenes = [_scene(first, small, grid)]
    for index in range(count):
        planes = {name: drawn[index % len(drawn)] for name, drawn in again.items()}
        scenes.append(_scene(planes, small, grid))
    return scenes


def _is_drawn(plane: BoolMask) -> bool:
    return extent(plane) is not None  # kept with the plane, which many tools ask about


def _scene(planes: Mapping[str, BoolMask], field: Extent, grid: tuple[int, int]) -> Scene:
    return Scene({name: plane for name, plane in planes.items() if _is_drawn(plane)}, field, grid)


def _with_placed(scene: Scene, placed: Mapping[str, Point], shape: tuple[int, int]) -> Scene:
    """A scene on a coarser grid with the reader's landmarks brought to it."""
    down, across = scene.shape[0] / shape[0], scene.shape[1] / shape[1]
    return replace(scene, placed={n: (x * across, y * down) for n, (x, y) in placed.items()})


_shrunk = kept_with_array(on_grid)


@kept_with_array
def _all_shrunk(planes: BoolMask, grid: tuple[int, int]) -> tuple[BoolMask, ...]:
    """As :func:`on_grid`, of each of (K, r, c)."""
    return tuple(on_grid(plane, grid) for plane in planes)


def _shrunk_field(field: Extent, shape: tuple[int, int], grid: tuple[int, int]) -> Extent:
    down, across = grid[0] / shape[0], grid[1] / shape[1]
    return Extent(
        int(field.left * across),
        int(field.top * down),
        round(field.right * across),
        round(field.bottom * down),
    )


def masks_of(*parts: Mask | Sequence[Mask] | Mapping[str, Mask] | None) -> list[Mask]:
    """Single outlines and groups as one list; what is None is left out."""
    found: list[Mask] = []
    for part in parts:
        if isinstance(part, Mask):
            found.append(part)
        elif isinstance(part, Mapping):
            found += part.values()
        elif part is not None:
            found += part
    return found
