"""The models that ship with the package, and whether their weights are what their cards say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cxr_agent.errors import ModelError
from cxr_agent.models.card import ModelCard
from cxr_agent.models.manifest import CheckedFile
from cxr_agent.models.store import WeightsForm, load_card, verified_weights, weights_root

_FORMS: Final[tuple[WeightsForm, ...]] = ("onnx", "safetensors")
_CARD: Final = "card.json"


@dataclass(frozen=True)
class Embedded:
    """One model of the package."""

    id: str
    card: ModelCard | None
    """None where the card itself is damaged."""
    files: tuple[CheckedFile, ...]
    """Its weights in every form; the card where that is damaged."""
    size: int
    """Bytes of the weights that are there."""

    @property
    def sound(self) -> bool:
        """Whether every file is what the card says."""
        return all(one.state == "ok" for one in self.files)


def ids() -> list[str]:
    """Ids of the models that ship with the package."""
    return sorted(path.parent.name for path in weights_root().glob(f"*/{_CARD}"))


def examine(model: str) -> Embedded:
    """Read the card of an embedded model and hash its weights."""
    try:
        card = load_card(model)
    except ModelError:
        return Embedded(model, None, (CheckedFile(_CARD, "damaged"),), 0)
    files, size = [], 0
    for form in _FORMS:
        name = card.weights_file if form == "onnx" else card.safetensors_file
        try:
            size += len(verified_weights(card, form))
        except ModelError as error:
            gone = error.code == "weights_missing"
            files.append(CheckedFile(name, "missing" if gone else "damaged"))
        else:
            files.append(CheckedFile(name, "ok"))
    return Embedded(model, card, tuple(files), size)
