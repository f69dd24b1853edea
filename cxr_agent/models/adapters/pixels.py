"""From a film to what a pretrained network was trained on, and coordinates back.

Done with NumPy and Pillow alone: torchvision is never needed, and the steps are those that
``preprocessor_config.json`` names (transformers, ``image_processing_utils``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models.adapters.sources import read_json
from cxr_agent.study import FloatImage

Triple = tuple[float, float, float]
IMAGENET_MEAN: Final[Triple] = (0.485, 0.456, 0.406)
IMAGENET_STD: Final[Triple] = (0.229, 0.224, 0.225)
CLIP_MEAN: Final[Triple] = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD: Final[Triple] = (0.26862954, 0.26130258, 0.27577711)
_SLACK: Final = 1e-4
_SMALLEST: Final = 16


def check_film(film: FloatImage) -> FloatImage:
    """``film`` as contiguous float32.

    Parameters
    ----------
    film
        (rows, columns) in [0, 1], bone white.

    Raises
    ------
    UsageError
        ``bad_film`` for another shape, values outside [0, 1], or a side under 16 pixels.
    """
    film = np.asarray(film)
    if film.ndim != 2 or min(film.shape) < _SMALLEST:
        raise _bad_film(f"an array of shape {film.shape}")
    if not np.issubdtype(film.dtype, np.floating):
        raise _bad_film(f"an array of {film.dtype}")
    low, high = float(film.min()), float(film.max())
    if not (low >= -_SLACK and high <= 1 + _SLACK):  # not true of NaN either
        raise _bad_film(f"values from {low:g} to {high:g}")
    return np.ascontiguousarray(np.clip(film, 0, 1), dtype=np.float32)


def _bad_film(what: str) -> UsageError:
    return UsageError(
        "bad_film",
        f"a film is (rows, columns) of floats in [0, 1], not {what}",
        hint="cxr_agent's Study gives films in this form.",
    )


def to_bytes(film: FloatImage) -> NDArray[np.uint8]:
    """A film as 8-bit grey, which is what the public models were trained on."""
    return np.asarray(np.rint(check_film(film) * 255), dtype=np.uint8)


def to_picture(film: FloatImage) -> PillowImage.Image:
    """A film as an RGB picture of three equal channels, for a library's own preprocessing."""
    return PillowImage.fromarray(to_bytes(film)).convert("RGB")


def stretched_bytes(film: FloatImage) -> NDArray[np.uint8]:
    """A film as 8-bit grey whose darkest pixel is 0 and whose brightest is 255."""
    checked = check_film(film)
    low, high = float(checked.min()), float(checked.max())
    stretched = (checked - low) / max(high - low, _SLACK)
    return np.asarray(np.rint(stretched * 255), dtype=np.uint8)


