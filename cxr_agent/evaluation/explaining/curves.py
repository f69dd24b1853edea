"""Deletion and insertion curves of the classifier's maps, against maps that know nothing.

Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC
2018. A score alone says little: on a chest film a map that just points to the middle deletes much
that matters. So each map is held against random ones and against the centre, on the same film.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from cxr_agent.evaluation.metrics.means import Mean, mean_over
from cxr_agent.models.saliency import Curves, Scorer, curves
from cxr_agent.study import FloatImage

STEPS: Final = 16
RANDOM_MAPS: Final = 4
_BLUR_SHARE: Final = 1 / 12
"""Standard deviation of the blur over the tile's side: no rib and no vessel is left of it."""


class Empty(StrEnum):
    """What is seen where nothing is shown."""

    GREY = "grey"
    """The tile's mean, as the program's own score takes it."""
    BLURRED = "blurred"
    """The tile blurred, as RISE inserts: a large heart is still seen on it."""


@dataclass(frozen=True, slots=True)
class FilmCurves:
    """One map of one film, and maps that know nothing of it."""

    flagged: bool
    """Whether the program would show this map."""
    map: Curves
    centre: Curves
    random: tuple[Curves, ...]


def film_curves(
    tile: FloatImage,
    cells: FloatImage,
    scorer: Scorer,
    dice: np.random.Generator,
    *,
    flagged: bool,
    empty: Empty = Empty.GREY,
) -> FilmCurves:
    """Follow the curves of one film's map.

    Parameters
    ----------
    tile
        (S, S) as the network sees it.
    cells
        (s, s) the map.
    scorer
        What the map explains.
    dice
        For the random maps.
    """
    nothing = None if empty is Empty.GREY else _blurred(tile)

    def followed(plane: FloatImage) -> Curves:
        return curves(tile, plane, scorer, STEPS, nothing)

    return FilmCurves(
        flagged=flagged,
        map=followed(cells),
        centre=followed(centre(cells.shape[0])),
        random=tuple(
            followed(dice.random(cells.shape, dtype=np.float32)) for _ in range(RANDOM_MAPS)
        ),
    )


def centre(side: int) -> FloatImage:
    """(side, side), largest in the middle."""
    along = np.arange(side, dtype=np.float32) - (side - 1) / 2
    return (-(along[:, None] ** 2) - along[None, :] ** 2).astype(np.float32)


def _blurred(tile: FloatImage) -> FloatImage:
    from scipy.ndimage import gaussian_filter

    blurred: FloatImage = gaussian_filter(tile, _BLUR_SHARE * tile.shape[0], mode="nearest")
    return blurred


class CurveSummary(BaseModel):
    """Mean curves over films, and their areas."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deletion: tuple[float, ...]
    insertion: tuple[float, ...]
    deletion_area: Mean
    """The smaller, the better."""
    insertion_area: Mean
    """The larger, the better."""


class CurveTest(BaseModel):
    """The maps of one finding on several films."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    finding: str
    empty: Empty
    films: int
    flagged_only: bool
    """Only films on which the program would show the map."""
    shares: tuple[float, ...]
    """Of cells taken: the abscissa of the curves."""
    map: CurveSummary
    centre: CurveSummary
    random: CurveSummary
    gain_over_random: Mean
    """Insertion minus deletion area of the map, less that of the random ones, film by film."""
    gain_over_centre: Mean
    deletion_gain_over_centre: Mean
    """Of deletion alone: how much more is lost than where the centre is deleted."""

    @property
    def holds(self) -> bool:
        """Better than both by more than chance: both intervals lie above 0."""
        gains = (self.gain_over_random.interval, self.gain_over_centre.interval)
        return all(ends is not None and ends[0] > 0 for ends in gains)


def curve_test(
    finding: str, films: Sequence[FilmCurves], empty: Empty, *, flagged_only: bool = False
) -> CurveTest | None:
    """Put the films together; None where there is none."""
    taken = [film for film in films if film.flagged or not flagged_only]
    if not taken:
        return None
    own = [(film.map,) for film in taken]
    middle = [(film.centre,) for film in taken]
    chance = [film.random for film in taken]
    return CurveTest(
        finding=finding,
        empty=empty,
        films=len(taken),
        flagged_only=flagged_only,
        shares=tuple(np.linspace(0, 1, len(taken[0].map.deletion)).tolist()),
        map=_summary(own),
        centre=_summary(middle),
        random=_summary(chance),
        gain_over_random=mean_over(_scores(own) - _scores(chance)),
        gain_over_centre=mean_over(_scores(own) - _scores(middle)),
        deletion_gain_over_centre=mean_over(_areas(middle)[0] - _areas(own)[0]),
    )


_Films = Sequence[tuple[Curves, ...]]
"""Each film with its curves of one sort, whose mean counts."""


def _areas(films: _Films) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas of deletion and insertion by film."""
    pairs = np.array(
        [
            np.mean([(c.faithfulness.deletion, c.faithfulness.insertion) for c in some], axis=0)
            for some in films
        ]
    )
    return pairs[:, 0], pairs[:, 1]


def _scores(films: _Films) -> NDArray[np.float64]:
    deletion, insertion = _areas(films)
    return insertion - deletion


def _summary(films: _Films) -> CurveSummary:
    deletion, insertion = _areas(films)
    every = [curve for some in films for curve in some]
    return CurveSummary(
        deletion=tuple(np.mean([c.deletion for c in every], axis=0).round(4).tolist()),
        insertion=tuple(np.mean([c.insertion for c in every], axis=0).round(4).tolist()),
        deletion_area=mean_over(deletion),
        insertion_area=mean_over(insertion),
    )
