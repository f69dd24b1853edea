"""MedImageInsight's image encoder, against a DaViT written down from its paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import ModelError
from cxr_agent.models.adapters import load_adapter
from cxr_agent.models.adapters.medimageinsight import WEIGHTS
from cxr_agent.models.adapters.pixels import IMAGENET_MEAN, IMAGENET_STD, to_picture
from cxr_agent.study import FloatImage
from tests.models.adapters import tiny

WINDOW, CHANNELS, SIDE = 12, 32, 480


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("medimageinsight")
    tiny.medimageinsight(path)
    return path


def tensors_of(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / WEIGHTS))


class Reference:
    """DaViT over tensors under the published names; (batch, channels, rows, columns) throughout."""

    def __init__(self, tensors: dict[str, Any]) -> None:
        self.tensors = tensors

    def of(self, name: str) -> tuple[Any, Any]:
        name = f"image_encoder.{name}"
        return self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]

    def norm(self, x: Any, name: str) -> Any:
        from torch.nn import functional

        return functional.layer_norm(x, x.shape[-1:], *self.of(name))

    def linear(self, x: Any, name: str) -> Any:
        from torch.nn import functional

        return functional.linear(x, *self.of(name))

    def near(self, x: Any, name: str) -> Any:
        """A depthwise convolution, added."""
        from torch.nn import functional

        return x + functional.conv2d(x, *self.of(name), padding=1, groups=x.shape[1])

    def windows(self, x: Any, name: str) -> Any:
        """Attention among the places of each window, by heads; (rows, columns, channels)."""
        import torch
        from torch.nn import functional

        rows, columns, width = x.shape
        padded = functional.pad(x, (0, 0, 0, -columns % WINDOW, 0, -rows % WINDOW))
        out = torch.zeros_like(padded)
        for top in range(0, padded.shape[0], WINDOW):
            for left in range(0, padded.shape[1], WINDOW):
                part = padded[top : top + WINDOW, left : left + WINDOW].reshape(-1, width)
                q, k, v = self.linear(part, f"{name}.qkv").chunk(3, dim=-1)
                heads = [
                    (a @ b.T * CHANNELS**-0.5).softmax(-1) @ c
                    for a, b, c in zip(*(t.split(CHANNELS, -1) for t in (q, k, v)), strict=True)
                ]
                told = self.linear(torch.cat(heads, -1), f"{name}.proj")
                out[top : top + WINDOW, left : left + WINDOW] = told.view(WINDOW, WINDOW, width)
        return out[:rows, :columns]

    def channels(self, x: Any, name: str) -> Any:
        """Attention among the channels of each group, over all places."""
        import torch

        flat = x.reshape(-1, x.shape[-1])
        q, k, v = self.linear(flat, f"{name}.qkv").chunk(3, dim=-1)
        groups = [
            ((a.T @ b * len(flat) ** -0.5).softmax(-1) @ c.T).T
            for a, b, c in zip(*(t.split(CHANNELS, -1) for t in (q, k, v)), strict=True)
        ]
        return self.linear(torch.cat(groups, -1), f"{name}.proj").view_as(x)

    def block(self, x: Any, name: str, kind: str) -> Any:
        from torch.nn import functional

        attend = self.windows if kind == "window" else self.channels
        x = self.near(x, f"{name}.conv1.fn.dw")[0].permute(1, 2, 0)
        x = x + attend(self.norm(x, f"{name}.{kind}_attn.norm"), f"{name}.{kind}_attn.fn")
        x = self.near(x.permute(2, 0, 1)[None], f"{name}.conv2.fn.dw")[0].permute(1, 2, 0)
        inner = functional.gelu(
            self.linear(self.norm(x, f"{name}.ffn.norm"), f"{name}.ffn.fn.net.fc1")
        )
        x = x + self.linear(inner, f"{name}.ffn.fn.net.fc2")
        return x.permute(2, 0, 1)[None]

    def encode(self, x: Any) -> Any:
        from torch.nn import functional

        for stage, depth in enumerate((1, 1, 2, 1)):
            name = f"convs.{stage}"
            if stage:
                x = self.norm(x.permute(0, 2, 3, 1), f"{name}.norm").permute(0, 3, 1, 2)
            stride, padding = (4, 3) if stage == 0 else (2, 1)
            x = functional.conv2d(x, *self.of(f"{name}.proj"), stride=stride, padding=padding)
            if not stage:
                x = self.norm(x.permute(0, 2, 3, 1), f"{name}.norm").permute(0, 3, 1, 2)
            for place in range(depth):
                block = f"blocks.{stage}.{place}"
                x = self.block(x, f"{block}.spatial_block", "window")
                x = self.block(x, f"{block}.channel_block", "channel")
        found = self.norm(x.mean(dim=(2, 3)), "norms") @ self.tensors["image_projection"]
        return functional.normalize(found, dim=-1)


def test_it_is_the_published_network(folder: Path, film: FloatImage) -> None:
    import torch
    from PIL import Image

    encoder = load_adapter("medimageinsight", folder)
    assert encoder.dimension == 6
    (found,) = encoder.encode([film])
    picture = to_picture(film).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    values = (np.asarray(picture) / 255 - IMAGENET_MEAN) / IMAGENET_STD
    given = torch.from_numpy(values.transpose(2, 0, 1)[None].astype(np.float32))
    with torch.inference_mode():
        (wanted,) = Reference(tensors_of(folder)).encode(given).numpy()
    assert found == pytest.approx(wanted, abs=1e-5)
    (other,) = encoder.encode([np.ascontiguousarray(film[::-1])])
    assert np.abs(other - found).max() > 1e-3


@pytest.mark.parametrize(
    "name",
    [
        "image_projection",
        "image_encoder.norms.weight",
        "image_encoder.convs.3.proj.weight",
        "image_encoder.blocks.2.1.channel_block.channel_attn.fn.qkv.bias",
    ],
)
def test_a_checkpoint_that_lacks_a_tensor_is_none(folder: Path, tmp_path: Path, name: str) -> None:
    from safetensors.torch import save_file

    tensors = tensors_of(folder)
    del tensors[name]
    save_file(tensors, tmp_path / "model.pt")
    with pytest.raises(ModelError, match="bad_checkpoint"):
        load_adapter("medimageinsight", tmp_path / "model.pt")


def test_a_header_that_lies_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes((5).to_bytes(8, "little") + b"{" * 20)
    with pytest.raises(ModelError, match="weights_damaged"):
        load_adapter("medimageinsight", tmp_path / "model.pt")
