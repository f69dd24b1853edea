"""Who outlines a place: the sources of ``kb/regions.toml`` in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Final

import numpy as np

from cxr_agent.errors import ModelError
from cxr_agent.evidence import Box
from cxr_agent.knowledge import SourceName, region_book
from cxr_agent.measure.extent import BoolMask, extent
from cxr_agent.measure.geometry import NotMeasurable, Point
from cxr_agent.models import catalogue
from cxr_agent.models.adapters.cxas_labels import STRUCTURES
from cxr_agent.models.adapters.prompts import Prompt
from cxr_agent.models.held import held
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.regions import derived
from cxr_agent.study import FloatImage

EMBEDDED: Final = ("right_lung", "left_lung", "heart", "left_clavicle", "right_clavicle")
_CXAS: Final = "cxas"
_RUN_MIB: Final = 3072
"""What SAM takes beside its weights for one film."""


@dataclass(frozen=True, slots=True)
class Found:
    """One place on a film."""

    code: str
    source: SourceName
    plane: BoolMask
    """(rows, columns) of the film."""
    box: Box
    point: Point | None = None
    model: str | None = None
    predicted_iou: float | None = None
    """Of a prompted model, by itself; uncalibrated."""
    repeats: BoolMask | None = None
    """As :class:`cxr_agent.toolbox.contract.Mask` has them, where the source outlines again."""


class NotFound(Exception):  # noqa: N818 - an outcome, not an error
    """Nobody here can outline the place on this film.

    Parameters
    ----------
    code
        Of ``kb/wording/en/reasons.toml``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def able(code: str) -> tuple[SourceName, ...]:
    """The sources that can outline a place here, in the order in which they are asked."""
    can: dict[SourceName, bool] = {
        "embedded": code in EMBEDDED,
        "cxas": code in STRUCTURES and _here(_CXAS),
        "derived": code in derived.CODES,
        "prompted": _hint(code) is not None and _first(region_book().box_models) is not None,
    }
    return tuple(name for name in region_book().order if can[name])


def outline_place(
    code: str, pixels: FloatImage, masks: Mapping[str, BoolMask], shelf: Shelf
) -> Found:
    """Outline one place by the first source that finds it.

    Parameters
    ----------
    pixels
        (rows, columns) float32 in [0, 1], bone white.
    masks
        Outlines of the embedded model on this film.

    Raises
    ------
    NotFound
        ``no_model_outlines_it`` where nobody can, else why the last one that can did not.
    ModelError
        When a pulled model cannot be loaded.
    """
    there = {name: plane for name, plane in masks.items() if plane.any()}
    reason = "no_model_outlines_it"
    for source in able(code):
        try:
            return _from(source, code, pixels, there, shelf)
        except NotMeasurable as outcome:
            reason = outcome.code
    raise NotFound(reason)


def outline_prompt(code: str, pixels: FloatImage, prompt: Prompt, runtime: Runtime) -> Found:
    """Outline what a box or a point shows, with the first model that is here and takes it.

    Raises
    ------
    UsageError
        ``bad_prompt`` when it is not on the film.
    NotFound
        ``not_outlined`` when the model gives nothing.
    ModelError
        ``not_pulled`` when no such model is here.
    """
    book = region_book()
    models = book.box_models if prompt.box is not None and not prompt.points else book.point_models
    model = _first(models)
    if model is None:
        raise ModelError(
            "not_pulled",
            "no model that takes a box or a point is installed",
            hint=f"Run `cxr-agent models pull {models[-1]}`; it shows licence and size first.",
        )
    with held(model, runtime, _RUN_MIB) as segmenter:
        (given,) = segmenter.segment(pixels, [prompt])
    try:
        return _found(code, "prompted", given.plane, model=model, iou=given.predicted_iou)
    except NotMeasurable as outcome:
        raise NotFound(outcome.code) from None


def _from(
    source: SourceName,
    code: str,
    pixels: FloatImage,
    masks: Mapping[str, BoolMask],
    shelf: Shelf,
) -> Found:
    if source == "embedded":
        return _found(code, source, masks.get(code), model="anatomy")
    if source == "cxas":
        outline = shelf.cxas().outline(pixels, (code,))[code]
        found = _found(code, source, outline.plane, model=_CXAS)
        return replace(found, repeats=outline.repeats)
    if source == "derived":
        shape = (int(pixels.shape[0]), int(pixels.shape[1]))
        plane, point = derived.derive(code, masks, shape)
        return _found(code, source, plane, point=point)
    box = _box(code, masks, pixels.shape)
    try:
        return outline_prompt(code, pixels, Prompt(box=box), shelf.runtime)
    except NotFound as outcome:
        raise NotMeasurable(outcome.code) from None


def _found(
    code: str,
    source: SourceName,
    plane: BoolMask | None,
    *,
    point: Point | None = None,
    model: str | None = None,
    iou: float | None = None,
) -> Found:
    around = None if plane is None else extent(plane)
    if plane is None or around is None:
        raise NotMeasurable("not_outlined")
    return Found(code, source, plane, around.box, point, model, iou)


def _hint(code: str) -> tuple[float, float, float, float] | None:
    return next((one.hint for one in region_book().region.values() if one.code == code), None)


def _box(code: str, masks: Mapping[str, BoolMask], shape: Sequence[int]) -> Box:
    """Where a model is told to look: the hint, laid on the box around both lungs."""
    hint = _hint(code)
    lungs = [masks[name] for name in ("right_lung", "left_lung") if name in masks]
    if hint is None or len(lungs) < 2:
        raise NotMeasurable("mask_missing")
    both = extent(np.logical_or(*lungs))
    assert both is not None
    left, right = (both.left + share * both.width for share in (hint[0], hint[2]))
    top, bottom = (both.top + share * both.height for share in (hint[1], hint[3]))
    box = (
        max(0, round(left)),
        max(0, round(top)),
        min(shape[1], round(right)),
        min(shape[0], round(bottom)),
    )
    if box[0] >= box[2] or box[1] >= box[3]:
        raise NotMeasurable("not_outlined")
    return box


def _first(models: Sequence[str]) -> str | None:
    return next((model for model in models if _here(model)), None)


def _here(model: str) -> bool:
    """Whether a model was pulled and its libraries are here; a damaged one counts, and is told."""
    needs = catalogue.find(model).needs
    if any(find_spec(name) is None for name in needs):
        return False
    try:
        return catalogue.installed(model) is not None
    except ModelError:
        return True
