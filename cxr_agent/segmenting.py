"""The public way to get masks alone: no planner, no report, no trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from cxr_agent.errors import UsageError
from cxr_agent.imaging import Decoder
from cxr_agent.imaging.decoder import FilmPath
from cxr_agent.imaging.refusal import refusal_by_pixels
from cxr_agent.measure.extent import extent
from cxr_agent.models import catalogue
from cxr_agent.models.adapters.prompts import Prompt
from cxr_agent.models.held import held
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.regions.phrases import Pointed, point, point_by_model
from cxr_agent.regions.sources import Found, NotFound, outline_place, outline_prompt
from cxr_agent.toolbox.contract import BoolMask

_NONE: Final[Mapping[str, Prompt]] = {}
_GROUNDERS: Final = "maira2"
_GROUND_MIB: Final = 4096
"""What one phrase takes beside the weights."""


@dataclass(frozen=True, slots=True)
class Outlined:
    """What was outlined of what was asked for."""

    found: tuple[Found, ...]
    missing: Mapping[str, str]
    """The reason code by what could not be outlined."""


class Segmenter(AbstractContextManager["Segmenter"]):
    """Outlines films; keeps decode worker and model warm between them.

    Parameters
    ----------
    device
        As for :class:`cxr_agent.reading.Agent`.
    """

    def __init__(self, *, device: str = "auto") -> None:
        self._shelf = Shelf(Runtime.shared(device))
        self._decoder = Decoder()

    @property
    def runtime(self) -> Runtime:
        """What runs the model: its device, and its notices."""
        return self._shelf.runtime

    def segment(self, film: FilmPath) -> dict[str, BoolMask]:
        """Masks (rows, columns) by structure, at the film's own size.

        Raises
        ------
        InputError, UnsuitableFilm
            As for a reading.
        """
        decoded = self._decoder.decode(film)
        model = self._shelf.anatomy()
        anatomy = model.segment(decoded.pixels)
        if not model.is_film(anatomy):
            raise refusal_by_pixels()
        return {name: outline.plane for name, outline in anatomy.outlines.items()}

    def outline(
        self, film: FilmPath, structures: Sequence[str] = (), prompts: Mapping[str, Prompt] = _NONE
    ) -> Outlined:
        """Outline places that are named, and what boxes and points show.

        Parameters
        ----------
        structures
            Codes as :func:`cxr_agent.regions.names.codes_of` gives them.
        prompts
            By the name that the mask gets; in film pixels.

        Raises
        ------
        InputError, UnsuitableFilm
            As for a reading.
        UsageError
            ``bad_prompt`` for one that is not on the film.
        ModelError
            ``not_pulled`` for a prompt where no model takes it; a pulled model is damaged.
        """
        decoded = self._decoder.decode(film)
        model = self._shelf.anatomy()
        anatomy = model.segment(decoded.pixels)
        if not model.is_film(anatomy):
            raise refusal_by_pixels()
        masks = {name: outline.plane for name, outline in anatomy.outlines.items()}
        found: list[Found] = []
        missing: dict[str, str] = {}
        for code in dict.fromkeys(structures):
            try:
                found.append(outline_place(code, decoded.pixels, masks, self._shelf))
            except NotFound as outcome:
                missing[code] = outcome.code
        for name, prompt in prompts.items():
            try:
                found.append(outline_prompt(name, decoded.pixels, prompt, self._shelf.runtime))
            except NotFound as outcome:
                missing[name] = outcome.code
        return Outlined(tuple(found), missing)

    def ground(self, film: FilmPath, phrase: str, model: str | None = None) -> tuple[Pointed, ...]:
        """Where a phrase of a report points on a film, which does not make it true.

        Parameters
        ----------
        model
            A pulled model of the family maira2; by rule from the outlines without one.

        Raises
        ------
        InputError, UnsuitableFilm
            As for a reading.
        UsageError
            ``nothing_said``, ``phrase_too_long``; ``bad_grounder`` for a model of another family.
        ModelError
            ``unknown_model``, ``not_pulled``, or the model cannot be loaded.
        """
        if model is not None and catalogue.find(model).family != _GROUNDERS:
            raise UsageError(
                "bad_grounder",
                f"{model[:40]} grounds no phrases",
                hint="Take maira-2, or leave --model out.",
            )
        decoded = self._decoder.decode(film)
        anatomy_model = self._shelf.anatomy()
        anatomy = anatomy_model.segment(decoded.pixels)
        if not anatomy_model.is_film(anatomy):
            raise refusal_by_pixels()
        if model is not None:
            with held(model, self.runtime, _GROUND_MIB) as grounder:
                return point_by_model(phrase, decoded.pixels, grounder)
        found = {name: extent(outline.plane) for name, outline in anatomy.outlines.items()}
        return point(phrase, {name: one.box for name, one in found.items() if one is not None})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._decoder.close()
