"""Cutting and exposing films anew, with a record of what was done.

The record is what the self-supervised tasks ask for; supervised training ignores it. A film is
never mirrored: sides mean something on a chest film.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Strength:
    """How far films are changed."""

    zoom: tuple[float, float] = (0.75, 1.15)
    """Side of the part that is shown, as a share of the square."""
    shift: float = 0.12
    turn_deg: float = 7.0
    aspect: float = 0.06
    gamma: float = 0.25
    contrast: float = 0.2
    noise: float = 0.04
    blank: float = 0.25
    """Share of films that get a blank box: text and tubes at the rim must not be relied on."""


SUPERVISED = Strength()
SELF_SUPERVISED = Strength(zoom=(0.45, 1.0), shift=0.25, turn_deg=10, gamma=0.4, contrast=0.35)


@dataclass(frozen=True, slots=True)
class Shown:
    """Films as a network gets them."""

    tiles: Tensor
    """(N, 1, S, S) standardised."""
    layout: Tensor
    """(N, 3): centre x and y of the part shown, in half sides of the square; log of its zoom."""
    appearance: Tensor
    """(N, 2): log gamma and log contrast."""


def show(
    squares: NDArray[np.uint8],
    reach: NDArray[np.float32],
    size: int,
    rng: np.random.Generator,
    strength: Strength = SUPERVISED,
) -> Shown:
    """Cut, turn and expose a batch of (N, S, S) squares."""
    count = len(squares)
    films = torch.from_numpy(squares).float().unsqueeze(1) / 255
    zoom = np.exp(rng.uniform(np.log(strength.zoom[0]), np.log(strength.zoom[1]), count))
    centre = rng.uniform(-strength.shift, strength.shift, (count, 2))
    centre = np.clip(centre, -np.abs(1.1 - zoom)[:, None], np.abs(1.1 - zoom)[:, None])
    grid = _grid(count, size, zoom, centre, rng, strength)
    limit = torch.from_numpy(reach).view(count, 1, 1, 2)
    inside = (grid.abs() <= limit).all(dim=-1).unsqueeze(1)
    tiles = functional.grid_sample(films, grid, align_corners=False)
    tiles, appearance = _expose(tiles, inside, rng, strength)
    layout = np.concatenate([centre, np.log(zoom)[:, None]], axis=1)
    return Shown(standardise(tiles, inside), torch.from_numpy(layout).float(), appearance)


def _grid(
    count: int,
    size: int,
    zoom: NDArray[np.float64],
    centre: NDArray[np.float64],
    rng: np.random.Generator,
    strength: Strength,
) -> Tensor:
    angle = np.deg2rad(rng.normal(0, strength.turn_deg / 2, count))
    aspect = np.exp(rng.normal(0, strength.aspect, count))
    theta = np.zeros((count, 2, 3))
    theta[:, 0, 0] = np.cos(angle) * zoom * aspect
    theta[:, 0, 1] = -np.sin(angle) * zoom * aspect
    theta[:, 1, 0] = np.sin(angle) * zoom / aspect
    theta[:, 1, 1] = np.cos(angle) * zoom / aspect
    theta[:, :, 2] = centre
    return functional.affine_grid(
        torch.from_numpy(theta).float(), [count, 1, size, size], align_corners=False
    )


def _expose(
    tiles: Tensor, inside: Tensor, rng: np.random.Generator, strength: Strength
) -> tuple[Tensor, Tensor]:
    count, _, size, _ = tiles.shape
    log_gamma = torch.from_numpy(rng.normal(0, strength.gamma, count)).float()
    log_contrast = torch.from_numpy(rng.normal(0, strength.contrast, count)).float()
    tiles = tiles.clamp(1e-4, 1) ** log_gamma.exp().view(-1, 1, 1, 1)
    middle = tiles.mean((2, 3), keepdim=True)
    tiles = (tiles - middle) * log_contrast.exp().view(-1, 1, 1, 1) + middle
    soft = torch.from_numpy(rng.random(count) < 0.25).view(-1, 1, 1, 1)
    tiles = torch.where(soft, functional.avg_pool2d(tiles, 3, 1, 1), tiles)
    grain = torch.from_numpy(rng.uniform(0, strength.noise, count)).float().view(-1, 1, 1, 1)
    tiles = tiles + torch.randn(tiles.shape) * grain
    for item in np.flatnonzero(rng.random(count) < strength.blank):
        high, wide = (rng.uniform(0.08, 0.3, 2) * size).astype(int)
        top, left = int(rng.uniform(0, size - high)), int(rng.uniform(0, size - wide))
        tiles[item, :, top : top + high, left : left + wide] = float(rng.uniform(0, 1))
    appearance = torch.stack([log_gamma, log_contrast], dim=1)
    return tiles.clamp(0, 1) * inside, appearance


def standardise(tiles: Tensor, inside: Tensor) -> Tensor:
    """As :func:`cxr_agent.models.tile.make_tile` does: over the film, black margin."""
    share = inside.float()
    area = share.sum((1, 2, 3), keepdim=True).clamp(min=1)
    mean = (tiles * share).sum((1, 2, 3), keepdim=True) / area
    variance = (((tiles - mean) * share) ** 2).sum((1, 2, 3), keepdim=True) / area
    return (tiles * share - mean) / variance.sqrt().clamp(min=0.02)
