"""The families of pretrained models as data: nothing here imports a network or a library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of checkpoint and what reads it."""

    name: str
    gives: str
    """What its adapter makes of a film, in a line."""
    sources: tuple[str, ...]
    """Names or places that checkpoints of it are published under."""
    licence: str
    """Of the weights, as far as known."""
    module: str
    """Under ``cxr_agent.models.adapters``."""
    loader: str = "load"


_SEE: Final = "see the model page"

FAMILIES: Final = {
    family.name: family
    for family in (
        Family(
            "sam",
            "a mask and a predicted IoU for a box or points",
            ("facebook/sam-vit-base", "facebook/sam-vit-large", "facebook/sam-vit-huge"),
            "Apache-2.0",
            "sam",
        ),
        Family(
            "medsam",
            "a mask and a predicted IoU for a box or points, prepared as MedSAM was trained",
            ("wanglab/medsam-vit-base", "medsam_vit_b.pth of github.com/bowang-lab/MedSAM"),
            "Apache-2.0",
            "sam",
            "load_medsam",
        ),
        Family(
            "cxas",
            "masks of 159 anatomical structures",
            ("UNet_ResNet50_default of the package cxas",),
            "CC BY-NC-SA 4.0: no commercial use",
            "cxas",
        ),
        Family(
            "xrv",
            "scores for up to 18 pathologies",
            (
                "densenet121-res224-all",
                "densenet121-res224-nih",
                "densenet121-res224-pc",
                "densenet121-res224-chex",
                "densenet121-res224-rsna",
                "densenet121-res224-mimic_nb",
                "densenet121-res224-mimic_ch",
                "resnet50-res512-all",
            ),
            "the library is Apache-2.0; for the weights see its page",
            "xrv",
        ),
        Family(
            "dinov2",
            "a unit vector of a film",
            ("microsoft/rad-dino", "microsoft/rad-dino-maira-2", "facebook/dinov2-base"),
            "RAD-DINO: MIT, research use; others: see the model page",
            "dinov2",
        ),
        Family(
            "medimageinsight",
            "a unit vector of a film",
            ("lion-ai/MedImageInsights",),
            "MIT, research use",
            "medimageinsight",
        ),
        Family(
            "clip",
            "a unit vector of a film or a text, in one space",
            (
                "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
                "openai/clip-vit-base-patch32",
                "google/medsiglip-448",
            ),
            "BiomedCLIP: MIT, research use; others: see the model page",
            "clip",
        ),
        Family(
            "sentence",
            "a unit vector of a text",
            (
                "sentence-transformers/all-MiniLM-L6-v2",
                "sentence-transformers/all-mpnet-base-v2",
                "any other in the layout of sentence-transformers on BERT, DistilBERT, MPNet or "
                "RoBERTa",
            ),
            "these two: Apache-2.0; others: see the model page",
            "sentence",
        ),
        Family(
            "labels",
            "probabilities of findings for a report, in the language it was trained on",
            (
                "YYama0/CT-BERT-JPN",
                "any other checkpoint that AutoModelForSequenceClassification reads and that names "
                "its labels",
            ),
            "CC BY-NC-SA 4.0: no commercial use; others: see the model page",
            "labels",
        ),
        Family(
            "speech",
            "the words of a recording",
            ("openai/whisper-base", "openai/whisper-large-v3"),
            "Apache-2.0",
            "speech",
        ),
        Family(
            "vlm",
            "text for film(s) and a question",
            (
                "google/medgemma-4b-it",
                "any other checkpoint that AutoModelForImageTextToText reads",
            ),
            _SEE,
            "vlm",
        ),
        Family(
            "chexagent",
            "text for film(s) and a question",
            ("StanfordAIMI/CheXagent-2-3b",),
            "CC BY-NC 4.0: no commercial use",
            "chexagent",
        ),
        Family(
            "maira2",
            "findings as sentences with boxes, and boxes for a phrase",
            ("microsoft/maira-2",),
            "MSRLA: research only; terms to accept on the model page",
            "maira2",
        ),
        Family(
            "roentgen",
            "a synthetic film for a description, marked as such",
            ("stanfordmimi/RoentGen-v2", "StanfordAIMI/roent-gen-v1-0"),
            "RoentGen 1.0: CreativeML Open RAIL-M and MIMIC-CXR's terms; 2: see the model page",
            "roentgen",
        ),
    )
}
"""By name."""

OF_MODEL: Final = {
    "sam-vit-base": "sam",
    "medsam": "medsam",
    "cxas": "cxas",
    "torchxrayvision-densenet121-all": "xrv",
    "rad-dino": "dinov2",
    "medimageinsight": "medimageinsight",
    "biomedclip": "clip",
    "all-minilm-l6-v2": "sentence",
    "ct-bert-jpn": "labels",
    "whisper-base": "speech",
    "chexagent": "chexagent",
    "maira-2": "maira2",
    "roentgen": "roentgen",
    "smolvlm-256m": "vlm",
}
"""The family of each model in ``kb/models.toml``."""

READING: Final = {
    **dict.fromkeys(("clip", "siglip"), "clip"),
    **dict.fromkeys(("bert", "distilbert", "mpnet", "roberta", "xlm-roberta"), "sentence"),
}
"""The family that reads a checkpoint, by its configuration's ``model_type``: those for texts."""
