"""BiomedCLIP: a vision transformer (Dosovitskiy et al., ICLR 2021) beside a BERT.

Parameter names are those of open_clip's checkpoint, in which timm defined the vision transformer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from cxr_agent.models.adapters.libraries import library

_HEAD: Final = 64
"""Channels of an attention head in both towers of the published checkpoint."""


@dataclass(frozen=True, slots=True)
class VisionSize:
    """The image tower."""

    width: int
    patch: int
    places: int
    """Patches of a picture and the class token."""
    layers: int
    inside: int
    """Width of the hidden layer between two attentions."""


@dataclass(frozen=True, slots=True)
class TextSize:
    """The text tower."""

    words: int
    width: int
    places: int
    layers: int
    inside: int


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = max(1, width // _HEAD)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        count, places, width = x.shape
        split = self.qkv(x).reshape(count, places, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(query, key, value)
        result: Tensor = self.proj(seen.transpose(1, 2).reshape(count, places, width))
        return result


class _Hidden(nn.Module):
    def __init__(self, width: int, inside: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, inside)
        self.fc2 = nn.Linear(inside, width)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.fc2(gelu(self.fc1(x)))
        return result


class _Block(nn.Module):
    def __init__(self, width: int, inside: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = _Attention(width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = _Hidden(width, inside)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        result: Tensor = x + self.mlp(self.norm2(x))
        return result


class _PatchEmbedding(nn.Module):
    def __init__(self, size: VisionSize) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, size.width, size.patch, stride=size.patch)


class _Trunk(nn.Module):
    def __init__(self, size: VisionSize) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, size.places, size.width))
        self.patch_embed = _PatchEmbedding(size)
        self.blocks = nn.Sequential(*(_Block(size.width, size.inside) for _ in range(size.layers)))
        self.norm = nn.LayerNorm(size.width, eps=1e-6)

    def forward(self, pictures: Tensor) -> Tensor:
        patches = self.patch_embed.proj(pictures).flatten(2).transpose(1, 2)
        first = self.cls_token.expand(len(patches), -1, -1)
        x = torch.cat([first, patches], dim=1) + self.pos_embed
        result: Tensor = self.norm(self.blocks(x))[:, 0]
        return result


class _Visual(nn.Module):
    def __init__(self, size: VisionSize, dimension: int) -> None:
        super().__init__()
        self.trunk = _Trunk(size)
        self.head = nn.Sequential()
        self.head.add_module("proj", nn.Linear(size.width, dimension, bias=False))


class _Text(nn.Module):
    def __init__(self, size: TextSize, dimension: int) -> None:
        super().__init__()
        kit = library("transformers")
        config = kit.BertConfig(
            vocab_size=size.words,
            hidden_size=size.width,
            num_hidden_layers=size.layers,
            num_attention_heads=max(1, size.width // _HEAD),
            intermediate_size=size.inside,
            max_position_embeddings=size.places,
        )
        self.transformer = kit.BertModel(config, add_pooling_layer=False)
        between = (size.width + dimension) // 2
        self.proj = nn.Sequential(
            nn.Linear(size.width, between, bias=False),
            nn.GELU(),
            nn.Linear(between, dimension, bias=False),
        )


class BiomedClip(nn.Module):
    """Both towers.

    Parameters
    ----------
    vision, text
        Their sizes.
    dimension
        Of the space that they share.
    """

    def __init__(self, vision: VisionSize, text: TextSize, dimension: int) -> None:
        super().__init__()
        self.visual = _Visual(vision, dimension)
        self.text = _Text(text, dimension)
        self.logit_scale = nn.Parameter(torch.zeros(()))

    def look(self, pictures: Tensor) -> Tensor:
        """Vectors (n, dimension) of pictures (n, 3, side, side)."""
        result: Tensor = self.visual.head(self.visual.trunk(pictures))
        return result

    def read(self, words: Tensor, mask: Tensor) -> Tensor:
        """Vectors (n, dimension) of word numbers (n, length); ``mask`` is 0 for padding."""
        seen = self.text.transformer(input_ids=words, attention_mask=mask).last_hidden_state
        result: Tensor = self.text.proj(seen[:, 0])
        return result
