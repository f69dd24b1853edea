"""CLIP-like encoders of image and text through transformers (Radford et al., ICML 2021; SigLIP,
Zhai et al., ICCV 2023)."""

from __future__ import annotations

from typing import Any, Final

from cxr_agent.models.adapters import biomedclip
from cxr_agent.models.adapters.checkpoints import bad_layout
from cxr_agent.models.adapters.hardware import Hardware, choose
from cxr_agent.models.adapters.pixels import CLIP_MEAN, CLIP_STD, Recipe, recipe_of
from cxr_agent.models.adapters.pretrained import from_folder, tokenizer_of
from cxr_agent.models.adapters.sources import Source, folder, read_json, resolve
from cxr_agent.models.adapters.vectors import ImageTextEncoder

_PADDING: Final = {"clip": True, "siglip": "max_length"}
"""SigLIP was trained on texts padded to full length, without a mask."""


def load(
    source: Source = "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
) -> ImageTextEncoder:
    """An encoder of films and texts.

    Parameters
    ----------
    source
        A folder or hub name: CLIP or SigLIP in transformers' layout, or BiomedCLIP in open_clip's.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`.

    Raises
    ------
    ModelError
        Weights or libraries missing, or another model's checkpoint.
    """
    hardware = choose(device, dtype)
    path = resolve(source, revision=revision)
    if (path / biomedclip.CONFIG).is_file():
        return biomedclip.from_folder(path, hardware)
    return _from_transformers(folder(path, needs="config.json"), hardware)


def _from_transformers(path: Any, hardware: Hardware) -> ImageTextEncoder:
    kind = read_json(path / "config.json").get("model_type")
    if kind not in _PADDING:
        raise bad_layout("clip", f"its config says {kind}")
    model = from_folder("AutoModel", path, hardware, family="clip")
    tokenizer = tokenizer_of(path)
    side = int(model.config.vision_config.image_size)
    recipe = recipe_of(
        path, Recipe("shortest", (side, side), crop=(side, side), mean=CLIP_MEAN, std=CLIP_STD)
    )
    longest = int(model.config.text_config.max_position_embeddings)

    def look(pictures: Any) -> Any:
        return model.get_image_features(pixel_values=pictures).pooler_output

    def read(texts: list[str]) -> Any:
        tokens = tokenizer(
            texts,
            padding=_PADDING[kind],
            truncation=True,
            max_length=longest,
            return_tensors="pt",
            return_attention_mask=kind == "clip",
        )
        return model.get_text_features(**tokens.to(hardware.device)).pooler_output

    vision = model.config.vision_config
    dimension = model.config.projection_dim if kind == "clip" else vision.hidden_size
    return ImageTextEncoder(
        lambda films: hardware.tensor(recipe.batch(films)), look, int(dimension), read
    )
