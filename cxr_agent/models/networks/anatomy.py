"""The anatomy network: a U-Net on space-to-depth input.

The film's detail is folded into channels first (Shi et al., "Real-Time Single Image and Video
Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network", CVPR 2016, run
backwards) and unfolded last, so the costly layers run at half the resolution while borders
keep that of the input. Skips are added, not concatenated, which halves the decoder's cost.
"""

from __future__ import annotations

from torch import Tensor, nn

from cxr_agent.models.card import ModelCard

STRUCTURES = ("right_lung", "left_lung", "heart", "left_clavicle", "right_clavicle")
WIDTHS = (32, 64, 112, 176, 256)
INPUT_SIZE = 384
OUTPUTS = ("masks", "film")
"""Of the deployed network."""


class Block(nn.Module):
    """Two 3x3 convolutions with batch normalisation and a residual path."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, outside, 3, padding=1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(inplace=True),
            nn.Conv2d(outside, outside, 3, padding=1, bias=False),
            nn.BatchNorm2d(outside),
        )
        self.path = (
            nn.Identity() if inside == outside else nn.Conv2d(inside, outside, 1, bias=False)
        )
        self.out = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.out(self.body(x) + self.path(x))
        return result


class Up(nn.Module):
    """Bilinear doubling, 1x1 to the skip's width, sum, one 3x3 convolution."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(inside, outside, 1, bias=False)
        self.grow = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.body = nn.Sequential(
            nn.Conv2d(outside, outside, 3, padding=1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        result: Tensor = self.body(self.grow(self.narrow(x)) + skip)
        return result


class AnatomyNet(nn.Module):
    """Five overlapping masks and whether this is an upright frontal chest film at all.

    ``forward`` takes (N, 1, S, S) standardised pixels, S a multiple of 32, and gives
    (N, 5, S, S) mask logits in the order of :data:`STRUCTURES` and (N,) film logits.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(2)
        inside = (4, *widths[:-1])
        self.down = nn.ModuleList(Block(i, o) for i, o in zip(inside, widths, strict=True))
        self.pool = nn.MaxPool2d(2)
        self.film = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 1))
        self.up = nn.ModuleList(
            Up(i, o) for i, o in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], 4 * len(STRUCTURES), 1)
        self.unfold = nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.fold(x)
        skips: list[Tensor] = []
        for depth, block in enumerate(self.down):
            x = block(self.pool(x) if depth else x)
            skips.append(x)
        film = self.film(x).squeeze(1)
        for up, skip in zip(self.up, skips[-2::-1], strict=True):
            x = up(x, skip)
        return self.unfold(self.head(x)), film


class Probabilities(nn.Module):
    """The network with its logits turned into probabilities, as the reading path wants them."""

    def __init__(self, network: AnatomyNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, tile: Tensor) -> tuple[Tensor, Tensor]:
        masks, film = self.network(tile)
        return masks.sigmoid(), film.sigmoid()


def deployed(card: ModelCard) -> nn.Module:
    """What the ONNX file holds: probabilities in the order of :data:`OUTPUTS`."""
    return Probabilities(AnatomyNet()).eval()


def parameter_count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
