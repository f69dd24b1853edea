"""The 14 labels of CheXpert (Irvin et al., AAAI 2019), and who gives them to a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, Protocol

NO_FINDING: Final = "No Finding"
LABELS: Final = (
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
    NO_FINDING,
)
"""In the order of CheXbert's heads."""
FIVE: Final = ("Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Pleural Effusion")
"""The subset that CheXpert's competition and most papers on report generation score."""


class Mark(StrEnum):
    """What a report says of a label."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"
    NOT_MENTIONED = "not_mentioned"


Marks = Mapping[str, Mark]
"""A mark for each of the 14 labels."""


class Labeler(Protocol):
    """Gives reports their labels."""

    name: str

    def label(self, reports: Sequence[str]) -> list[Marks]: ...
