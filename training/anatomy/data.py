"""Films with masks, and the fixed split.

Every film belongs to one patient in these sets, so a split by film is a split by patient.

* JSRT: the SHA-256 of the file name orders the films; the first fifth is the **test** set, the
  next tenth the **validation** set, the rest is for training. Nothing is ever chosen or
  calibrated on the test set.
* wingspan: the same order cut into :data:`FOLDS` folds for cross-validation.
* Further lung sets (``--extra DIR``, see training/README.md) are only trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_agent.models.networks.anatomy import STRUCTURES

FOLDS = 3
STORED_SIZE = 512
ALL = frozenset(STRUCTURES)
NO_CLAVICLES = frozenset({"right_lung", "left_lung", "heart"})
LUNGS = frozenset({"right_lung", "left_lung"})


@dataclass(frozen=True, slots=True)
class Film:
    """One film on disk, its bit-plane mask and which structures the readers drew."""

    source: str
    name: str
    image: Path
    mask: Path
    annotated: frozenset[str]

    def pixels(self) -> NDArray[np.float32]:
        """(rows, columns) in [0, 1]."""
        return np.asarray(Image.open(self.image).convert("L"), dtype=np.float32) / 255

    def planes(self) -> dict[str, NDArray[np.bool_]]:
        """One boolean mask per annotated structure."""
        bits = self.bits()
        return {
            name: (bits >> bit & 1).astype(bool)
            for bit, name in enumerate(STRUCTURES)
            if name in self.annotated
        }

    def bits(self) -> NDArray[np.uint8]:
        """Bit planes as drawn, with the known defects of the set mended."""
        drawn = self.bits_as_drawn()
        return _mended(drawn) if self.source == "wingspan" else drawn

    def bits_as_drawn(self) -> NDArray[np.uint8]:
        """Bit planes as they stand in the file."""
        return np.asarray(Image.open(self.mask), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Split:
    """Three disjoint lists of films."""

    train: list[Film]
    validation: list[Film]
    test: list[Film]


def _mended(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Two defects of wingspan's masks, mended by rule.

    On one film the planes of heart and left lung are swapped: the "heart" lies to the left of
    the "left lung" in the patient. On about one film in twelve the left lung goes on behind the
    heart, where all others, and JSRT's, end at its border.
    """
    right, left, heart = (bits >> bit & 1 for bit in range(3))
    columns = np.arange(bits.shape[1])
    if (heart.sum(0) * columns).sum() / heart.sum() > (left.sum(0) * columns).sum() / left.sum():
        left, heart = heart, left
    right, left = right & ~heart & 1, left & ~heart & 1
    return (right | left << 1 | heart << 2).astype(np.uint8)


def _ordered(films: Iterable[Film]) -> list[Film]:
    return sorted(films, key=lambda film: hashlib.sha256(film.name.encode()).hexdigest())


def _folder(root: Path, source: str, annotated: frozenset[str]) -> list[Film]:
    return _ordered(
        Film(source, mask.name, root / "images" / mask.name, mask, annotated)
        for mask in (root / "masks").glob("*.png")
        if (root / "images" / mask.name).exists()
    )


def jsrt(shared: Path) -> Split:
    """The fixed JSRT split: 20 % test, 10 % validation, 70 % training."""
    films = _folder(shared / "data" / "jsrt", "jsrt", ALL)
    test, validation = len(films) // 5, len(films) // 10
    return Split(films[test + validation :], films[test : test + validation], films[:test])


def wingspan(shared: Path) -> list[list[Film]]:
    """The wingspan films in :data:`FOLDS` folds."""
    films = _folder(shared / "data" / "wingspan", "wingspan", NO_CLAVICLES)
    return [films[fold::FOLDS] for fold in range(FOLDS)]


def extra(folder: Path) -> list[Film]:
    """Lung-only films from other hospitals: one folder per set with images/ and masks/."""
    return [
        film
        for root in sorted(path for path in folder.iterdir() if (path / "masks").is_dir())
        for film in _folder(root, root.name, LUNGS)
    ]


def covid_lungs(shared: Path) -> list[Film]:
    """Hand-drawn lung masks of ill patients; a test set, never trained on."""
    root = shared / "data" / "covid"
    masks = sorted((root / "lung_masks").glob("*.png"))
    images = {path.stem: path for path in (root / "images").iterdir()}
    return [
        Film("covid", mask.stem, images[mask.stem], mask, LUNGS)
        for mask in masks
        if mask.stem in images
    ]
