"""How much a film and the projection of a volume in some pose are alike, on a coarse grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cxr_agent.study import FloatImage
from cxr_agent.synthesis.film import STYLES, attenuation, toned
from cxr_agent.synthesis.geometry import Pose, Projection
from cxr_agent.synthesis.rays import FloatVolume, Plane, line_integrals
from cxr_agent.synthesis.volume import Affine, Points, Volume

_DEGREE: Final = 3
"""Of the polynomial that takes one film's greys to the other's."""
_GRADIENT_SHARE: Final = 0.7
"""Weight of what differs in the gradients."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """A film and a volume at one resolution."""

    film: Plane
    """(rows, columns), mean 0 and standard deviation 1."""
    values: FloatVolume
    affine: Affine
    projection: Projection

    def fitted(self, pose: Pose) -> NDArray[np.float64]:
        """The projection in a pose, its greys brought to the film's by the best cubic curve.

        How a film was developed is not known, so that only what no curve of greys can change is
        held against it.
        """
        made = line_integrals(self.values, self.affine, replace(self.projection, pose=pose))
        grey = toned(made, STYLES["film"]).reshape(-1)
        powers = np.stack([grey**n for n in range(_DEGREE + 1)], axis=1)
        weights = np.linalg.lstsq(powers, self.film.reshape(-1).astype(np.float64), rcond=None)[0]
        best: NDArray[np.float64] = (powers @ weights).reshape(self.film.shape)
        return best

    def residual(self, pose: Pose) -> Points:
        """(n,) what is left of greys and of their gradients, with its sign."""
        left = self.film - self.fitted(pose)
        slopes = (_GRADIENT_SHARE * np.asarray(part) for part in np.gradient(left))
        return np.concatenate([part.ravel() for part in (left, *slopes)])

    def correlations(self, pose: Pose) -> tuple[float, float]:
        """Normalised cross-correlation of the greys, and of their gradients."""
        fitted = self.fitted(pose)
        gradients = (np.concatenate(np.gradient(image)) for image in (self.film, fitted))
        return _correlation(self.film, fitted), _correlation(*gradients)


def _correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


def level_of(film: FloatImage, volume: Volume, projection: Projection, rows: int) -> Level:
    """A film and a volume at about ``rows`` rows, the voxels no finer than the pixels."""
    factor = max(1.0, projection.rows / rows)
    coarse = replace(
        projection,
        rows=max(64, round(projection.rows / factor)),
        columns=max(64, round(projection.columns / factor)),
        pixel_mm=projection.pixel_mm * factor,
    )
    seen = _resampled(film, projection, coarse)
    spread = float(seen.std()) or 1.0
    pixel_mm = coarse.pixel_mm / projection.magnification
    values, affine = _blocks(attenuation(volume.hu), volume.affine, pixel_mm)
    return Level(((seen - seen.mean()) / spread).astype(np.float32), values, affine, coarse)


def _resampled(film: FloatImage, fine: Projection, coarse: Projection) -> NDArray[np.float64]:
    """The film on the coarse detector's pixels, smoothed to their size."""
    ratio = coarse.pixel_mm / fine.pixel_mm
    smooth = ndimage.gaussian_filter(film.astype(np.float64), 0.4 * ratio if ratio > 1 else 0)
    rows, columns = (
        (np.arange(n) - (n - 1) / 2) * ratio + (whole - 1) / 2
        for n, whole in ((coarse.rows, fine.rows), (coarse.columns, fine.columns))
    )
    where = np.meshgrid(rows, columns, indexing="ij")
    found: NDArray[np.float64] = ndimage.map_coordinates(smooth, where, order=1, mode="nearest")
    return found


def _blocks(values: FloatVolume, affine: Affine, least_mm: float) -> tuple[FloatVolume, Affine]:
    """Means of blocks of voxels that are about ``least_mm`` wide."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    sizes = np.maximum(1, np.rint(least_mm / spacing)).astype(int)
    sizes = np.minimum(sizes, values.shape)
    kept = [n // size for n, size in zip(values.shape, sizes, strict=True)]
    cut = values[tuple(slice(0, n * size) for n, size in zip(kept, sizes, strict=True))]
    split = cut.reshape([n for pair in zip(kept, sizes, strict=True) for n in pair])
    coarse = affine.copy()
    coarse[:3, :3] = affine[:3, :3] * sizes
    coarse[:3, 3] += affine[:3, :3] @ ((sizes - 1) / 2)
    return split.mean(axis=(1, 3, 5)).astype(np.float32), coarse
