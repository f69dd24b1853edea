"""DenseNet (Huang et al., "Densely Connected Convolutional Networks", CVPR 2017).

Parameter names are those of torchvision's DenseNet-121, which torchxrayvision keeps.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class _Layer(nn.Module):
    """Adds ``growth`` channels to what it is given."""

    def __init__(self, inside: int, growth: int, neck: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, neck, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(neck)
        self.conv2 = nn.Conv2d(neck, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        new = self.conv1(torch.relu(self.norm1(x)))
        new = self.conv2(torch.relu(self.norm2(new)))
        return torch.cat([x, new], dim=1)


class _Transition(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inside)
        self.conv = nn.Conv2d(inside, outside, 1, bias=False)
        self.pool = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.pool(self.conv(torch.relu(self.norm(x))))
        return result


class DenseNet(nn.Module):
    """The classifier.

    Parameters
    ----------
    channels
        Of the input.
    width
        Channels after the stem; 64 for DenseNet-121.
    blocks
        Layers per dense block; (6, 12, 24, 16) for DenseNet-121.
    growth, neck
        Channels that a layer adds, and those inside it; 32 and 128 for DenseNet-121.
    classes
        Logits.
    """

    def __init__(
        self, channels: int, width: int, blocks: Sequence[int], growth: int, neck: int, classes: int
    ) -> None:
        super().__init__()
        self.features = nn.Sequential()
        add = self.features.add_module
        add("conv0", nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False))
        add("norm0", nn.BatchNorm2d(width))
        add("relu0", nn.ReLU(inplace=True))
        add("pool0", nn.MaxPool2d(3, stride=2, padding=1))
        for number, count in enumerate(blocks, start=1):
            block = nn.Sequential()
            for layer in range(count):
                block.add_module(f"denselayer{layer + 1}", _Layer(width, growth, neck))
                width += growth
            add(f"denseblock{number}", block)
            if number < len(blocks):
                add(f"transition{number}", _Transition(width, width // 2))
                width //= 2
        add("norm5", nn.BatchNorm2d(width))
        self.classifier = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, classes)."""
        found = torch.relu(self.features(x)).mean(dim=(2, 3))
        result: Tensor = self.classifier(found)
        return result
