"""Whether synthetic films are copies of the films that their maker learnt from.

A synthetic film that is nearer to a training film than real films ever are to each other was
remembered. Nearness to training films alone proves nothing (they are real films, and synthetic ones
shall be like real ones), so a hold-out of real films that the maker never saw is the measure.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from cxr_agent.evaluation.metrics.means import Mean, mean_over
from cxr_agent.evaluation.metrics.shares import Share, share
from cxr_agent.evaluation.suites.chexgenbench.fidelity import Points, distances

CLOSE_SHARE: Final = 0.01
"""Real hold-out films of which so many lie nearer to a training film are what "close" means."""
_MOST_NAMED: Final = 20


class Match(BaseModel):
    """A synthetic film and the training film that it is close to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    synthetic: int
    training: int
    """Places in the lists that were given."""
    distance: float


class Privacy(BaseModel):
    """Nearest neighbours of synthetic films among training films and among a hold-out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    synthetic: int
    training: int
    holdout: int
    nearest_training: Mean
    """Mean distance of a synthetic film to the nearest training film."""
    nearest_holdout: Mean
    """The same to the hold-out, of which as many films are looked at as of training films where it
    has them."""
    close_below: float
    """Distance below which a film is close: the 1 % quantile of the distances of hold-out films to
    the nearest training film."""
    close: Share
    """Synthetic films that close to a training film: the re-identification rate."""
    nearer_to_training: Share
    """Synthetic films nearer to a training film than to any of the hold-out, both of equal number;
    without copying, one half (after Meehan, Chaudhuri, Dasgupta, AISTATS 2020)."""
    copies: Share
    """Synthetic films at (next to) no distance from a training film."""
    matches: tuple[Match, ...]
    """The closest ones, at most twenty, for a person to look at."""

    @property
    def leaks(self) -> bool:
        """More films than chance gives are close to training films, or nearer to them."""
        close, nearer = self.close.interval, self.nearer_to_training.interval
        return (close is not None and close[0] > CLOSE_SHARE) or (
            nearer is not None and nearer[0] > 0.5
        )


SAME_BELOW: Final = 1e-3
"""Distance on the unit sphere below which two films are one: re-encoding alone moves a film so."""


def privacy(training: Points, synthetic: Points, holdout: Points, *, seed: int = 0) -> Privacy:
    """Hold synthetic films against the training films and a hold-out.

    Parameters
    ----------
    training, synthetic, holdout
        (N, D), (M, D), (H, D) of the same embedding; none empty. No film of the hold-out may be of
        a patient of the training films.
    seed
        Of the draw that makes training films and hold-out equally many.

    Raises
    ------
    ValueError
        When one of the sets is empty.
    """
    if not (len(training) and len(synthetic) and len(holdout)):
        raise ValueError("training films, synthetic films and a hold-out are needed")
    to_training = distances(synthetic, training)
    nearest = to_training.min(axis=1)
    limit = float(np.quantile(distances(holdout, training).min(axis=1), CLOSE_SHARE))
    some, others = _equally_many(training, holdout, np.random.default_rng(seed))
    to_some = distances(synthetic, some).min(axis=1)
    to_others = distances(synthetic, others).min(axis=1)
    return Privacy(
        synthetic=len(synthetic),
        training=len(training),
        holdout=len(holdout),
        nearest_training=mean_over(to_some),
        nearest_holdout=mean_over(to_others),
        close_below=limit,
        close=share(int((nearest < limit).sum()), len(synthetic)),
        nearer_to_training=share(int((to_some < to_others).sum()), len(synthetic)),
        copies=share(int((nearest < SAME_BELOW).sum()), len(synthetic)),
        matches=_matches(to_training, nearest, limit),
    )


def _equally_many(
    training: Points, holdout: Points, dice: np.random.Generator
) -> tuple[Points, Points]:
    count = min(len(training), len(holdout))
    return (
        training[dice.permutation(len(training))[:count]],
        holdout[dice.permutation(len(holdout))[:count]],
    )


def _matches(
    between: NDArray[np.float64], nearest: NDArray[np.float64], limit: float
) -> tuple[Match, ...]:
    order = [int(place) for place in np.argsort(nearest, kind="stable") if nearest[place] < limit]
    return tuple(
        Match(
            synthetic=place,
            training=int(between[place].argmin()),
            distance=float(nearest[place]),
        )
        for place in order[:_MOST_NAMED]
    )
