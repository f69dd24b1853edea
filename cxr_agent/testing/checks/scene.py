"""Films with known masks on which a tool is tried, and the trial itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import CxrAgentError
from cxr_agent.evidence import Observation
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import FloatImage, Image, PixelSpacing, SpacingKind, Study, View
from cxr_agent.testing.checks.outcome import Broken, NotChecked
from cxr_agent.testing.consulted import scripted_consultation
from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.toolbox.answer import Answer, answer_of
from cxr_agent.toolbox.arguments import ToolCall, bind
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.contract import Abstain, BoolMask, Mask, ParameterKind, ToolSpec

_Pixel = TypeVar("_Pixel", np.bool_, np.float32)
SPACING_MM = 0.7
_HANDLE = "img-1"
_PRIOR = "prior-1"


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """One film: (rows, columns) float32 in [0, 1] and bool masks of the same shape."""

    pixels: FloatImage
    masks: Mapping[str, BoolMask]
    spacing_mm: float | None = SPACING_MM

    def image(self, handle: str) -> Image:
        """As a reading sees it."""
        spacing = self.spacing_mm
        return Image(
            handle=handle,
            pixels=self.pixels,
            sha256=hashlib.sha256(self.pixels.tobytes()).hexdigest(),
            view=View.PA,
            view_source="header",
            spacing=None
            if spacing is None
            else PixelSpacing(spacing, spacing, SpacingKind.CALIBRATED),
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """What a tool made of a film: an answer, an abstention, or a failure."""

    answer: Answer | None = None
    abstained: Abstain | None = None
    failed: CxrAgentError | None = None

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What it stated."""
        return () if self.answer is None else tuple(o for o, _ in self.answer.statements)

    def unfailed(self, where: str) -> Trial:
        """Itself; raises Broken where the tool failed."""
        if self.failed is not None:
            cause = self.failed.__cause__
            why = f"{type(cause).__name__}: {cause}" if cause is not None else self.failed.message
            raise Broken(f"it fails on {where} ({why}); it should abstain")
        return self

    def answered(self) -> Answer:
        """The answer; raises NotChecked where the tool abstained."""
        if self.answer is None:
            raise NotChecked("it gives no answer on the test film")
        return self.answer


@dataclass(slots=True)
class Bank:
    """Tries one tool on films."""

    spec: ToolSpec
    shelf: Shelf = field(default_factory=lambda: Shelf(Runtime.shared("cpu")))

    def trial(self, film: Film) -> Trial:
        """Call the tool as a reading would."""
        return self.made(self.bench(film))

    def bench(self, film: Film) -> Bench:
        """The film with the masks that the tool looks at; its prior, if any, is the plain film."""
        prior = phantom() if self.spec.prior_parameter else None
        images = (film.image(_HANDLE),)
        priors = () if prior is None else (prior.image(_PRIOR),)
        consultation = scripted_consultation() if self.spec.needs_vision else None
        bench = Bench(Study(images, priors), self.shelf, consultation=consultation)
        bench.put_masks(_HANDLE, self._masks(film))
        if prior is not None:
            bench.put_masks(_PRIOR, self._masks(prior))
        return bench

    def made(self, bench: Bench) -> Trial:
        """Call the tool on a bench that is ready."""
        try:
            return Trial(answer=answer_of(self.spec, bind(self.spec, self._call(), bench)))
        except Abstain as outcome:
            return Trial(abstained=outcome)
        except CxrAgentError as error:
            return Trial(failed=error)

    def _masks(self, film: Film) -> dict[str, Mask]:
        everything = self.spec.prior_parameter is not None
        return {
            name: Mask(name, plane.copy())
            for name, plane in film.masks.items()
            if everything or name in self.spec.looks_at
        }

    def _call(self) -> ToolCall:
        arguments: dict[str, str | bool] = {}
        for parameter in self.spec.parameters:
            if parameter.kind is ParameterKind.FILM:
                arguments[parameter.name] = _HANDLE
            elif parameter.kind is ParameterKind.PRIOR:
                arguments[parameter.name] = _PRIOR
            elif parameter.kind is ParameterKind.CHOICE and parameter.default is parameter.empty:
                first = parameter.choices[0]
                arguments[parameter.name] = first if isinstance(first, bool) else first.value
        return ToolCall(self.spec.name, arguments)


@lru_cache(maxsize=1)
def phantom() -> Film:
    """The plain film, 512 x 512 pixels."""
    drawn = draw(PhantomSpec())
    return Film(drawn.pixels, drawn.masks)


def enlarged(film: Film, times: int) -> Film:
    """The film with that many pixels in both directions for each of its own."""

    def grown(plane: NDArray[_Pixel]) -> NDArray[_Pixel]:
        return plane.repeat(times, axis=0).repeat(times, axis=1)

    masks = {name: grown(plane) for name, plane in film.masks.items()}
    spacing = film.spacing_mm
    return Film(grown(film.pixels), masks, None if spacing is None else spacing / times)


def mirrored(film: Film, *, relabelled: bool) -> Film:
    """The mirror image; ``relabelled`` gives right and left their names anew, as in a patient whose
    inside is mirrored, and without it the picture alone is wrong."""
    planes = {
        (_other_side(name) if relabelled else name): np.ascontiguousarray(plane[:, ::-1])
        for name, plane in film.masks.items()
    }
    return replace(film, pixels=np.ascontiguousarray(film.pixels[:, ::-1]), masks=planes)


def _other_side(name: str) -> str:
    swapped = {"right": "left", "left": "right"}
    return "_".join(swapped.get(part, part) for part in name.split("_"))
