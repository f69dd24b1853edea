"""The findings network: one map of evidence per label, pooled into one logit.

The maps are made by a 1x1 convolution before pooling, so what the logit rests on can be seen
(class activation maps: Zhou et al., CVPR 2016) without a gradient. The pooling lies between mean
and maximum (log-sum-exp: Pinheiro and Collobert, CVPR 2015), because some findings fill a lung
and others are small.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from cxr_agent.models.card import ModelCard
from cxr_agent.models.networks.encoder import Encoder

INPUT_SIZE = 128
SHARPNESS = 3.0
OUTPUTS = ("logits", "maps")


class FindingsNet(nn.Module):
    """``forward`` takes (N, 1, S, S) and gives logits (N, L) and maps (N, L, S / 16, S / 16)."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.drop = nn.Dropout2d(0.2)
        self.head = nn.Conv2d(self.encoder.width, labels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps: Tensor = self.head(self.drop(self.encoder(x)))
        cells = maps.shape[2] * maps.shape[3]
        pooled = torch.logsumexp(maps.flatten(2) * SHARPNESS, dim=2) - math.log(cells)
        return pooled / SHARPNESS, maps


def deployed(card: ModelCard) -> nn.Module:
    """What the ONNX file holds: logits and maps."""
    return FindingsNet(len(card.labels)).eval()
