"""The zones of a lung, by rule from its outline."""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_agent.measure.extent import BoolMask, extent

_ENDS: Final = {"upper": (0.0, 1 / 3), "mid": (1 / 3, 2 / 3), "lower": (2 / 3, 1.0)}


def lung_zones(lung: BoolMask) -> dict[str, BoolMask]:
    """The upper, mid and lower zone of one lung: thirds of its height.

    After the Fleischner Society (Hansell et al., Radiology 2008;246:697-722), which divides by
    equal heights, not by lobes. Together they are the lung and no two share a pixel.

    Parameters
    ----------
    lung
        (rows, columns) bool.

    Returns
    -------
    dict
        By name; empty for an empty outline or one of less than three rows.
    """
    zones = {}
    for name, rows in _rows(lung).items():
        zones[name] = zone = np.zeros_like(lung)
        zone[rows] = lung[rows]
    return zones


def _rows(lung: BoolMask) -> dict[str, slice]:
    """Of each zone by name; empty where there are none."""
    box = extent(lung)
    if box is None or box.height < len(_ENDS):
        return {}
    return {
        name: slice(box.top + round(start * box.height), box.top + round(stop * box.height))
        for name, (start, stop) in _ENDS.items()
    }


def hilar_half(lung: BoolMask, *, medial_is_right: bool) -> BoolMask:
    """The medial part of the mid zone, row by row: the half of the lung next to the mediastinum.

    Parameters
    ----------
    medial_is_right
        Whether the mediastinum lies to the right of this lung in the picture: so for the patient's
        right lung.
    """
    half = np.zeros_like(lung)
    rows = _rows(lung).get("mid")
    if rows is None:
        return half
    zone, width = lung[rows], lung.shape[1]
    first, last = zone.argmax(axis=1), width - 1 - zone[:, ::-1].argmax(axis=1)
    middle = ((first + last + 1) // 2)[:, None]
    columns = np.arange(width)
    half[rows] = zone & (columns >= middle if medial_is_right else columns < middle)
    return half
