"""Meta's ``segment_anything`` checkpoints (``.pth``), with or without torchvision.

The package's ``__init__`` imports its mask generator, which needs torchvision; its networks do
not. Where torchvision is missing the networks are imported with the parent package registered and
its ``__init__`` not run.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import ModelError
from cxr_agent.models.adapters.checkpoints import Tensors, bad_layout, fill, read_tensors
from cxr_agent.models.adapters.hardware import Hardware
from cxr_agent.models.adapters.libraries import library, missing
from cxr_agent.models.adapters.prompts import Preparation, PromptSegmenter, default_recipe
from cxr_agent.study import FloatImage

_PACKAGE: Final = "segment_anything"
_WINDOW: Final = 14
"""Side of the attention windows in every published checkpoint."""


def load_checkpoint(path: Path, hardware: Hardware, preparation: Preparation) -> PromptSegmenter:
    """A segmenter from a ``.pth`` file; the network's sizes are read off its tensors.

    Raises
    ------
    ModelError
        ``library_missing``, ``weights_damaged`` or ``bad_checkpoint``.
    """
    tensors = read_tensors(path)
    try:
        network = _build(modeling(), tensors)
    except KeyError as error:
        raise bad_layout(_PACKAGE, f"{error.args[0]} is missing") from None
    fill(network, tensors, family=_PACKAGE)
    network.to(hardware.device).image_encoder.to(hardware.dtype)
    engine = _Engine(network, hardware.exact())
    return PromptSegmenter(engine, default_recipe(engine.side, preparation), preparation, hardware)


def modeling() -> Any:
    """The package's networks.

    Raises
    ------
    ModelError
        ``library_missing`` when the package is not installed.
    """
    try:
        return importlib.import_module(f"{_PACKAGE}.modeling")
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] != "torchvision":
            raise missing(_PACKAGE, error) from None
    return _without_init()


def _without_init() -> Any:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.submodule_search_locations is None:
        raise ModelError("library_missing", f"{_PACKAGE} is not a package", hint="Install it anew.")
    parent = types.ModuleType(_PACKAGE)
    parent.__path__ = list(found.submodule_search_locations)
    sys.modules[_PACKAGE] = parent
    try:
        return importlib.import_module(f"{_PACKAGE}.modeling")
    finally:
        # Whoever imports the package itself later gets it whole, or its own error.
        del sys.modules[_PACKAGE]


def _build(kit: Any, tensors: Tensors) -> Any:
    """The network whose tensors these are; the published sizes are ViT-B, -L and -H."""
    torch = library("torch")
    position = tensors["image_encoder.pos_embed"]
    patches = tensors["image_encoder.patch_embed.proj.weight"]
    grid, width, patch = position.shape[1], position.shape[3], patches.shape[-1]
    depth = _count(tensors, "image_encoder.blocks.")
    reach = [tensors[f"image_encoder.blocks.{i}.attn.rel_pos_h"].shape for i in range(depth)]
    outside = tensors["image_encoder.neck.0.weight"].shape[0]
    side = grid * patch
    masks = tensors["mask_decoder.mask_tokens.weight"].shape[0] - 1
    quality = tensors["mask_decoder.iou_prediction_head.layers.0.weight"]
    mlp = tensors["mask_decoder.transformer.layers.0.mlp.lin1.weight"]
    return kit.Sam(
        image_encoder=kit.ImageEncoderViT(
            depth=depth,
            embed_dim=width,
            img_size=side,
            mlp_ratio=tensors["image_encoder.blocks.0.mlp.lin1.weight"].shape[0] / width,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            num_heads=width // reach[0][1],
            patch_size=patch,
            qkv_bias=True,
            use_rel_pos=True,
            global_attn_indexes=[i for i, (n, _) in enumerate(reach) if n != 2 * _WINDOW - 1],
            window_size=_WINDOW,
            out_chans=outside,
        ),
        prompt_encoder=kit.PromptEncoder(
            embed_dim=outside,
            image_embedding_size=(grid, grid),
            input_image_size=(side, side),
            mask_in_chans=tensors["prompt_encoder.mask_downscaling.3.weight"].shape[0],
        ),
        mask_decoder=kit.MaskDecoder(
            num_multimask_outputs=masks,
            transformer=kit.TwoWayTransformer(
                depth=_count(tensors, "mask_decoder.transformer.layers."),
                embedding_dim=outside,
                mlp_dim=mlp.shape[0],
                num_heads=8,
            ),
            transformer_dim=outside,
            iou_head_depth=_count(tensors, "mask_decoder.iou_prediction_head.layers."),
            iou_head_hidden_dim=quality.shape[0],
        ),
    )


def _count(tensors: Tensors, prefix: str) -> int:
    numbers = {name[len(prefix) :].split(".")[0] for name in tensors if name.startswith(prefix)}
    return len(numbers)


class _Engine:
    def __init__(self, network: Any, hardware: Hardware) -> None:
        self._network = network
        self._hardware = hardware
        self.side = int(network.image_encoder.img_size)

    def embed(self, picture: Any) -> Any:
        return self._network.image_encoder(picture).float()

    def decode(
        self,
        embedding: Any,
        points: FloatImage | None,
        inside: NDArray[np.int64] | None,
        box: FloatImage | None,
        several: bool,
    ) -> tuple[Any, Any]:
        torch = library("torch")
        network, put = self._network, self._hardware.tensor
        pointed = None
        if points is not None and inside is not None:
            labels = torch.from_numpy(inside[None]).to(self._hardware.device)
            pointed = (put(points[None]), labels)
        sparse, dense = network.prompt_encoder(
            points=pointed, boxes=None if box is None else put(box[None]), masks=None
        )
        logits, quality = network.mask_decoder(
            image_embeddings=embedding,
            image_pe=network.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=several,
        )
        return logits[0], quality[0]
