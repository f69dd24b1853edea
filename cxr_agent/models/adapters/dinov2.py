"""RAD-DINO and other DINOv2 encoders through transformers (Oquab et al., 2023; Pérez-García et al.,
"Exploring scalable medical image encoders beyond text supervision", Nature Machine Intelligence
2025)."""

from __future__ import annotations

from typing import Any, Final

from cxr_agent.models.adapters.checkpoints import bad_layout
from cxr_agent.models.adapters.hardware import choose
from cxr_agent.models.adapters.pixels import Recipe, recipe_of
from cxr_agent.models.adapters.pretrained import from_folder
from cxr_agent.models.adapters.sources import Source, folder, read_json, resolve
from cxr_agent.models.adapters.vectors import ImageEncoder

_KINDS: Final = ("dinov2", "dinov2_with_registers", "dinov3_vit")


def load(
    source: Source = "microsoft/rad-dino",
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
) -> ImageEncoder:
    """An encoder whose vector is the class token after the last normalisation.

    Parameters
    ----------
    source
        A folder or hub name in transformers' layout.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`.

    Raises
    ------
    ModelError
        Weights or libraries missing, or another model's checkpoint.
    """
    hardware = choose(device, dtype)
    path = folder(resolve(source, revision=revision), needs="config.json")
    kind = read_json(path / "config.json").get("model_type")
    if kind not in _KINDS:
        raise bad_layout("dinov2", f"its config says {kind}")
    model = from_folder("AutoModel", path, hardware, family="dinov2")
    side = int(model.config.image_size)
    recipe = recipe_of(path, Recipe("shortest", (side, side), crop=(side, side)))

    def look(pictures: Any) -> Any:
        return model(pixel_values=pictures).last_hidden_state[:, 0]

    return ImageEncoder(
        lambda films: hardware.tensor(recipe.batch(films)), look, int(model.config.hidden_size)
    )
