"""From line integrals to a film: attenuation, tone curve, noise, blur.

A style is a monotone tone curve on the logarithm of the exposure, as a film or a detector's
processing has, with noise of a number of photons and blur before it.

References
----------
Hurter and Driffield's characteristic curve: density over log exposure is S-shaped, here logistic.
DRR-RATE (Moore et al., 2024) and CT2X-GAN (2024) make radiographs from CT; the latter transfers
the style of given films, here by the histogram.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cxr_agent.errors import UsageError
from cxr_agent.study import FloatImage
from cxr_agent.synthesis.geometry import Projection
from cxr_agent.synthesis.rays import FloatVolume, Plane, line_integrals
from cxr_agent.synthesis.volume import HounsfieldVolume, Volume

WATER_PER_MM: Final = 0.0193
"""Attenuation of water at 70 keV (NIST XCOM: 0.1929 / cm), about the mean of a chest film's
beam of 120 kVp."""
_NO_TISSUE_HU: Final = -980
_BEHIND: Final = 0.05
"""Line integral below which a ray met no body."""
_BINS: Final = 1024


@dataclass(frozen=True, slots=True)
class Style:
    """How exposures become greys."""

    contrast: float = 4.0
    """Slope of the logistic curve over the body's range of log exposure; 0 is a straight line."""
    brightness: float = 0.5
    """Share of that range that becomes middle grey; higher is darker."""
    photons: float = 40_000.0
    """Per pixel without a patient; 0 is no noise."""
    blur_mm: float = 0.3
    """Standard deviation at the detector, of focal spot and detector together."""
    edges: float = 0.0
    """Unsharp masking of 3 mm, as processing does."""


STYLES: Final[dict[str, Style]] = {
    "film": Style(),
    "digital": Style(contrast=2.5, brightness=0.55, photons=80_000, edges=0.6),
    "hard": Style(contrast=7.0, brightness=0.5),
    "bedside": Style(contrast=3.0, brightness=0.45, photons=6_000, blur_mm=0.7),
    "linear": Style(contrast=0.0, photons=0.0, blur_mm=0.0),
}


def style_named(name: str) -> Style:
    """A style of :data:`STYLES`. Raises :class:`UsageError` ``unknown_style``."""
    try:
        return STYLES[name]
    except KeyError:
        raise UsageError(
            "unknown_style", f"there is no style {name[:40]!r}", hint=f"One of: {', '.join(STYLES)}"
        ) from None


def attenuation(hu: HounsfieldVolume) -> FloatVolume:
    """Per mm, of Hounsfield units: (mu - mu_water) / mu_water * 1000 turned round; air is 0."""
    per_mm = (hu.astype(np.float32) + 1000) * np.float32(WATER_PER_MM / 1000)
    per_mm[hu <= _NO_TISSUE_HU] = 0
    return per_mm


def film_of(volume: Volume, projection: Projection, style: Style, seed: int = 0) -> FloatImage:
    """The film of a volume, (rows, columns) float32 in [0, 1], bone white."""
    exposure = line_integrals(attenuation(volume.hu), volume.affine, projection)
    return developed(exposure, style, projection.pixel_mm, seed)


def developed(integrals: Plane, style: Style, pixel_mm: float, seed: int = 0) -> FloatImage:
    """The film of line integrals.

    Parameters
    ----------
    integrals
        (rows, columns), without unit.
    seed
        Of the noise; the same gives the same film.
    """
    log = integrals.astype(np.float64)
    if style.blur_mm > 0:
        log = -np.log(ndimage.gaussian_filter(np.exp(-log), style.blur_mm / pixel_mm))
    if style.photons > 0:
        log = _noisy(log, style.photons, np.random.default_rng(seed))
    if style.edges > 0:
        log = log + style.edges * (log - ndimage.gaussian_filter(log, 3.0 / pixel_mm))
    return np.clip(toned(log, style), 0, 1).astype(np.float32)


def toned(log: NDArray[np.floating], style: Style) -> NDArray[np.float64]:
    """The greys of log exposures by a style's curve alone, about 0 to 1."""
    low, high = _body_range(log)
    share: NDArray[np.float64] = (log.astype(np.float64) - low) / (high - low)
    return _curve(share, style)


def _noisy(
    log: NDArray[np.float64], photons: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    counted = rng.poisson(photons * np.exp(-log))
    noisy: NDArray[np.float64] = -np.log(np.maximum(counted, 0.5) / photons)
    return noisy


def _body_range(log: NDArray[np.floating]) -> tuple[float, float]:
    """Log exposures that become black and white: of the body, but for what is rare."""
    body = log[log > _BEHIND]
    if body.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(body, [1, 99.5])
    # What lies beside the body is black as well: the curve begins between it and the lungs.
    return 0.6 * float(low), max(float(high), 0.6 * float(low) + 1e-3)


def _curve(share: NDArray[np.float64], style: Style) -> NDArray[np.float64]:
    if style.contrast <= 0:
        return share
    ends = 1 / (1 + np.exp(-style.contrast * (np.array([0, 1]) - style.brightness)))
    grey = 1 / (1 + np.exp(-style.contrast * (np.clip(share, -1, 2) - style.brightness)))
    scaled: NDArray[np.float64] = (grey - ends[0]) / (ends[1] - ends[0])
    return scaled


def matched(film: FloatImage, like: FloatImage) -> FloatImage:
    """The film with the grey levels of another one: a monotone curve that makes histograms equal.

    What is darker stays darker, so that no border is moved or made.
    """
    edges = np.linspace(0, 1, _BINS + 1)
    own = np.cumsum(np.histogram(film, edges)[0]) / film.size
    other = np.cumsum(np.histogram(like, edges)[0]) / like.size
    middles = (edges[1:] + edges[:-1]) / 2
    strictly = other + np.arange(_BINS) * 1e-12
    curve = np.interp(own, strictly, middles)
    return np.interp(film, middles, curve).astype(np.float32)
