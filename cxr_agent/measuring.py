"""The public way to measure: no planner, no report, no trace."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from cxr_agent.errors import CxrAgentError, InputError, UsageError
from cxr_agent.evidence import Box
from cxr_agent.imaging import Decoder, load_study
from cxr_agent.imaging.decoder import FilmPath
from cxr_agent.imaging.refusal import refusal_by_pixels
from cxr_agent.knowledge import (
    MeasurementDefinition,
    changed_thresholds,
    measurements,
    structures,
    thresholds_changed,
)
from cxr_agent.measure.geometry import Scene
from cxr_agent.measure.inclusion import exposed_field
from cxr_agent.measure.landmarks import hila, landmarks
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.planning.planner import UNREADABLE
from cxr_agent.study import Image, PixelSpacing, SpacingKind, Study, View
from cxr_agent.toolbox.answer import answer_of
from cxr_agent.toolbox.arguments import ToolCall, bind
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.contract import Abstain, BoolMask, Drawing, Mask, ToolSpec
from cxr_agent.toolbox.isolation.host import ToolHost
from cxr_agent.toolbox.mask_files import read_mask
from cxr_agent.toolbox.measurement import Measured, Measurement, Unmeasured
from cxr_agent.toolbox.registry import Registry, built_in


class MeasuredFilm(BaseModel):
    """Everything that was measured on one film, and what could not be."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    view: View
    rows: int
    columns: int
    items: tuple[Measurement, ...]
    unmeasured: tuple[Unmeasured, ...]
    drawings: tuple[Drawing, ...]
    landmarks: dict[str, tuple[float, float]]
    """Points that the outlines show, see :mod:`cxr_agent.measure.landmarks`."""
    hila: dict[str, Box]
    changed_thresholds: dict[str, float]
    """Limits that the user's configuration changed."""
    synthetic: bool = False
    """The film says that a program made it: the values are of no patient."""
    outlines: dict[str, BoolMask] = Field(exclude=True, repr=False)
    """(rows, columns) by structure."""
    image: Image = Field(exclude=True, repr=False)


