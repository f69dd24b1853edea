"""What the view model learns from: films as they lie, turned, mirrored and with inverted greys.

Kinds of pictures in :data:`UNSEEN` are in no stage of training: they test whether "no chest film"
was learnt, and not a list of sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.models.view import FLAGS, KINDS
from training.films import sets
from training.films.duplicates import without_duplicates
from training.films.film import Film

UNSEEN: Final = ("breast_us", "limb_fangcao", "medmnist64")
FRONTAL: Final = ("nih", "montgomery", "shenzhen", "jsrt", "wingspan", "covid", "kermany")
FINE: Final = 100


@dataclass(frozen=True, slots=True)
class Films:
    """Films of one split, by kind."""

    frontal: list[Film]
    lateral: list[Film]
    other: list[Film]


def films(shared: Path, extra: Path, split: str) -> Films:
    """Frontal films of the seven sets, side views, and kinds of other pictures that are seen."""
    frontal = [f for f in sets.chest_films(shared, extra) if f.source in FRONTAL]
    frontal = [f for f in without_duplicates(frontal)[0] if f.grain >= FINE]
    seen = [f for f in sets.other_pictures(extra) if f.source not in UNSEEN]
    return Films(
        *([f for f in group if f.split == split] for group in (frontal, sets.laterals(extra), seen))
    )


def unseen(extra: Path) -> list[Film]:
    """Pictures of kinds that training never saw."""
    return [f for f in sets.other_pictures(extra) if f.source in UNSEEN]


def strange(shared: Path, extra: Path) -> list[Film]:
    """Frontal films of hospitals that training never saw."""
    return [
        f
        for f in sets.chest_films(shared, extra)
        if f.source in sets.TESTS_ONLY and f.view != "lateral"
    ]


def kind_of(film: Film) -> int:
    """Index into KINDS."""
    return KINDS.index(film.view if film.view in KINDS else "frontal")


def flags_of(film: Film) -> NDArray[np.float32]:
    """(4,) in the order of FLAGS, of the film as it lies; NaN where not known.

    The films of children are all antero-posterior here, so they teach nothing about projection.
    """
    flags = dict.fromkeys(FLAGS, np.nan)
    if kind_of(film) == KINDS.index("other"):
        return np.array(list(flags.values()), dtype=np.float32)
    flags["mirrored"] = flags["inverted"] = 0.0
    flags["child"] = float(bool(film.child)) if film.view != "lateral" else np.nan
    if film.view in ("PA", "AP") and film.source != "kermany":
        flags["ap"] = float(film.view == "AP")
    return np.array(list(flags.values()), dtype=np.float32)
