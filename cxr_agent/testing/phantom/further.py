"""Structures beside lungs, heart and clavicles, drawn so that their measures are known exactly.

As real masks from projected CT do, they overlap: the aorta lies over the heart, the spine over all.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.testing.phantom.shapes import (
    Plane,
    aorta_left,
    arch_left,
    carina_y,
    floor_at,
    heart_right,
    height_of,
    trachea_walls,
    wall_at,
)
from cxr_agent.testing.phantom.spec import PhantomSpec

Mask = NDArray[np.bool_]

_SPINE_HALF: Final = 0.03
_RIB_HALF: Final = 0.009
RIB_LINE: Final = 0.40
"""Share of the right lung's width, from its side, at which ribs are counted."""
_BRONCHUS: Final = 0.055
_BIFURCATION: Final = 0.10
_STEM: Final = 0.03
_SCAPULA: Final = 0.12
_ASCENDING: Final = 0.05


def further_structures(spec: PhantomSpec, x: Plane, y: Plane) -> dict[str, Mask]:
    """Masks by structure of ``kb/structures.toml``."""
    return {
        **_airways(spec, x, y),
        **_spine(spec, x, y),
        **_ribs(spec, x, y),
        **_aorta(spec, x, y),
        **_scapulae(spec, x, y),
        **_diaphragm(spec, x, y),
        "upper_mediastinum": _mediastinum(spec, x, y),
    }


def _airways(spec: PhantomSpec, x: Plane, y: Plane) -> dict[str, Mask]:
    right, left = trachea_walls(spec)
    vertex = carina_y(spec)
    aside = np.abs(x - (right + left) / 2)
    inner = (y - vertex) * np.tan(np.deg2rad(spec.carina_angle_deg / 2))
    bronchi = (y >= vertex) & (y < vertex + _BIFURCATION)
    bronchi &= (aside >= inner) & (aside < inner + _BRONCHUS)
    stem = (y >= vertex - _STEM) & (y < vertex) & (aside < spec.trachea_width / 2)
    trachea = (x >= right) & (x < left) & (y >= spec.apex_y - 0.08) & (y < vertex)
    return {"trachea": trachea, "carina": bronchi | stem}


def _spine(spec: PhantomSpec, x: Plane, y: Plane) -> dict[str, Mask]:
    beside = np.abs(x - 0.5 - spec.spine_shift) < _SPINE_HALF
    top, pitch = spec.apex_y - 0.03, (height_of(spec) + 0.05) / 12
    found = {"spine": beside}
    for number in range(1, 13):
        start = top + (number - 1) * pitch
        found[f"vertebra_t{number}"] = beside & (y >= start) & (y < start + 0.85 * pitch)
    return found


def rib_rows(spec: PhantomSpec) -> list[float]:
    """Heights of the posterior ribs 1 to 11; the stated one lies on the right dome."""
    half = spec.thorax_width / 2
    line = np.array([0.5 - (half - RIB_LINE * (half - 0.045))])
    dome = float(floor_at(spec, line, np.array([spec.base_y]))[0])
    first = spec.apex_y + 0.03
    pitch = (dome - first) / (spec.rib_on_diaphragm - 1)
    return [first + number * pitch for number in range(11)]


def _ribs(spec: PhantomSpec, x: Plane, y: Plane) -> dict[str, Mask]:
    found = {}
    within = (np.abs(x - 0.5) > 0.03) & (np.abs(x - 0.5) < np.maximum(wall_at(spec, y), 0.16))
    for number, row in enumerate(rib_rows(spec), 1):
        band = within & (np.abs(y - row) < _RIB_HALF)
        found[f"posterior_rib_{number}_right"] = band & (x < 0.5)
        found[f"posterior_rib_{number}_left"] = band & (x > 0.5)
    return found


def _aorta(spec: PhantomSpec, x: Plane, y: Plane) -> dict[str, Mask]:
    vertex, edge = carina_y(spec), arch_left(spec)
    width = spec.descending_ratio * spec.trachea_width
    arch = (y >= vertex - 0.09) & (y < vertex - 0.01) & (x < edge) & (x >= edge - width)
    left = aorta_left(spec, y)
    descending = (y >= vertex - 0.05) & (y < spec.base_y) & (x < left) & (x >= left - width)
    start_x, start_y = trachea_walls(spec)[0], vertex
    end_x, end_y = heart_right(spec)
    line = start_x + (y - start_y) * (end_x - start_x) / (end_y - start_y)
    beyond = spec.ascending_share * _ASCENDING
    ascending = (y >= vertex + 0.01) & (y < vertex + 0.21)
    ascending &= (x >= line - beyond) & (x < line + _ASCENDING - beyond)
    return {
        "aortic_arch": arch,
        "ascending_aorta": ascending,
        "descending_aorta": descending,
        "aorta": arch | ascending | descending,
    }


def _scapulae(spec: PhantomSpec, x: Plane, y: Plane) -> dict[str, Mask]:
    depth = (y - spec.apex_y) / height_of(spec)
    tall = (depth >= 0.12) & (depth < 0.12 + 0.34 / height_of(spec))
    beyond = np.abs(x - 0.5) - wall_at(spec, y)
    found = {}
    for side, overlap in (
        ("right", spec.scapula_overlap_right),
        ("left", spec.scapula_overlap_left),
    ):
        band = (beyond >= -overlap * _SCAPULA) & (beyond < (1 - overlap) * _SCAPULA)
        found[f"{side}_scapula"] = tall & band & ((x < 0.5) if side == "right" else (x > 0.5))
    return found


def _diaphragm(spec: PhantomSpec, x: Plane, y: Plane) -> dict[str, Mask]:
    below = (y >= floor_at(spec, x, y)) & (y < spec.base_y + 0.08)
    below &= np.abs(x - 0.5) < wall_at(spec, y)
    return {"right_hemidiaphragm": below & (x < 0.5), "left_hemidiaphragm": below & (x > 0.5)}


def _mediastinum(spec: PhantomSpec, x: Plane, y: Plane) -> Mask:
    """Widest at its foot, at the height of the carina."""
    foot = carina_y(spec)
    width = spec.mediastinal_ratio * 2 * float(wall_at(spec, np.array([foot]))[0])
    half = width / 2 * (1 - 0.5 * (foot - y) / 0.12)
    mask: Mask = (y >= foot - 0.12) & (y < foot) & (np.abs(x - 0.5) < half)
    return mask
