"""Whether synthetic films are copies of the films that their maker learnt from.

A synthetic film that is nearer to a training film than real films ever are to each other was
remembered. Nearness to training films alone proves nothing (they are real films, and synthetic ones
shall be like real ones), so a hold-out of real films that the maker never saw is the measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from cxr_agent.evaluation.metrics.means import Mean, mean_over
from cxr_agent.evaluation.metrics.shares import Share, share
from cxr_agent.evaluation.suites.chexgenbench.fidelity import Points, distances

CLOSE_SHARE: Final = 0.01
"""Real hold-out films of which so many lie nearer to a training film are what "close" means."""
SAME_BELOW: Final = 0.1
"""Distance of this program's embedding below which two films are one. Measured on JSRT: a film as a
JPEG of quality 60 is at most 0.024 from itself, with 3 % noise 0.033, with 1 % cut off 0.105; the
nearest film of another patient is at least 0.308 away (120 films)."""
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
    without copying, one half (after Meehan, Chaudhuri, Dasgupta, AISTATS 2020). No proof by itself:
    films that are like no real one may all have the same neighbour, and drawn chests, which learnt
    from nobody, came to 0.79 against halves of JSRT."""
    copies: Share
    """Synthetic films that are a training film, stored otherwise."""
    matches: tuple[Match, ...]
    """The closest ones, at most twenty, for a person to look at."""

    @property
    def leaks(self) -> bool:
        """More films than chance gives are close to training films."""
        return self.close.interval is not None and self.close.interval[0] > CLOSE_SHARE


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
    near = nearest(training, synthetic, holdout, seed=seed)
    count = len(synthetic)
    return Privacy(
        synthetic=count,
        training=len(training),
        holdout=len(holdout),
        nearest_training=mean_over(near.to_some),
        nearest_holdout=mean_over(near.to_holdout),
        close_below=near.close_below,
        close=share(int(near.close.sum()), count),
        nearer_to_training=share(int(near.nearer.sum()), count),
        copies=share(int(near.copies.sum()), count),
        matches=_matches(distances(synthetic, training), near.close_below),
    )


@dataclass(frozen=True, slots=True)
class Nearest:
    """Synthetic film by synthetic film, (M,) each."""

    to_training: NDArray[np.float64]
    """Distance to the nearest training film."""
    to_some: NDArray[np.float64]
    """The same to as many training films as the hold-out has, where it has fewer."""
    to_holdout: NDArray[np.float64]
    """To the nearest of as many of the hold-out."""
    close_below: float

    @property
    def close(self) -> NDArray[np.bool_]:
        return self.to_training < self.close_below

    @property
    def nearer(self) -> NDArray[np.bool_]:
        return self.to_some < self.to_holdout

    @property
    def copies(self) -> NDArray[np.bool_]:
        return self.to_training < SAME_BELOW


def nearest(training: Points, synthetic: Points, holdout: Points, *, seed: int = 0) -> Nearest:
    """As :func:`privacy`, film by film."""
    some, others = _equally_many(training, holdout, np.random.default_rng(seed))
    return Nearest(
        to_training=distances(synthetic, training).min(axis=1),
        to_some=distances(synthetic, some).min(axis=1),
        to_holdout=distances(synthetic, others).min(axis=1),
        close_below=float(np.quantile(distances(holdout, training).min(axis=1), CLOSE_SHARE)),
    )


def _equally_many(
    training: Points, holdout: Points, dice: np.random.Generator
) -> tuple[Points, Points]:
    count = min(len(training), len(holdout))
    return (
        training[dice.permutation(len(training))[:count]],
        holdout[dice.permutation(len(holdout))[:count]],
    )


def _matches(between: NDArray[np.float64], limit: float) -> tuple[Match, ...]:
    least = between.min(axis=1)
    order = [int(place) for place in np.argsort(least, kind="stable") if least[place] < limit]
    return tuple(
        Match(
            synthetic=place,
            training=int(between[place].argmin()),
            distance=float(least[place]),
        )
        for place in order[:_MOST_NAMED]
    )
