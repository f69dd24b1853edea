"""The network of CXAS: a U-Net on a ResNet-50 (Seibold et al., BMVC 2022 and 2023).

Our own definition of what the checkpoint ``UNet_ResNet50_default.pth`` holds, under its parameter
names, because the package ``cxas`` needs torchvision and a dozen other libraries to import.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from cxr_agent.models.adapters.networks.resnet import stages, stem


class Trunk(nn.Module):
    """The encoder; gives the feature maps of all five levels, finest first."""

    def __init__(self, width: int, blocks: Sequence[int]) -> None:
        super().__init__()
        levels: list[tuple[str, nn.Module]] = [("layer0", nn.Sequential(*stem(3, width)))]
        levels += [(f"layer{i + 1}", stage) for i, stage in enumerate(stages(width, blocks))]
        self.backbone = nn.Sequential(OrderedDict(levels))

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for level in self.backbone:
            x = level(x)
            maps.append(x)
        return maps


def _convolutions(*channels: int) -> nn.Sequential:
    """3x3 convolutions with bias, normalisation and activation, one after another."""
    layers: list[nn.Module] = []
    for inside, outside in pairwise(channels):
        layers += [
            nn.Conv2d(inside, outside, 3, padding=1),
            nn.BatchNorm2d(outside),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


class _Single(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = _convolutions(inside, outside)


class _Double(nn.Module):
    def __init__(self, inside: int, outside: int, middle: int) -> None:
        super().__init__()
        self.double_conv = _convolutions(inside, middle, outside)


def _join(coarse: Tensor, fine: Tensor) -> Tensor:
    grown = interpolate(coarse, fine.shape[2:], mode="bilinear", align_corners=False)
    return torch.cat([fine, grown], dim=1)


class _First(nn.Module):
    """Narrows the coarsest map before it is joined with the next."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv1 = _Single(inside, inside // 2)
        self.conv2 = _Double(inside, outside, inside // 2)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        result: Tensor = self.conv2.double_conv(_join(self.conv1.conv(coarse), fine))
        return result


class _Up(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = _Double(inside, outside, inside // 2)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        result: Tensor = self.conv.double_conv(_join(coarse, fine))
        return result


class _Out(nn.Module):
    def __init__(self, inside: int, labels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, labels, 1)


class _Head(nn.Module):
    def __init__(self, width: int, last: int, labels: int) -> None:
        super().__init__()
        self.up1 = _First(width * 32, width * 8)
        self.up2 = _Up(width * 16, width * 4)
        self.up3 = _Up(width * 8, width)
        self.up4 = _Up(width * 2, last)
        self.out = _Out(last, labels)


class CxasNet(nn.Module):
    """Logits of anatomical structures that may overlap.

    Parameters
    ----------
    width
        Channels after the stem; 64 in the published checkpoint.
    blocks
        Per encoder stage; (3, 4, 6, 3) there.
    last
        Channels of the finest decoder map; 128 there.
    labels
        159 there.
    """

    def __init__(self, width: int, blocks: Sequence[int], last: int, labels: int) -> None:
        super().__init__()
        self.backbone = Trunk(width, blocks)
        self.head = _Head(width, last, labels)

    def forward(self, x: Tensor) -> Tensor:
        """(n, labels, rows, columns) for a picture (n, 3, rows, columns)."""
        finest, fine, middle, coarse, coarsest = self.backbone(x)
        up = self.head.up1(coarsest, coarse)
        up = self.head.up2(up, middle)
        up = self.head.up3(up, fine)
        up = self.head.up4(up, finest)
        whole = interpolate(up, x.shape[2:], mode="bilinear", align_corners=False)
        result: Tensor = self.head.out.conv(whole)
        return result
