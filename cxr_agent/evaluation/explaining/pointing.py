"""Whether maps point to the anatomy that their finding is about.

Pointing game: Zhang et al., "Top-down Neural Attention by Excitation Backprop", ECCV 2016. Energy:
Wang et al., "Score-CAM", CVPR Workshops 2020. Both against what a map that knows nothing would
reach on the same film: the share of the film that the anatomy takes up. A network may rightly look
elsewhere (an effusion also moves the heart), so a low value is a question, and no proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from cxr_agent.evaluation.explaining.places import BoolMask
from cxr_agent.evaluation.metrics.means import Mean, mean_over
from cxr_agent.evaluation.metrics.shares import Share, share
from cxr_agent.study import FloatImage

SHOWN_FROM: Final = 0.25
"""What the overlay leaves clear below (:mod:`cxr_agent.report.render._heatmaps`)."""
HOT_FROM: Final = 0.5


@dataclass(frozen=True, slots=True)
class Pointed:
    """One map against one anatomy."""

    hit: bool
    """Whether its largest value lies in it."""
    energy: float
    """Share of what the overlay shows that lies in it."""
    hot: float
    """Share of the map's upper half that lies in it."""
    chance: float
    """Share of the film that it takes up."""


def pointed(plane: FloatImage, anatomy: BoolMask) -> Pointed:
    """Hold one map against an anatomy.

    Parameters
    ----------
    plane
        (rows, columns) in [0, 1] over the whole film, at any size.
    anatomy
        (rows, columns) of the film.
    """
    from PIL import Image

    rows, columns = anatomy.shape
    values = np.asarray(
        Image.fromarray(plane.astype(np.float32)).resize((columns, rows), Image.Resampling.BILINEAR)
    )
    shown = np.maximum(values - SHOWN_FROM, 0)
    hot = values >= min(HOT_FROM, float(values.max()))
    total = float(shown.sum())
    return Pointed(
        hit=bool(anatomy.flat[int(values.argmax())]),
        energy=float(shown[anatomy].sum()) / total if total else 0.0,
        hot=float((hot & anatomy).sum() / hot.sum()),
        chance=float(anatomy.mean()),
    )


class PointingTest(BaseModel):
    """The maps of one finding."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    finding: str
    places: tuple[str, ...]
    flagged_only: bool
    hits: Share
    energy: Mean
    hot: Mean
    chance: Mean
    gain: Mean
    """Energy less chance, film by film."""

    @property
    def holds(self) -> bool:
        """More of the map lies in the anatomy than by chance: the interval is above 0."""
        return self.gain.interval is not None and self.gain.interval[0] > 0


def pointing_test(
    finding: str, places: Sequence[str], maps: Sequence[Pointed], *, flagged_only: bool = False
) -> PointingTest:
    """Put the films together."""
    return PointingTest(
        finding=finding,
        places=tuple(places),
        flagged_only=flagged_only,
        hits=share(sum(one.hit for one in maps), len(maps)),
        energy=mean_over([one.energy for one in maps]),
        hot=mean_over([one.hot for one in maps]),
        chance=mean_over([one.chance for one in maps]),
        gain=mean_over([one.energy - one.chance for one in maps]),
    )
