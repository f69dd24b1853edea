"""Which films the classifier learns from, is set on and is tested on.

ChestX-ray14 carries most labels; JSRT and the tuberculosis sets add their own. CheXpert's
validation films and those of VinDr-CXR, read by radiologists, are never trained on: they are the
tests on strange hospitals. Films of children and of case reports are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.films import sets
from training.films.duplicates import without_duplicates
from training.films.film import Film

_TOO_FEW: Final = ("hernia", "support_devices", "fracture")
CODES: Final = tuple(code for code in sets.LABELS if code not in _TOO_FEW)
"""In the order of the network's outputs: what enough films to learn from are labelled with."""
LEARNT: Final = ("nih", "jsrt", "montgomery", "shenzhen")
STRANGE: Final = sets.TESTS_ONLY
FINE: Final = 128
"""Films whose stored copy is coarser, in pixels of the longest side, are trained on only."""


def frontal(shared: Path, extra: Path) -> list[Film]:
    """Labelled frontal films of adults, each picture once."""
    wanted = {*LEARNT, *STRANGE}
    films = [
        film
        for film in sets.chest_films(shared, extra)
        if film.source in wanted and film.view != "lateral" and film.labels and not film.child
    ]
    return without_duplicates(films)[0]


def part(films: Iterable[Film], split: str, sources: Iterable[str]) -> list[Film]:
    """Films of one split; what is measured on needs a copy that is fine enough."""
    wanted = set(sources)
    return [
        film
        for film in films
        if film.source in wanted
        and film.split == split
        and (split == "train" or film.grain >= FINE)
    ]


def targets(films: Iterable[Film]) -> NDArray[np.float32]:
    """(N, len(CODES)): 1 present, 0 absent, NaN not known."""
    return np.array(
        [[float(film.labels.get(code, np.nan)) for code in CODES] for film in films],
        dtype=np.float32,
    ).reshape(-1, len(CODES))
