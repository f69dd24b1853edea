"""The embedding network: a film as a point on the unit sphere, and how far from what was learnt."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cxr_agent.models.card import ModelCard
from cxr_agent.models.networks.encoder import Encoder

INPUT_SIZE = 128
DIMENSIONS = 256
PROTOTYPES = 64
OUTPUTS = ("embedding", "strangeness")


class EmbeddingNet(nn.Module):
    """``forward`` takes (N, 1, S, S) and gives (N, DIMENSIONS) of unit length.

    Mean and maximum over the film are both kept: layout shows in the one, small findings in the
    other. ``prototypes`` are centres of the training films' embeddings, set after training.
    """

    prototypes: Tensor

    def __init__(self, dimensions: int = DIMENSIONS) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.project = nn.Linear(2 * self.encoder.width, dimensions)
        self.register_buffer("prototypes", torch.zeros(PROTOTYPES, dimensions))

    def forward(self, x: Tensor) -> Tensor:
        features = self.encoder(x)
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3))], dim=1)
        return functional.normalize(self.project(pooled), dim=1)


class Placed(nn.Module):
    """The network with each film's distance from the nearest prototype: one minus the cosine."""

    def __init__(self, network: EmbeddingNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.network(x)
        nearest = (embedding @ self.network.prototypes.T).amax(1)
        return embedding, 1 - nearest


def deployed(card: ModelCard) -> nn.Module:
    """What the ONNX file holds: the unit vector and its strangeness."""
    return Placed(EmbeddingNet()).eval()
