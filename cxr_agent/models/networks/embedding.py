"""The embedding network: a film as a point on the unit sphere."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cxr_agent.models.card import ModelCard
from cxr_agent.models.networks.encoder import Encoder

INPUT_SIZE = 128
DIMENSIONS = 256


class EmbeddingNet(nn.Module):
    """``forward`` takes (N, 1, S, S) and gives (N, DIMENSIONS) of unit length.

    Mean and maximum over the film are both kept: layout shows in the one, small findings in the
    other.
    """

    def __init__(self, dimensions: int = DIMENSIONS) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.project = nn.Linear(2 * self.encoder.width, dimensions)

    def forward(self, x: Tensor) -> Tensor:
        features = self.encoder(x)
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3))], dim=1)
        return functional.normalize(self.project(pooled), dim=1)


def deployed(card: ModelCard) -> nn.Module:
    """What the ONNX file holds: the unit vector."""

    class Tupled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = EmbeddingNet()

        def forward(self, x: Tensor) -> tuple[Tensor]:
            return (self.network(x),)

    return Tupled().eval()
