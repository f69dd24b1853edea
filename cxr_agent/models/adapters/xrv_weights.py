"""The published weights of torchxrayvision: file, pathologies in order, operating points.

Numbers as in torchxrayvision 1.x (Cohen et al., "TorchXRayVision: A library of chest X-ray
datasets and models", MIDL 2022; Apache-2.0), ``torchxrayvision/models.py``. An operating point is
the probability at which the authors' validation films split best; NaN where there is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

_NONE: Final = math.nan
_DENSE: Final = (
    "Atelectasis",
    "Consolidation",
    "Infiltration",
    "Pneumothorax",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Effusion",
    "Pneumonia",
    "Pleural_Thickening",
    "Cardiomegaly",
    "Nodule",
    "Mass",
    "Hernia",
    "Lung Lesion",
    "Fracture",
    "Lung Opacity",
    "Enlarged Cardiomediastinum",
)

CODES: Final = {
    "Atelectasis": "atelectasis",
    "Consolidation": "consolidation",
    "Infiltration": "lung_opacity",
    "Pneumothorax": "pneumothorax",
    "Edema": "pulmonary_edema",
    "Emphysema": "emphysema",
    "Effusion": "pleural_effusion",
    "Pneumonia": "pneumonia",
    "Cardiomegaly": "cardiomegaly",
    "Nodule": "lung_lesion",
    "Mass": "lung_lesion",
    "Lung Lesion": "lung_lesion",
    "Fracture": "fracture",
    "Lung Opacity": "lung_opacity",
    "Enlarged Cardiomediastinum": "enlarged_cardiomediastinum",
}
"""Codes of ``kb/vocabulary.toml``; a pathology that is not here has no code of its own there."""


@dataclass(frozen=True, slots=True)
class Published:
    """One set of weights."""

    file: str
    """As torchxrayvision names it in ``~/.torchxrayvision/models_data``."""
    operating_points: tuple[float, ...]
    """By output, as the network gives them."""
    network: Literal["densenet", "resnet"] = "densenet"
    side: int = 224
    pathologies: tuple[str, ...] = _DENSE
    """By output; those without an operating point were not trained."""


_SAME: Final = "-densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best.pt"

WEIGHTS: Final = {
    "densenet121-res224-all": Published(
        "nih-pc-chex-mimic_ch-google-openi-kaggle" + _SAME,
        (
            0.07422872,
            0.038290843,
            0.09814756,
            0.0098118475,
            0.023601074,
            0.0022490358,
            0.010060724,
            0.103246614,
            0.056810737,
            0.026791653,
            0.050318155,
            0.023985857,
            0.01939503,
            0.042889766,
            0.053369623,
            0.035975814,
            0.20204692,
            0.05015312,
        ),
    ),
    "densenet121-res224-nih": Published(
        "nih" + _SAME,
        (
            0.039117552,
            0.0034529066,
            0.11396341,
            0.0057298196,
            0.00045666535,
            0.0018880932,
            0.012037827,
            0.038744126,
            0.0037213727,
            0.014730946,
            0.016149804,
            0.054241467,
            0.037198864,
            0.0004403434,
            *(_NONE,) * 4,
        ),
    ),
    "densenet121-res224-pc": Published(
        "pc" + _SAME,
        (
            0.031012505,
            0.013347598,
            0.081435576,
            0.001262615,
            0.002587246,
            0.0035944257,
            0.0023071,
            0.055412333,
            0.044385884,
            0.042766232,
            0.043258056,
            0.037629247,
            0.005658899,
            0.0091741895,
            _NONE,
            0.026507627,
            *(_NONE,) * 2,
        ),
    ),
    "densenet121-res224-chex": Published(
        "chex" + _SAME,
        (
            0.1988969,
            0.05710573,
            _NONE,
            0.0531293,
            0.1435217,
            *(_NONE,) * 2,
            0.27212676,
            0.07749717,
            _NONE,
            0.19712369,
            *(_NONE,) * 3,
            0.09932402,
            0.09273402,
            0.3270967,
            0.10888247,
        ),
    ),
    "densenet121-res224-rsna": Published(
        "kaggle" + _SAME,
        (*(_NONE,) * 8, 0.13486601, *(_NONE,) * 7, 0.13511065, _NONE),
    ),
    "densenet121-res224-mimic_nb": Published(
        "mimic_nb" + _SAME,
        (
            0.08558747,
            0.011884617,
            _NONE,
            0.0040595434,
            0.010733786,
            *(_NONE,) * 2,
            0.118761964,
            0.022924708,
            _NONE,
            0.06358637,
            *(_NONE,) * 3,
            0.022143636,
            0.017476924,
            0.1258702,
            0.014020768,
        ),
    ),
    "densenet121-res224-mimic_ch": Published(
        "mimic_ch" + _SAME,
        (
            0.09121389,
            0.010573786,
            _NONE,
            0.005023008,
            0.003698257,
            *(_NONE,) * 2,
            0.08001232,
            0.037242252,
            _NONE,
            0.05006329,
            *(_NONE,) * 3,
            0.019866971,
            0.03823637,
            0.11303808,
            0.0069147074,
        ),
    ),
    "resnet50-res512-all": Published(
        "pc-nih-rsna-siim-vin-resnet50-test512-e400-state.pt",
        (
            0.51570356,
            0.50444704,
            0.53787947,
            0.50723547,
            0.5025118,
            0.5035252,
            0.5038076,
            0.51862943,
            0.5078151,
            0.50724894,
            0.5056339,
            0.510706,
            0.5053923,
            0.5020846,
            _NONE,
            0.5080557,
            0.5138526,
            _NONE,
        ),
        network="resnet",
        side=512,
    ),
}
"""By torchxrayvision's name."""
