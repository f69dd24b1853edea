"""The convolutional encoder that the classifying and embedding networks share.

Residual blocks (He et al., "Deep Residual Learning", CVPR 2016) on space-to-depth input: four
pixels are folded into channels first, which costs no detail and makes the first stage cheap.
"""

from __future__ import annotations

from torch import Tensor, nn

WIDTHS = (32, 64, 128, 256)
FOLD = 2
STRIDE = FOLD * 2 ** (len(WIDTHS) - 1)
"""Pixels of the input per cell of the feature map, along one side."""


class Residual(nn.Module):
    """Two 3x3 convolutions with batch normalisation; halves the side when it widens."""

    def __init__(self, inside: int, outside: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(inplace=True),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outside),
        )
        self.path: nn.Module = nn.Identity()
        if inside != outside or stride != 1:
            self.path = nn.Sequential(
                nn.AvgPool2d(stride) if stride > 1 else nn.Identity(),
                nn.Conv2d(inside, outside, 1, bias=False),
                nn.BatchNorm2d(outside),
            )
        self.out = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.out(self.body(x) + self.path(x))
        return result


class Encoder(nn.Module):
    """(N, 1, S, S) standardised pixels to (N, widths[-1], S / 16, S / 16) features."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS, depth: int = 2) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        inside = FOLD * FOLD
        for stage, width in enumerate(widths):
            blocks.append(Residual(inside, width, 1 if stage == 0 else 2))
            blocks += [Residual(width, width) for _ in range(depth - 1)]
            inside = width
        self.fold = nn.PixelUnshuffle(FOLD)
        self.blocks = nn.Sequential(*blocks)
        self.width = inside

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.blocks(self.fold(x))
        return result
