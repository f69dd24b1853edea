"""Changes of a film that leave what it shows, each with the strength that it has.

A change is made to the greys in [0, 1] of a decoded film, and the result is written as a file and
decoded again: what a reader really meets is a file, and compression, bit depth and photometric
interpretation only exist there. Strengths are chosen by what happens to films on their way (the
mildest, hardly seen), through what a reader still reads, to what nobody should (the strongest).

After the corruptions of Hendrycks and Dietterich ("Benchmarking Neural Network Robustness", ICLR
2019), limited to those that films meet: a film has no snow and no fog, but it has windows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_agent.evaluation.consistency.encoding import Encoding, dicom, jpeg, png
from cxr_agent.study import FloatImage

Change = Callable[[FloatImage, float, np.random.Generator], FloatImage]
"""Of (rows, columns) greys in [0, 1], by a strength, with the dice that a random one needs."""


@dataclass(frozen=True, slots=True)
class Family:
    """One sort of change."""

    name: str
    meaning: str
    """For the page, with what the strength is and its unit."""
    strengths: tuple[float, ...]
    """Mildest first."""
    change: Change
    encoding: Encoding = png
    readable: bool = True
    """Whether the film is still one that should be read, at its mildest; else a refusal is what
    is right."""


@dataclass(frozen=True, slots=True)
class Perturbation:
    """A family at one of its strengths."""

    family: Family
    level: int
    """From 1, the mildest."""

    @property
    def strength(self) -> float:
        return self.family.strengths[self.level - 1]

    @property
    def name(self) -> str:
        """As ``blur:2``."""
        return f"{self.family.name}:{self.level}"

    def file(self, pixels: FloatImage, seed: int) -> bytes:
        """The changed film as a file.

        Parameters
        ----------
        pixels
            (rows, columns) float32 in [0, 1], bone white.
        seed
            Of what is random in it: the same seed, the same bytes.
        """
        dice = np.random.default_rng((seed, self.level, *self.family.name.encode()))
        changed = self.family.change(pixels, self.strength, dice)
        return self.family.encoding(np.clip(changed, 0, 1).astype(np.float32), self.strength)


def _gamma(pixels: FloatImage, exponent: float, dice: np.random.Generator) -> FloatImage:
    changed: FloatImage = np.power(pixels, np.float32(exponent))
    return changed


def _window(pixels: FloatImage, share: float, dice: np.random.Generator) -> FloatImage:
    """A window of that share of the film's grey range, around its median, stretched to [0, 1]."""
    low, high = (float(end) for end in np.percentile(pixels, (0.5, 99.5)))
    width = max(share * (high - low), 1e-3)
    centre = float(np.clip(np.median(pixels), low + width / 2, high - width / 2))
    return (pixels - np.float32(centre - width / 2)) / np.float32(width)


def _contrast(pixels: FloatImage, factor: float, dice: np.random.Generator) -> FloatImage:
    middle = pixels.mean()
    changed: FloatImage = middle + np.float32(factor) * (pixels - middle)
    return changed


def _noise(pixels: FloatImage, deviation: float, dice: np.random.Generator) -> FloatImage:
    return pixels + dice.normal(0, deviation, pixels.shape).astype(np.float32)


def _blur(pixels: FloatImage, share: float, dice: np.random.Generator) -> FloatImage:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(pixels, share * max(pixels.shape), mode="nearest")


def _smaller(pixels: FloatImage, share: float, dice: np.random.Generator) -> FloatImage:
    from PIL import Image

    rows, columns = pixels.shape
    film = Image.fromarray(pixels)
    small = film.resize(
        (max(1, round(columns * share)), max(1, round(rows * share))), Image.Resampling.BOX
    )
    return np.asarray(small.resize((columns, rows), Image.Resampling.BICUBIC), dtype=np.float32)


def _coarse(pixels: FloatImage, bits: float, dice: np.random.Generator) -> FloatImage:
    steps = np.float32(2**bits - 1)
    changed: FloatImage = np.rint(pixels * steps) / steps
    return changed


def _turned(pixels: FloatImage, degrees: float, dice: np.random.Generator) -> FloatImage:
    from scipy.ndimage import rotate

    by = degrees * _sign(dice)
    return rotate(pixels, by, reshape=False, order=1, mode="constant", cval=0)


def _shifted(pixels: FloatImage, share: float, dice: np.random.Generator) -> FloatImage:
    from scipy.ndimage import shift

    by = [round(share * side) * _sign(dice) for side in pixels.shape]
    return shift(pixels, by, order=0, mode="constant", cval=0)


