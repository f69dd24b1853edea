"""The image encoder of MedImageInsight (Codella et al., "MedImageInsight: an open-source embedding
model for general domain medical imaging", arXiv 2410.06542).

Its published files bring their own code, which is not run: the network is a DaViT (Ding et al.,
ECCV 2022), which transformers has as the vision tower of Florence-2. The published tensors are
renamed for it; the mean over places, the last normalisation and the projection are added. The text
encoder is not read.
"""

from __future__ import annotations

import re
from typing import Any, Final

from cxr_agent.models.adapters.checkpoints import Tensors, bad_layout, fill, read_tensors
from cxr_agent.models.adapters.hardware import choose
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.pixels import Recipe
from cxr_agent.models.adapters.sources import Source, one_file, resolve
from cxr_agent.models.adapters.vectors import ImageEncoder

WEIGHTS: Final = "2024.09.27/vision_model/medimageinsigt-v1.0.0.pt"
"""Spelt as it is published."""
_FAMILY: Final = "medimageinsight"
_ENCODER: Final = "image_encoder."
_PROJECTION: Final = "image_projection"
_NORM: Final = "norms."
_SIDE: Final = 480
"""What no tensor tells is of the published ``config.yaml``: this and what follows."""
_WINDOW: Final = 12
_CHANNELS: Final = 32
"""Of an attention head, and of a group of channels."""
_STAGE: Final = re.compile(r"convs\.(\d+)\.proj\.weight")
_RENAMED: Final = (
    (re.compile(r"(convs\.\d+)\.proj\."), r"\1.conv."),
    (re.compile(r"\.(conv[12])\.fn\.dw\."), r".\1."),
    (re.compile(r"\.(window_attn|channel_attn)\.norm\."), ".norm1."),
    (re.compile(r"\.ffn\.norm\."), ".norm2."),
    (re.compile(r"\.(window_attn|channel_attn)\.fn\."), r".\1."),
    (re.compile(r"\.ffn\.fn\.net\."), ".ffn."),
)


def load(
    source: Source = "lion-ai/MedImageInsights",
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
) -> ImageEncoder:
    """An encoder of films into MedImageInsight's space.

    Parameters
    ----------
    source
        The folder or hub name, or the file of the vision model.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`.

    Raises
    ------
    ModelError
        Weights or libraries missing, or another model's checkpoint.
    """
    hardware = choose(device, dtype)
    tensors = read_tensors(one_file(resolve(source, revision=revision), (WEIGHTS,)))
    own = {
        name.removeprefix(_ENCODER): tensor
        for name, tensor in tensors.items()
        if name.startswith(_ENCODER)
    }
    projection = tensors.get(_PROJECTION)
    if projection is None or projection.ndim != 2:
        raise bad_layout(_FAMILY, f"{_PROJECTION} is missing")
    trunk = fill(
        _davit(own),
        {_renamed(name): tensor for name, tensor in own.items() if not name.startswith(_NORM)},
        family=_FAMILY,
    )
    norm = fill(
        library("torch").nn.LayerNorm(projection.shape[0]),
        {n.removeprefix(_NORM): t for n, t in own.items() if n.startswith(_NORM)},
        family=_FAMILY,
    )
    trunk.to(hardware.device, hardware.dtype)
    norm.to(hardware.device, hardware.dtype)
    projection = projection.to(hardware.device, hardware.dtype)
    # Squeezed to a square, as its own code does; normalised by Recipe's default, ImageNet's.
    recipe = Recipe("stretch", (_SIDE, _SIDE))

    def look(pictures: Any) -> Any:
        places = trunk(pictures).last_hidden_state
        return norm(places.mean(dim=(2, 3))) @ projection

    return ImageEncoder(
        lambda films: hardware.tensor(recipe.batch(films)), look, int(projection.shape[1])
    )


def _davit(tensors: Tensors) -> Any:
    """The network without weights, its depth and widths as the tensors have them."""
    stages = sorted(int(match[1]) for name in tensors if (match := _STAGE.fullmatch(name)))
    if stages != [0, 1, 2, 3]:
        raise bad_layout(_FAMILY, "it has not the four stages of a DaViT")
    widths = [int(tensors[f"convs.{stage}.proj.weight"].shape[0]) for stage in stages]
    if any(width % _CHANNELS for width in widths):
        raise bad_layout(_FAMILY, "its widths are no multiples of a head's")
    kit = library("transformers.models.florence2")
    config = kit.Florence2VisionConfig(
        depths=[_depth(tensors, stage) for stage in stages],
        embed_dim=widths,
        num_heads=[width // _CHANNELS for width in widths],
        num_groups=[width // _CHANNELS for width in widths],
        patch_size=[7, 3, 3, 3],
        patch_stride=[4, 2, 2, 2],
        patch_padding=[3, 1, 1, 1],
        patch_prenorm=[False, True, True, True],
        window_size=_WINDOW,
        drop_path_rate=0.0,
    )
    return kit.Florence2VisionBackbone(config)


def _depth(tensors: Tensors, stage: int) -> int:
    prefix = f"blocks.{stage}."
    return len({n.removeprefix(prefix).split(".")[0] for n in tensors if n.startswith(prefix)})


def _renamed(name: str) -> str:
    for pattern, replacement in _RENAMED:
        name = pattern.sub(replacement, name)
    return name