class Measurer(AbstractContextManager["Measurer"]):
    """Measures films; keeps decode worker and models warm between them.

    Parameters
    ----------
    device
        As for :class:`cxr_agent.reading.Agent`.
    config
        A TOML file that changes thresholds; see
        :func:`cxr_agent.knowledge.thresholds.changed_thresholds`.
    registry
        The tools; the built-in ones where none are given.

    Raises
    ------
    ConfigError
        When the configuration cannot be used.

    Examples
    --------
    >>> with Measurer() as measurer:  # doctest: +SKIP
    ...     for path in paths:
    ...         print({item.id: item.value for item in measurer.measure(path).items})
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        config: Path | str | None = None,
        registry: Registry | None = None,
    ) -> None:
        self._changed = changed_thresholds(config)
        self._registry = registry or built_in()
        self._shelf = Shelf(Runtime.shared(device))
        self._decoder = Decoder()
        self._host = ToolHost()

    @property
    def runtime(self) -> Runtime:
        """What runs the models: its device, and its notices."""
        return self._shelf.runtime

    def measure(
        self,
        film: FilmPath,
        *,
        only: Sequence[str] = (),
        masks: Path | Mapping[str, BoolMask] | None = None,
        spacing: tuple[float, float] | None = None,
    ) -> MeasuredFilm:
        """Measure one film.

        Parameters
        ----------
        only
            Ids, codes or CXReasonBench tasks of ``kb/measurements.toml``; all where none is given.
        masks
            Outlines of your own, (rows, columns) bool of the film's size by structure of
            ``kb/structures.toml``, or a folder with ``<structure>.png`` each. They go before the
            models'.
        spacing
            Distance between pixel centres in the patient, (row_mm, column_mm), where the file
            does not say it.

        Raises
        ------
        InputError, UnsuitableFilm
            As for a reading; ``mask_size``, ``unknown_structure`` for masks.
        UsageError
            ``unknown_measurement``, ``bad_spacing``.
        """
        wanted = chosen(only)
        image = _with_spacing(load_study(film, decoder=self._decoder).images[0], spacing)
        given = _given(masks, image.shape)
        with thresholds_changed(self._changed):
            bench = Bench(Study((image,)), self._shelf, host=self._host)
            self._outline(bench, image, given)
            items, missing, drawings = self._measured(bench, image, wanted)
        outlines = {name: mask.plane for name, mask in bench.masks(image.handle).items()}
        shown = {name: plane for name, plane in outlines.items() if plane.any()}
        seen = Scene(shown, exposed_field(image.pixels), image.shape)
        return MeasuredFilm(
            landmarks=landmarks(seen),
            hila=hila(seen),
            view=image.view,
            rows=image.shape[0],
            columns=image.shape[1],
            items=tuple(items),
            unmeasured=tuple(missing),
            drawings=tuple(drawings),
            changed_thresholds={name: one.value for name, one in self._changed.items()},
            synthetic=image.synthetic,
            outlines=outlines,
            image=image,
        )

    def close(self) -> None:
        """End the decode worker and the processes of isolated tools."""
        self._decoder.close()
        self._host.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _outline(self, bench: Bench, image: Image, given: Mapping[str, Mask]) -> None:
        """Run every tool that outlines, then put the user's outlines over theirs.

        A picture that a model calls no film is refused, unless the user gave outlines.
        """
        for spec in self._registry:
            if not spec.provides or spec.asked_only:
                continue
            call = ToolCall(spec.name, {spec.film_parameter.name: image.handle})
            try:
                answer = answer_of(spec, bind(spec, call, bench))
            except Abstain as outcome:
                if not given and outcome.reasons[0] in UNREADABLE:
                    raise refusal_by_pixels(outcome.reasons[0]) from None
                continue
            except CxrAgentError:
                if not given and spec.pretrained is None:
                    raise
                continue
            kept = {n: m for n, m in answer.result.masks.items() if n not in given}
            bench.put_masks(image.handle, kept)
        bench.put_masks(image.handle, dict(given))

    def _measured(
        self, bench: Bench, image: Image, wanted: Sequence[MeasurementDefinition]
    ) -> tuple[list[Measurement], list[Unmeasured], list[Drawing]]:
        items: list[Measurement] = []
        missing: list[Unmeasured] = []
        drawings: list[Drawing] = []
        ids = {one.id for one in wanted}
        for name in dict.fromkeys(one.tool for one in wanted):
            mine = [one for one in wanted if one.tool == name]
            try:
                result = _result(self._registry.get(name), bench, image)
            except Abstain as outcome:
                missing += [Unmeasured(id=o.id, code=o.code, reasons=outcome.reasons) for o in mine]
                continue
            except CxrAgentError as error:
                missing += [Unmeasured(id=o.id, code=o.code, reasons=(error.code,)) for o in mine]
                continue
            items += [item for item in result.items if item.id in ids]
            missing += [one for one in result.unmeasured if one.id in ids]
            drawings += result.drawings
        return items, missing, drawings


def chosen(only: Sequence[str]) -> tuple[MeasurementDefinition, ...]:
    """Definitions by id, code or task, in the order of the file; all where nothing is named.

    Raises
    ------
    UsageError
        ``unknown_measurement``.
    """
    known = measurements()
    if not only:
        return tuple(known.values())
    names = {
        name: one.id for one in known.values() for name in (one.task, one.code, one.id) if name
    }
    for name in only:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            raise UsageError(
                "unknown_measurement",
                f"there is no measurement {name[:40]!r}",
                hint=f"Did you mean {near[0]}?" if near else f"One of: {', '.join(known)}.",
            )
    ids = {names[name] for name in only}
    # A code or task may stand for several definitions, as those of the right and the left side.
    return tuple(o for o in known.values() if o.id in ids or o.code in only or o.task in only)


def _result(spec: ToolSpec | None, bench: Bench, image: Image) -> Measured:
    if spec is None:
        raise Abstain("anatomy", "tool_missing")
    call = ToolCall(spec.name, {spec.film_parameter.name: image.handle})
    result = answer_of(spec, bind(spec, call, bench)).result
    assert isinstance(result, Measured)
    return result


def _with_spacing(image: Image, spacing: tuple[float, float] | None) -> Image:
    if spacing is None:
        return image
    row_mm, column_mm = spacing
    if not (0 < row_mm < np.inf and 0 < column_mm < np.inf):
        raise UsageError(
            "bad_spacing", "a pixel spacing is above 0 mm", hint="Give ROW or ROW,COLUMN in mm."
        )
    return replace(image, spacing=PixelSpacing(row_mm, column_mm, SpacingKind.CALIBRATED))


def _given(masks: Path | Mapping[str, BoolMask] | None, shape: tuple[int, int]) -> dict[str, Mask]:
    planes = dict(_read(masks)) if isinstance(masks, Path) else dict(masks or {})
    for name, plane in planes.items():
        if name not in structures():
            near = difflib.get_close_matches(name, structures(), 1)
            raise InputError(
                "unknown_structure",
                f"a mask is named after no structure: {name[:40]!r}",
                hint=f"Did you mean {near[0]}?" if near else "kb/structures.toml lists them.",
            )
        if plane.shape != shape:
            raise InputError(
                "mask_size",
                f"the mask {name} is {plane.shape[1]} x {plane.shape[0]} pixels, "
                f"the film {shape[1]} x {shape[0]}",
                hint="Give masks at the film's own size.",
            )
    return {name: Mask(name, plane, model=None) for name, plane in planes.items()}


def _read(folder: Path) -> Iterator[tuple[str, BoolMask]]:
    paths = sorted(folder.glob("*.png")) if folder.is_dir() else []
    if not paths:
        raise InputError(
            "no_masks", "the folder of masks holds no PNG", hint="Name each <structure>.png."
        )
    for path in paths:
        yield path.stem, read_mask(path)
