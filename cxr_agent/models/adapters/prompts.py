"""Segmentation by pointing: boxes and points on the film in, masks at the film's size out.

What SAM (Kirillov et al., "Segment Anything", ICCV 2023) and MedSAM (Ma et al., "Segment anything
in medical images", Nature Communications 2024) share, whichever library runs the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from cxr_agent.errors import UsageError
from cxr_agent.evidence import Box
from cxr_agent.models.adapters.hardware import Hardware
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.pixels import Frame, Recipe, to_bytes
from cxr_agent.study import FloatImage

Preparation = Literal["sam", "medsam"]
"""``sam`` keeps the aspect ratio and pads; ``medsam`` stretches to a square and scales the grey
values to [0, 1], as MedSAM was trained."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point on the film."""

    x: float
    """Film pixels to the right."""
    y: float
    """Film pixels down."""
    inside: bool = True
    """False says that the structure is not here."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to outline: a box, points, or both; one prompt gives one mask."""

    box: Box | None = None
    """(left, top, right, bottom) in film pixels, right and bottom exclusive."""
    points: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class PromptedMask:
    """One outlined structure."""

    plane: NDArray[np.bool_]
    """(rows, columns) of the film."""
    predicted_iou: float
    """The network's own estimate of intersection over union with what was meant; uncalibrated."""


class Engine(Protocol):
    """One library's SAM; everything in pixels of the square picture of side ``side``.

    The encoder may run in half precision, prompts and masks never: bfloat16 has no coordinate
    between 512 and 516.
    """

    side: int

    def embed(self, picture: Any) -> Any:
        """The image embedding of a (1, 3, side, side) tensor."""

    def decode(
        self,
        embedding: Any,
        points: FloatImage | None,
        inside: NDArray[np.int64] | None,
        box: FloatImage | None,
        several: bool,
    ) -> tuple[Any, Any]:
        """Logits (n, rows, columns) at low resolution and predicted IoU (n,) for one prompt."""


class PromptSegmenter:
    """Outlines what a box or points show.

    Parameters
    ----------
    engine
        The network.
    recipe
        Its preprocessing.
    preparation
        Which of the two ways back to the film belongs to it.
    hardware
        Where it runs.
    """

    def __init__(
        self, engine: Engine, recipe: Recipe, preparation: Preparation, hardware: Hardware
    ) -> None:
        self._engine = engine
        self._recipe = recipe
        self._preparation = preparation
        self._hardware = hardware

    def segment(self, film: FloatImage, prompts: Sequence[Prompt]) -> list[PromptedMask]:
        """One mask per prompt; the film goes through the encoder once.

        A lone point is ambiguous: of the three masks that the network then offers, the one with
        the highest predicted IoU is given.

        Parameters
        ----------
        film
            (rows, columns) float32 in [0, 1], bone white.
        prompts
            In film pixels.

        Raises
        ------
        UsageError
            ``bad_film``, or ``bad_prompt`` for one that is empty or not on the film.
        """
        grey = to_bytes(film)
        for prompt in prompts:
            _check(prompt, grey.shape)
        torch = library("torch")
        picture, frame = self._picture(grey)
        with torch.inference_mode():
            embedding = self._engine.embed(self._hardware.tensor(picture[None]))
            return [self._one(embedding, frame, prompt) for prompt in prompts]

    def _picture(self, grey: NDArray[np.uint8]) -> tuple[FloatImage, Frame]:
        picture, frame = self._recipe.prepare(grey)
        if self._preparation == "medsam":
            low, high = picture.min(), picture.max()
            picture = (picture - low) / max(float(high - low), 1e-8)
        return picture, frame

    def _one(self, embedding: Any, frame: Frame, prompt: Prompt) -> PromptedMask:
        points = [frame.to_picture(point.x, point.y) for point in prompt.points]
        box = None
        if prompt.box is not None:
            left, top, right, bottom = prompt.box
            # The last pixel inside: the networks count positions, not edges.
            box = np.array(
                [*frame.to_picture(left, top), *frame.to_picture(right - 1, bottom - 1)],
                dtype=np.float32,
            )
        logits, quality = self._engine.decode(
            embedding,
            np.array(points, dtype=np.float32) if points else None,
            np.array([p.inside for p in prompt.points], dtype=np.int64) if points else None,
            box,
            several=box is None and len(points) == 1,
        )
        best = int(quality.argmax())
        return PromptedMask(self._plane(logits[best], frame), float(quality[best]))

    def _plane(self, logits: Any, frame: Frame) -> NDArray[np.bool_]:
        functional = library("torch.nn.functional")
        low = logits.float()[None, None]
        if self._preparation == "medsam":
            whole = functional.interpolate(
                low.sigmoid(), frame.film_shape, mode="bilinear", align_corners=False
            )
            inside = whole > 0.5
        else:
            side = self._engine.side
            square = functional.interpolate(low, (side, side), mode="bilinear", align_corners=False)
            rows = round(frame.film_shape[0] * frame.scale[1])
            columns = round(frame.film_shape[1] * frame.scale[0])
            whole = functional.interpolate(
                square[..., :rows, :columns],
                frame.film_shape,
                mode="bilinear",
                align_corners=False,
            )
            inside = whole > 0
        plane: NDArray[np.bool_] = inside[0, 0].cpu().numpy()
        return plane


def default_recipe(side: int, preparation: Preparation) -> Recipe:
    """The preprocessing of one kind for pictures of ``side`` x ``side``."""
    if preparation == "medsam":
        return Recipe("stretch", (side, side), mean=(0, 0, 0), std=(1, 1, 1))
    return Recipe(
        "longest",
        (side, side),
        resample=int(PillowImage.Resampling.BILINEAR),
        pad=(side, side),
    )


def _check(prompt: Prompt, shape: tuple[int, ...]) -> None:
    rows, columns = shape
    if prompt.box is None and not prompt.points:
        raise _bad_prompt("it has neither a box nor a point")
    if prompt.box is not None:
        left, top, right, bottom = prompt.box
        if not (0 <= left < right <= columns and 0 <= top < bottom <= rows):
            raise _bad_prompt(f"the box {prompt.box} is not on a film of {columns} x {rows}")
    for point in prompt.points:
        if not (0 <= point.x < columns and 0 <= point.y < rows):
            raise _bad_prompt(
                f"the point ({point.x:g}, {point.y:g}) is not on a film of {columns} x {rows}"
            )


def _bad_prompt(reason: str) -> UsageError:
    return UsageError(
        "bad_prompt",
        f"the prompt cannot be used: {reason}",
        hint="Boxes are (left, top, right, bottom) in film pixels, right and bottom exclusive.",
    )
