"""One film on disk and what is known of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SPLITS = ("test", "calibration", "validation", "train")


@dataclass(frozen=True, slots=True)
class Film:
    """A film; two films of one patient always fall into the same split."""

    source: str
    patient: str
    """Unique within the source."""
    path: Path
    view: str = "unknown"
    """``PA``, ``AP``, ``frontal``, ``lateral``, ``other`` (no chest film) or ``unknown``."""
    labels: dict[str, bool] = field(default_factory=dict)
    """Code of kb/vocabulary.toml to present or absent; a code that is missing is not known."""
    child: bool | None = None
    grain: int = 224
    """Longest side of the stored copy in pixels, where it is less than 224: coarse copies are
    trained on, and below 128 not tested on."""

    @property
    def person(self) -> str:
        return f"{self.source}/{self.patient}"

    @property
    def split(self) -> str:
        """By the SHA-256 of the patient: 60 % train, 20 % test, 10 % each of the others."""
        share = int(hashlib.sha256(self.person.encode()).hexdigest()[:8], 16) / 16**8
        if share < 0.2:
            return "test"
        if share < 0.3:
            return "calibration"
        return "validation" if share < 0.4 else "train"

    def pixels(self) -> NDArray[np.float32]:
        """(rows, columns) float32 in [0, 1]."""
        return np.asarray(Image.open(self.path).convert("L"), dtype=np.float32) / 255
