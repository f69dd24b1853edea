"""Bending one film onto another where an affine map leaves them apart; needs MONAI and torch.

A field of displacements on a coarse grid, found by gradient descent on the local normalised
cross-correlation of the greys (Avants et al., Med Image Anal 2008;12:26-41), which no window or
gamma moves, and held smooth by its bending energy (Rueckert et al., IEEE TMI 1999;18:712-721). A
field that bends freely would also bend away what has changed: it is stiff, and bounded.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np

from cxr_agent.compare.affine import Plane
from cxr_agent.models.adapters.libraries import library

_KNOTS: Final = 12
"""Knots of the field along the longer side of the frame."""
_FURTHEST: Final = 10.0
"""Cells by which it displaces at most: 4 % of the thorax."""
_STEPS: Final = 60
_RATE: Final = 0.15
_STIFF: Final = 0.05
_COARSER: Final = 2
"""By which the frame is coarser while the field is sought: greys in it are smooth over as much."""
_WINDOW: Final = 11
"""Coarse cells over which greys are correlated."""
_WHOLE: Final = 0.999
"""Share of a cell that lies on the film, from which on rounding may account for the rest."""


def bent(fixed: Plane, moving: Plane) -> Plane:
    """The moving film bent onto the fixed one.

    Parameters
    ----------
    fixed, moving
        (rows, columns) greys of both films in one frame, laid over one another as well as an affine
        map can; NaN where a film does not reach.

    Raises
    ------
    ModelError
        ``library_missing``.
    """
    with warnings.catch_warnings():
        # MONAI tells of how it works, and of what coming versions of torch will refuse.
        warnings.simplefilter("ignore")
        return _bent(fixed, moving)


def _bent(fixed: Plane, moving: Plane) -> Plane:
    torch, losses = library("torch"), library("monai.losses")
    blocks = library("monai.networks.blocks")
    known = np.isfinite(fixed) & np.isfinite(moving)
    target, source = (
        torch.nn.functional.avg_pool2d(_tensor(torch, np.where(known, one, 0.0)), _COARSER)
        for one in (fixed, moving)
    )
    alike = losses.LocalNormalizedCrossCorrelationLoss(spatial_dims=2, kernel_size=_WINDOW)
    smooth = losses.BendingEnergyLoss()
    warp = blocks.Warp(mode="bilinear", padding_mode="border")
    rows, columns = fixed.shape
    knots = [max(4, round(_KNOTS * side / max(rows, columns))) for side in (rows, columns)]
    field = torch.zeros((1, 2, *knots), requires_grad=True)
    steps = torch.optim.Adam([field], lr=_RATE)
    for _ in range(_STEPS):
        steps.zero_grad()
        spread = _spread(torch, field, tuple(target.shape[2:])) / _COARSER
        loss = alike(warp(source, spread), target) + _STIFF * smooth(field)
        loss.backward()
        steps.step()
    with torch.no_grad():
        spread = _spread(torch, field, (rows, columns))
        reached = np.isfinite(moving)
        found, share = (
            warp(_tensor(torch, one), spread)[0, 0].numpy()
            for one in (np.where(reached, moving, 0.0), reached.astype(np.float64))
        )
    # What is drawn from beyond the film even in part is not known.
    return np.where(share > _WHOLE, found, np.nan)


def _tensor(torch: Any, plane: Plane) -> Any:
    return torch.from_numpy(plane.astype(np.float32))[None, None]


def _spread(torch: Any, field: Any, shape: tuple[int, int]) -> Any:
    """The field over the whole frame, in cells."""
    bounded = _FURTHEST * torch.tanh(field / _FURTHEST)
    return torch.nn.functional.interpolate(bounded, size=shape, mode="bicubic", align_corners=True)
