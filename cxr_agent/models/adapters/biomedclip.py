"""BiomedCLIP in open_clip's layout (Zhang et al., "BiomedCLIP", arXiv 2303.00915).

open_clip needs torchvision. The one layout that matters here, a plain vision transformer beside a
BERT, is defined in ``networks/``; any other goes through open_clip, where that can be imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from PIL import Image as PillowImage

from cxr_agent.models.adapters.checkpoints import Tensors, bad_layout, fill, read_tensors
from cxr_agent.models.adapters.hardware import Hardware
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.pixels import CLIP_MEAN, CLIP_STD, Recipe, to_picture
from cxr_agent.models.adapters.pretrained import tokenizer_of
from cxr_agent.models.adapters.sources import one_file, read_json
from cxr_agent.models.adapters.vectors import ImageTextEncoder
from cxr_agent.study import FloatImage

CONFIG: Final = "open_clip_config.json"
_WEIGHTS: Final = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_DERIVED: Final = "text.transformer.embeddings.position_ids"
"""Counts from zero; older checkpoints store it."""


def from_folder(path: Path, hardware: Hardware) -> ImageTextEncoder:
    """The encoder in a folder with an ``open_clip_config.json``.

    Raises
    ------
    ModelError
        ``library_missing`` for a layout that needs open_clip where that cannot be imported,
        ``bad_checkpoint``, ``weights_missing``, ``weights_damaged``.
    """
    config = read_json(path / CONFIG)
    model = config.get("model_cfg", {})
    vision, text = model.get("vision_cfg", {}), model.get("text_cfg", {})
    plain = (
        str(vision.get("timm_model_name", "")).startswith("vit_")
        and vision.get("timm_pool") in ("", "token")
        and vision.get("timm_proj") == "linear"
        and text.get("hf_proj_type") == "mlp"
        and text.get("hf_pooler_type") == "cls_last_hidden_state_pooler"
    )
    if not plain:
        return _with_library(path, hardware)
    tensors = read_tensors(_weights(path))
    tensors.pop(_DERIVED, None)
    try:
        network = _build(tensors)
    except KeyError as error:
        raise bad_layout("clip", f"{error.args[0]} is missing") from None
    fill(network, tensors, family="clip")
    network.to(hardware.device, hardware.dtype)
    tokenizer = tokenizer_of(path)
    recipe = _recipe(config.get("preprocess_cfg", {}), int(vision["image_size"]))
    longest = int(text.get("context_length", 77))

    def read(texts: list[str]) -> Any:
        tokens = tokenizer(
            [" ".join(one.split()) for one in texts],
            padding=True,
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        ).to(hardware.device)
        return network.read(tokens["input_ids"], tokens["attention_mask"])

    return ImageTextEncoder(
        lambda films: hardware.tensor(recipe.batch(films)),
        network.look,
        int(model["embed_dim"]),
        read,
    )


def _weights(path: Path) -> Path:
    for name in _WEIGHTS:
        if (path / name).is_file():
            return path / name
    return one_file(path, _WEIGHTS)


def _recipe(config: dict[str, Any], side: int) -> Recipe:
    resample = PillowImage.Resampling[str(config.get("interpolation", "bicubic")).upper()]
    return Recipe(
        "stretch" if config.get("resize_mode") == "squash" else "shortest",
        (side, side),
        crop=(side, side),
        resample=int(resample),
        mean=tuple(config.get("mean", CLIP_MEAN)),
        std=tuple(config.get("std", CLIP_STD)),
    )


def _build(tensors: Tensors) -> Any:
    from cxr_agent.models.adapters.networks.biomedclip import BiomedClip, TextSize, VisionSize

    patches = tensors["visual.trunk.patch_embed.proj.weight"]
    words = tensors["text.transformer.embeddings.word_embeddings.weight"]
    text = "text.transformer."
    return BiomedClip(
        VisionSize(
            width=patches.shape[0],
            patch=patches.shape[-1],
            places=tensors["visual.trunk.pos_embed"].shape[1],
            layers=_count(tensors, "visual.trunk.blocks."),
            inside=tensors["visual.trunk.blocks.0.mlp.fc1.weight"].shape[0],
        ),
        TextSize(
            words=words.shape[0],
            width=words.shape[1],
            places=tensors[f"{text}embeddings.position_embeddings.weight"].shape[0],
            layers=_count(tensors, f"{text}encoder.layer."),
            inside=tensors[f"{text}encoder.layer.0.intermediate.dense.weight"].shape[0],
        ),
        tensors["visual.head.proj.weight"].shape[0],
    )


def _count(tensors: Tensors, prefix: str) -> int:
    return len({name[len(prefix) :].split(".")[0] for name in tensors if name.startswith(prefix)})


def _with_library(path: Path, hardware: Hardware) -> ImageTextEncoder:
    kit = library("open_clip")
    where = f"local-dir:{path}"
    model, prepare = kit.create_model_from_pretrained(where, device=str(hardware.device))
    model = model.to(hardware.dtype).eval()
    tokenize = kit.get_tokenizer(where)
    torch = library("torch")

    def pictures(films: Sequence[FloatImage]) -> Any:
        stack = torch.stack([prepare(to_picture(film)) for film in films])
        return stack.to(hardware.device, hardware.dtype)

    def read(texts: list[str]) -> Any:
        return model.encode_text(tokenize(texts).to(hardware.device))

    dimension = int(read_json(path / CONFIG)["model_cfg"]["embed_dim"])
    return ImageTextEncoder(pictures, model.encode_image, dimension, read)