def _cropped(pixels: FloatImage, share: float, dice: np.random.Generator) -> FloatImage:
    rows, columns = (round(share * side) for side in pixels.shape)
    return pixels[rows : pixels.shape[0] - rows, columns : pixels.shape[1] - columns]


def _same(pixels: FloatImage, strength: float, dice: np.random.Generator) -> FloatImage:
    return pixels


def _negative(pixels: FloatImage, strength: float, dice: np.random.Generator) -> FloatImage:
    return 1 - pixels


def _mirrored(pixels: FloatImage, strength: float, dice: np.random.Generator) -> FloatImage:
    return np.ascontiguousarray(pixels[:, ::-1])


def _on_its_head(pixels: FloatImage, strength: float, dice: np.random.Generator) -> FloatImage:
    return np.ascontiguousarray(pixels[::-1, ::-1])


def _sign(dice: np.random.Generator) -> int:
    return 1 if dice.random() < 0.5 else -1


FAMILIES: Final = (
    Family("rewritten", "written as a 16-bit PNG, and nothing else", (0,), _same),
    Family(
        "darker",
        "shown darker, as with less exposure: greys to the power of 1.2, 1.5, 2, 3",
        (1.2, 1.5, 2, 3),
        _gamma,
    ),
    Family(
        "brighter",
        "shown brighter, as with more exposure: greys to the power of 1/1.2, 1/1.5, 1/2, 1/3",
        (1 / 1.2, 1 / 1.5, 1 / 2, 1 / 3),
        _gamma,
    ),
    Family(
        "window",
        "a window of 95, 85, 70, 50 % of the film's grey range around its median",
        (0.95, 0.85, 0.7, 0.5),
        _window,
    ),
    Family("contrast", "contrast times 0.8, 0.6, 0.4, 0.2", (0.8, 0.6, 0.4, 0.2), _contrast),
    Family(
        "noise",
        "Gaussian noise of a standard deviation of 1, 3, 6, 12 % of the grey range",
        (0.01, 0.03, 0.06, 0.12),
        _noise,
    ),
    Family(
        "blur",
        "Gaussian blur of a standard deviation of 0.1, 0.2, 0.5, 1 % of the longer side",
        (0.001, 0.002, 0.005, 0.01),
        _blur,
    ),
    Family("jpeg", "an 8-bit JPEG of quality 90, 60, 30, 10", (90, 60, 30, 10), _same, jpeg),
    Family(
        "smaller",
        "brought to 1/2, 1/3, 1/4, 1/8 of its side and back",
        (1 / 2, 1 / 3, 1 / 4, 1 / 8),
        _smaller,
    ),
    Family("bits", "greys of 8, 6, 5, 4 bits", (8, 6, 5, 4), _coarse),
    Family("turned", "turned by 1, 3, 6, 12 degrees, black beside it", (1, 3, 6, 12), _turned),
    Family(
        "shifted",
        "shifted by 1, 3, 6, 12 % of each side, black behind it",
        (0.01, 0.03, 0.06, 0.12),
        _shifted,
    ),
    Family(
        "cropped",
        "1, 3, 6, 10 % cut off at each border",
        (0.01, 0.03, 0.06, 0.1),
        _cropped,
    ),
    Family(
        "monochrome1",
        "a DICOM of 12 and of 8 bits with low values white (MONOCHROME1)",
        (12, 8),
        _same,
        dicom,
    ),
    Family(
        "negative", "its negative, told by nothing in the file", (1,), _negative, readable=False
    ),
    Family(
        "mirrored",
        "right and left exchanged, told by nothing in the file",
        (1,),
        _mirrored,
        readable=False,
    ),
    Family(
        "on_its_head",
        "upside down, told by nothing in the file",
        (1,),
        _on_its_head,
        readable=False,
    ),
)


def family(name: str) -> Family:
    """The family of that name; raises :class:`KeyError` for an unknown one."""
    return {one.name: one for one in FAMILIES}[name]


def perturbations(levels: int | None = None, *, readable: bool | None = None) -> list[Perturbation]:
    """Families at their mildest strengths.

    Parameters
    ----------
    levels
        How many strengths of each, from the mildest on; all without it.
    readable
        Only families that leave the film readable, or only those that do not.
    """
    return [
        Perturbation(one, level)
        for one in FAMILIES
        if readable is None or one.readable is readable
        for level in range(1, len(one.strengths[:levels]) + 1)
    ]
