"""Where weights lie and whether they are what their card says."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from cxr_agent.errors import ModelError
from cxr_agent.models.card import ModelCard

WeightsForm = Literal["onnx", "safetensors"]
"""ONNX for the CPU, safetensors for torch: the same weights."""

_REINSTALL = "Install the package again; `cxr-agent doctor` shows what is missing."


def weights_root() -> Path:
    """Folder of the embedded weights, one sub-folder per model."""
    return Path(str(resources.files("cxr_agent.models") / "weights"))


def list_cards() -> list[ModelCard]:
    """Cards of all embedded models, by id."""
    return [load_card(path.parent.name) for path in sorted(weights_root().glob("*/card.json"))]


@lru_cache(maxsize=16)
def load_card(model: str) -> ModelCard:
    """The card of one model.

    Raises
    ------
    ModelError
        ``unknown_model`` or ``bad_card``.
    """
    path = weights_root() / model / "card.json"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise ModelError(
            "unknown_model", f"there is no model named {model}", hint=_REINSTALL
        ) from None
    try:
        return ModelCard.model_validate_json(text)
    except ValidationError:
        raise ModelError("bad_card", f"the card of {model} is damaged", hint=_REINSTALL) from None


def verified_weights(card: ModelCard, form: WeightsForm = "onnx") -> bytes:
    """One file of weights, after a check of its hash.

    Raises
    ------
    ModelError
        ``weights_missing`` or ``weights_damaged``.
    """
    name, sha256 = card.weights_file, card.weights_sha256
    if form == "safetensors":
        name, sha256 = card.safetensors_file, card.safetensors_sha256
    try:
        content = (weights_root() / card.id / name).read_bytes()
    except OSError:
        raise ModelError(
            "weights_missing", f"the weights of {card.id} are missing", hint=_REINSTALL
        ) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelError(
            "weights_damaged",
            f"the weights of {card.id} are not those of its card",
            hint=_REINSTALL,
        )
    return content
