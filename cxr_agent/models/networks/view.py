"""The view network: what sort of picture this is and how it lies."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cxr_agent.models.card import ModelCard
from cxr_agent.models.networks.encoder import STRIDE, Encoder
from cxr_agent.models.view import FLAGS, KINDS, TURNS

INPUT_SIZE = 128
CELLS = INPUT_SIZE // STRIDE
WIDTHS = (24, 48, 96, 160)
OUTPUTS = ("kind", "turn", "flags")


class ViewNet(nn.Module):
    """``forward`` takes (N, 1, S, S) and gives logits of kinds (N, 3), turns (N, 4), flags (N, 4).

    Kinds and turns exclude each other; flags do not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder(WIDTHS, depth=1)
        self.rest = nn.Sequential(nn.AvgPool2d(CELLS // 2), nn.Flatten(), nn.Dropout(0.2))
        self.kind = nn.Linear(4 * self.encoder.width, len(KINDS))
        self.turn = nn.Linear(4 * self.encoder.width, len(TURNS))
        self.flags = nn.Linear(4 * self.encoder.width, len(FLAGS))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        pooled = self.rest(self.encoder(x))
        return self.kind(pooled), self.turn(pooled), self.flags(pooled)


class Probabilities(nn.Module):
    """The network with its logits turned into probabilities.

    Whether a picture is mirrored is asked twice, of the picture and of its mirror image: the
    answers must be opposite, and half their difference is a better one than either.
    """

    def __init__(self, network: ViewNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        kind, turn, flags = self.network(x)
        opposite = self.network(x.flip(3))[2]
        place = FLAGS.index("mirrored")
        mirrored = (flags[:, place] - opposite[:, place]) / 2
        flags = torch.cat([flags[:, :place], mirrored[:, None], flags[:, place + 1 :]], dim=1)
        return kind.softmax(1), turn.softmax(1), flags.sigmoid()


def deployed(card: ModelCard) -> nn.Module:
    """What the ONNX file holds: probabilities."""
    return Probabilities(ViewNet()).eval()
