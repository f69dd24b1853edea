"""True values of a phantom, from the numbers that it is drawn from and not from its pixels."""

from __future__ import annotations

import numpy as np

from cxr_agent.testing.phantom.shapes import (
    CLAVICLE_GAP,
    aorta_left,
    carina_y,
    heart_centre,
    height_of,
)
from cxr_agent.testing.phantom.spec import PhantomSpec

_CUTS = 6
_TRIMMED = 0.05


def true_values(spec: PhantomSpec) -> dict[str, float]:
    """By measurement id, for a film that is not tilted."""
    near, far = sorted((CLAVICLE_GAP - spec.spine_shift, CLAVICLE_GAP + spec.spine_shift))
    return {
        "inspiration": float(spec.rib_on_diaphragm),
        "rotation": near / far,
        "projection": (spec.scapula_overlap_right + spec.scapula_overlap_left) / 2,
        "mediastinal_width": spec.mediastinal_ratio,
        "carina_angle": spec.carina_angle_deg,
        "trachea_deviation": (spec.trachea_shift - spec.spine_shift) / spec.trachea_width,
        "aortic_knob": spec.knob_ratio,
        "ascending_aorta": spec.ascending_share,
        "descending_aorta": spec.descending_ratio,
        "aortic_tortuosity": _tortuosity(spec),
        # The domes are 0.17 and 0.13 of the film high.
        "diaphragm_height_share": 0.04,
    }


def _tortuosity(spec: PhantomSpec) -> float:
    """Mean curvature of the left wall at six heights, times the film's height.

    kappa = |x' y'' - y' x''| / (x'^2 + y'^2)^1.5 with differences over the index of the points.
    """
    top = carina_y(spec) - 0.05
    bottom = heart_centre(spec)[1] + 0.23 * height_of(spec)
    trim = _TRIMMED * (bottom - top)
    y = np.linspace(top + trim, bottom - trim, _CUTS)
    x = aorta_left(spec, y)
    dx, dy = np.gradient(x), np.gradient(y)
    ddx, ddy = np.gradient(dx), np.gradient(dy)
    return float((np.abs(dx * ddy - dy * ddx) / (dx**2 + dy**2) ** 1.5).mean())
