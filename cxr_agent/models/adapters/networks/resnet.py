"""ResNet with bottleneck blocks (He et al., "Deep Residual Learning", CVPR 2016).

Parameter names are those of torchvision's ResNet-50 and -101, whose checkpoints many public models
extend; the stride sits on the 3x3 convolution, as there.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

EXPANSION = 4
"""Output channels of a block per channel inside."""


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions with a residual path."""

    def __init__(self, inside: int, planes: int, stride: int) -> None:
        super().__init__()
        outside = planes * EXPANSION
        self.conv1 = nn.Conv2d(inside, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outside, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outside)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = (
            None
            if stride == 1 and inside == outside
            else nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride=stride, bias=False), nn.BatchNorm2d(outside)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        kept = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        result: Tensor = self.relu(self.bn3(self.conv3(x)) + kept)
        return result


def stem(channels: int, width: int) -> list[nn.Module]:
    """A quarter of the resolution: 7x7 convolution, normalisation, pooling."""
    return [
        nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),
    ]


def stages(width: int, blocks: Sequence[int]) -> list[nn.Sequential]:
    """The stages; each after the first halves the resolution and doubles the width."""
    result = []
    inside = width
    for number, count in enumerate(blocks):
        planes = width << number
        strides = [1 if number == 0 else 2] + [1] * (count - 1)
        layers = []
        for stride in strides:
            layers.append(Bottleneck(inside, planes, stride))
            inside = planes * EXPANSION
        result.append(nn.Sequential(*layers))
    return result


class ResNet(nn.Module):
    """The classifier.

    Parameters
    ----------
    channels
        Of the input.
    width
        Channels after the stem; 64 for ResNet-50.
    blocks
        Per stage; (3, 4, 6, 3) for ResNet-50.
    classes
        Logits.
    """

    def __init__(self, channels: int, width: int, blocks: Sequence[int], classes: int) -> None:
        super().__init__()
        self.conv1, self.bn1, self.relu, self.maxpool = stem(channels, width)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages(width, blocks)
        self.fc = nn.Linear((width << 3) * EXPANSION, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        result: Tensor = self.fc(x.mean(dim=(2, 3)))
        return result