def resize(plane: FloatImage, rows: int, columns: int) -> FloatImage:
    """Bilinear, area-weighted where it shrinks (Pillow)."""
    if plane.shape == (rows, columns):
        return plane
    picture = PillowImage.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    shrunk = picture.resize((columns, rows), PillowImage.Resampling.BILINEAR)
    return np.asarray(shrunk, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the network's picture lies on the film.

    ``film = picture / scale + offset`` for continuous pixel coordinates, x to the right, y down.
    """

    film_shape: tuple[int, int]
    scale: tuple[float, float]
    """Picture pixels per film pixel along x and y."""
    offset: tuple[float, float]
    """Film x and y of the picture's corner."""

    def to_film(self, x: float, y: float) -> tuple[float, float]:
        """A point of the picture on the film."""
        return x / self.scale[0] + self.offset[0], y / self.scale[1] + self.offset[1]

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """A point of the film on the picture."""
        return (x - self.offset[0]) * self.scale[0], (y - self.offset[1]) * self.scale[1]


Fit = Literal["stretch", "shortest", "longest"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The preprocessing of one checkpoint."""

    fit: Fit
    """``stretch`` to (rows, columns), or scale the ``shortest`` or ``longest`` side, keeping the
    aspect ratio."""
    size: tuple[int, int]
    """(rows, columns) for ``stretch``; the side, twice, for the others."""
    crop: tuple[int, int] | None = None
    """(rows, columns) of a crop at the centre, after resizing."""
    resample: int = int(PillowImage.Resampling.BICUBIC)
    rescale: float = 1 / 255
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    pad: tuple[int, int] | None = None
    """(rows, columns) filled with zeros at the right and below, after normalising."""

    def prepare(self, grey: NDArray[np.uint8]) -> tuple[FloatImage, Frame]:
        """One film as the network sees it.

        Parameters
        ----------
        grey
            (rows, columns), as :func:`to_bytes` gives it.

        Returns
        -------
        picture : (3, rows, columns) float32
        frame : Frame
            The way back.
        """
        film_rows, film_columns = grey.shape
        rows, columns = self._resized(film_rows, film_columns)
        # Three equal channels: the resizing is done once.
        shrunk = np.asarray(
            PillowImage.fromarray(grey).resize(
                (columns, rows), PillowImage.Resampling(self.resample)
            )
        )
        top = left = 0
        if self.crop is not None:
            shrunk, top, left = _centre(shrunk, *self.crop)
        scaled = shrunk.astype(np.float32) * np.float32(self.rescale)
        mean, std = (np.array(t, dtype=np.float32)[:, None, None] for t in (self.mean, self.std))
        picture = ((scaled[None] - mean) / std).astype(np.float32)
        if self.pad is not None:
            below = max(0, self.pad[0] - picture.shape[1])
            right = max(0, self.pad[1] - picture.shape[2])
            picture = np.pad(picture, ((0, 0), (0, below), (0, right)))
        across, down = columns / film_columns, rows / film_rows
        return picture, Frame(
            (film_rows, film_columns), (across, down), (left / across, top / down)
        )

    def _resized(self, rows: int, columns: int) -> tuple[int, int]:
        if self.fit == "stretch":
            return self.size
        side = self.size[0]
        if self.fit == "longest":
            scale = side / max(rows, columns)
            return int(rows * scale + 0.5), int(columns * scale + 0.5)
        if rows <= columns:
            return side, int(side * columns / rows)
        return int(side * rows / columns), side

    def batch(self, films: Sequence[FloatImage]) -> FloatImage:
        """(n, 3, rows, columns); meaningful where the recipe gives every film one shape."""
        return np.stack([self.prepare(to_bytes(film))[0] for film in films])


def _centre(plane: NDArray[np.uint8], rows: int, columns: int) -> tuple[Any, int, int]:
    """A crop at the centre, padded with zeros where the plane is smaller; and its corner."""
    top, left = (plane.shape[0] - rows) // 2, (plane.shape[1] - columns) // 2
    above, before = max(0, -top), max(0, -left)
    padded = np.pad(
        plane,
        (
            (above, max(0, rows - plane.shape[0] - above)),
            (before, max(0, columns - plane.shape[1] - before)),
        ),
    )
    return (
        padded[top + above : top + above + rows, left + before : left + before + columns],
        top,
        left,
    )


def recipe_of(folder: Path, default: Recipe) -> Recipe:
    """The recipe that a checkpoint's ``preprocessor_config.json`` describes.

    Parameters
    ----------
    folder
        The checkpoint.
    default
        Used whole where there is no such file, and for what the file leaves out.

    Raises
    ------
    ModelError
        ``bad_checkpoint`` when the file has values that make no recipe.
    """
    config = read_json(folder / "preprocessor_config.json")
    if not config:
        return default
    try:
        return _recipe(config, default)
    except (KeyError, TypeError, ValueError):
        raise ModelError(
            "bad_checkpoint",
            f"the preprocessor_config.json in {folder} describes no preprocessing",
            hint="Fetch the checkpoint again.",
        ) from None


def _recipe(config: dict[str, Any], default: Recipe) -> Recipe:
    if not config.get("do_resize", True):
        raise ValueError("films of any size need resizing")
    fit, size = default.fit, default.size
    if config.get("size") is not None:
        fit, size = _size(config["size"], config.get("crop_size"))
    crop = default.crop
    if "crop_size" in config or "do_center_crop" in config:
        crop = _crop(config)
    normal = bool(config.get("do_normalize", True))
    rescaled = bool(config.get("do_rescale", True))
    return Recipe(
        fit=fit,
        size=size,
        crop=crop,
        resample=int(config.get("resample", default.resample)),
        rescale=float(config.get("rescale_factor", default.rescale)) if rescaled else 1.0,
        mean=_triple(config.get("image_mean", default.mean)) if normal else (0, 0, 0),
        std=_triple(config.get("image_std", default.std)) if normal else (1, 1, 1),
        pad=_pad(config, default),
    )


def _size(size: Any, crop: Any) -> tuple[Fit, tuple[int, int]]:
    if isinstance(size, int):
        # Old files: one number is the shortest side where a crop follows, else a square.
        return ("shortest" if crop else "stretch"), (size, size)
    if "shortest_edge" in size:
        return "shortest", (int(size["shortest_edge"]),) * 2
    if "longest_edge" in size:
        return "longest", (int(size["longest_edge"]),) * 2
    return "stretch", (int(size["height"]), int(size["width"]))


def _crop(config: dict[str, Any]) -> tuple[int, int] | None:
    if not config.get("do_center_crop", True) or config.get("crop_size") is None:
        return None
    crop = config["crop_size"]
    return (crop, crop) if isinstance(crop, int) else (int(crop["height"]), int(crop["width"]))


def _pad(config: dict[str, Any], default: Recipe) -> tuple[int, int] | None:
    if not config.get("do_pad", default.pad is not None):
        return None
    pad = config.get("pad_size")
    return default.pad if pad is None else (int(pad["height"]), int(pad["width"]))


def _triple(values: Any) -> Triple:
    first, second, third = (float(v) for v in values)
    return first, second, third
