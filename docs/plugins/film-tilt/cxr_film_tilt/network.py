"""What goes into the network, the network, and its weights. Needs torch, as no other file does."""

from __future__ import annotations

import hashlib
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

SIDE = 64
SHOWN = 0.8
"""Share of the shorter side that is looked at: up to 15 degrees no corner of a turned picture lies
within, so that the network sees no edge from which it could read the turn."""
DEGREES = 15.0
"""What an output of 1 stands for."""


class Tilt(nn.Module):
    """(N, 1, SIDE, SIDE) standardised greys to (N,) degrees, clockwise as the film is looked at.

    The mirror image gives the same with the other sign, by construction.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 12, 24, 32, 32)
        layers: list[nn.Module] = []
        for taken, given in pairwise(widths):
            layers += [
                nn.Conv2d(taken, given, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(given),
                nn.ReLU(),
            ]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(32 * 16, 1))

    def forward(self, greys: Tensor) -> Tensor:
        turned, mirrored = (
            self.head(self.features(one))[:, 0] for one in (greys, greys.flip(dims=[3]))
        )
        return DEGREES * (turned - mirrored) / 2


def squared(pixels: NDArray[np.float32]) -> Tensor:
    """The middle of a film of (rows, columns), as (SIDE, SIDE) greys of mean 0 and spread 1."""
    side = max(1, int(min(pixels.shape) * SHOWN))
    top, left = ((length - side) // 2 for length in pixels.shape)
    middle = np.nan_to_num(pixels[top : top + side, left : left + side], nan=0.0)
    picture = torch.from_numpy(np.ascontiguousarray(middle, dtype=np.float32))[None, None]
    small = nn.functional.interpolate(picture, (SIDE, SIDE), mode="area")[0, 0]
    return (small - small.mean()) / small.std().clamp_min(1e-4)


@cache
def loaded(sha256: str) -> Tilt:
    """The network with the weights of the card.

    Raises
    ------
    ValueError
        When the file is not the one that the card speaks of.
    """
    from safetensors.torch import load

    data = Path(__file__).with_name("tilt.safetensors").read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError("tilt.safetensors is not what its card says")
    network = Tilt()
    network.load_state_dict({name: one.float() for name, one in load(data).items()})
    return network.eval()


def tilt_deg(pixels: NDArray[np.float32], sha256: str) -> float:
    """Degrees by which the chest is turned clockwise."""
    torch.set_num_threads(1)
    with torch.inference_mode():
        return float(loaded(sha256)(squared(pixels)[None, None])[0])
