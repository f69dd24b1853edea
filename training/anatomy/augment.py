"""What a film goes through before the network sees it in training.

Each function takes and gives torch tensors of one batch on the CPU: films (N, 1, S, S) in
[0, 1], masks (N, 5, S, S) in [0, 1]. All randomness comes from the generator that is passed in.

The aim is films of strange hospitals and of ill, supine patients: other exposure and
processing, inversion, rotation, cropping and letterboxing, lines, tubes and text, and lungs
that are white for consolidation or effusion while their outline stays what the reader drew.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor
from torch.nn import functional

from cxr_agent.models.networks.anatomy import STRUCTURES

RIGHT_LUNG, LEFT_LUNG, HEART, LEFT_CLAVICLE, RIGHT_CLAVICLE = range(len(STRUCTURES))
_PAIRS = ((RIGHT_LUNG, LEFT_LUNG), (RIGHT_CLAVICLE, LEFT_CLAVICLE))


def spread_bits(bits: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, S, S) bit planes to (N, 5, S, S) floats."""
    return np.stack([(bits >> bit & 1) for bit in range(len(STRUCTURES))], 1).astype(np.float32)


def warp(
    films: Tensor, masks: Tensor, size: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Rotate, scale, shift, shear, bend and sometimes mirror; also gives where film was."""
    count = films.shape[0]
    angle = np.deg2rad(
        np.where(rng.random(count) < 0.85, rng.normal(0, 6, count), rng.normal(0, 16, count))
    )
    zoom = np.exp(rng.uniform(math.log(0.72), math.log(1.32), count))
    aspect = np.exp(rng.normal(0, 0.10, count))
    mirror = np.where(rng.random(count) < 0.08, -1.0, 1.0)
    cos, sin = np.cos(angle), np.sin(angle)
    theta = np.zeros((count, 2, 3))
    theta[:, 0, 0] = cos * zoom * aspect * mirror
    theta[:, 0, 1] = -sin * zoom * aspect + rng.normal(0, 0.04, count)
    theta[:, 1, 0] = sin * zoom / aspect * mirror
    theta[:, 1, 1] = cos * zoom / aspect
    theta[:, :, 2] = rng.uniform(-0.22, 0.22, (count, 2)) * np.maximum(zoom, 0.6)[:, None]
    grid = functional.affine_grid(
        torch.from_numpy(theta).float(), [count, 1, size, size], align_corners=False
    )
    bend = torch.from_numpy(rng.normal(0, 1, (count, 2, 7, 7))).float()
    bend = functional.interpolate(bend, size=(size, size), mode="bicubic", align_corners=False)
    strength = torch.from_numpy(rng.uniform(0, 0.022, count)).float().view(-1, 1, 1, 1)
    grid = grid + (bend * strength).permute(0, 2, 3, 1)
    films = functional.grid_sample(films, grid, align_corners=False)
    masks = functional.grid_sample(masks, grid, align_corners=False)
    inside = (grid.abs() <= 1).all(dim=-1).unsqueeze(1)
    # The side is that of the picture: a mirrored film shows the heart on the wrong side, as
    # situs inversus does, and no lung changes its name for that.
    for item in np.flatnonzero(mirror < 0):
        for one, other in _PAIRS:
            masks[item, [one, other]] = masks[item, [other, one]]
    return films, masks, inside


def _smooth_field(count: int, size: int, cells: int, rng: np.random.Generator) -> Tensor:
    coarse = torch.from_numpy(rng.normal(0, 1, (count, 1, cells, cells))).float()
    return functional.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)


def sicken(films: Tensor, masks: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw consolidation, effusion, haze or a white lung over lungs; outlines stay."""
    count, _, size, _ = films.shape
    rows = torch.arange(size).float().view(1, size, 1) / size
    for item in range(count):
        if rng.random() < 0.45:
            continue
        white = float(films[item].quantile(0.85)) * rng.uniform(0.75, 1.1)
        cover = torch.zeros(1, size, size)
        for lung in (RIGHT_LUNG, LEFT_LUNG):
            mask = masks[item, lung : lung + 1]
            if rng.random() < 0.35 or not bool(mask.any()):
                continue
            kind = rng.random()
            if kind < 0.4:  # patches
                field = _smooth_field(1, size, int(rng.integers(4, 14)), rng)[0]
                patch = torch.sigmoid((field - rng.uniform(-0.4, 1.0)) * rng.uniform(2, 8))
                cover = torch.maximum(cover, patch * rng.uniform(0.3, 1.0))
            elif kind < 0.75:  # fluid, or a high diaphragm's shadow, from below
                filled = mask[0].any(dim=1).nonzero()
                top, bottom = float(filled[0]) / size, float(filled[-1]) / size
                level = bottom - (bottom - top) * rng.uniform(0.05, 0.75)
                slope = _smooth_field(1, size, 3, rng)[0] * 0.04
                fluid = torch.sigmoid((rows + slope - level) / rng.uniform(0.006, 0.05))
                cover = torch.maximum(cover, fluid * mask * rng.uniform(0.5, 1.0))
            elif kind < 0.95:  # haze
                cover = torch.maximum(cover, mask * rng.uniform(0.15, 0.6))
            else:  # white lung
                cover = torch.maximum(cover, mask * rng.uniform(0.75, 1.0))
        soft = functional.avg_pool2d(cover.unsqueeze(0), 9, 1, 4)[0]
        soft = functional.avg_pool2d(soft.unsqueeze(0), 9, 1, 4)[0]
        near = masks[item, RIGHT_LUNG : LEFT_LUNG + 1].amax(0, keepdim=True)
        near = functional.max_pool2d(near.unsqueeze(0), 13, 1, 6)[0]
        soft = soft * functional.avg_pool2d(near.unsqueeze(0), 9, 1, 4)[0]
        texture = 1 + 0.06 * _smooth_field(1, size, size // 6, rng)[0]
        films[item] = films[item] * (1 - soft) + torch.maximum(films[item], white * texture) * soft
    return films.clamp_(0, 1)


def furnish(films: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw tubes, wires, pads, text and label boxes."""
    size = films.shape[-1]
    for item in range(films.shape[0]):
        if rng.random() < 0.4:
            continue
        layer = Image.new("L", (size, size), 0)
        pen = ImageDraw.Draw(layer)
        for _ in range(int(rng.integers(0, 5))):
            _tube(pen, size, rng)
        for _ in range(int(rng.integers(0, 4))):
            x, y = rng.uniform(0, size, 2)
            r = rng.uniform(3, 9) * size / 384
            pen.ellipse((x - r, y - r, x + r, y + r), outline=int(rng.integers(90, 255)), width=2)
        if rng.random() < 0.15:  # a pacemaker
            x, y = rng.uniform(0.1, 0.9) * size, rng.uniform(0.12, 0.35) * size
            r = rng.uniform(0.04, 0.07) * size
            pen.rounded_rectangle((x - r, y - r, x + r, y + r), radius=r / 2, fill=230)
        layer = layer.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.4, 1.2))))
        ink = torch.from_numpy(np.asarray(layer, dtype=np.float32) / 255)
        films[item, 0] = films[item, 0] + (1 - films[item, 0]) * ink * float(rng.uniform(0.25, 1))
        if rng.random() < 0.5:
            films[item, 0] = _label(films[item, 0], size, rng)
    return films


def _tube(pen: ImageDraw.ImageDraw, size: int, rng: np.random.Generator) -> None:
    points = rng.uniform(-0.05, 1.05, (4, 2)) * size
    if rng.random() < 0.4:  # an endotracheal or gastric tube follows the midline
        points[:, 0] = size * (0.5 + rng.normal(0, 0.04, 4))
        points[:, 1] = np.sort(points[:, 1])
    t = np.linspace(0, 1, 40)[:, None]
    curve = (
        (1 - t) ** 3 * points[0]
        + 3 * (1 - t) ** 2 * t * points[1]
        + 3 * (1 - t) * t**2 * points[2]
        + t**3 * points[3]
    )
    width = max(1, round(float(rng.choice([1, 1, 2, 2, 3, 5])) * size / 384))
    pen.line([tuple(p) for p in curve], fill=int(rng.integers(90, 255)), width=width)


def _label(film: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    """A text line, a letter or a box at the rim or anywhere."""
    layer = Image.fromarray((film.numpy() * 255).astype(np.uint8))
    pen = ImageDraw.Draw(layer)
    for _ in range(int(rng.integers(1, 4))):
        at_rim = rng.random() < 0.8
        x = float(
            rng.choice([rng.uniform(0, 0.2), rng.uniform(0.75, 0.95)])
            if at_rim
            else rng.uniform(0, 0.9)
        )
        y = float(
            rng.choice([rng.uniform(0, 0.12), rng.uniform(0.85, 0.97)])
            if at_rim
            else rng.uniform(0, 0.9)
        )
        text = "".join(rng.choice(list("LRPASUINEPORTBLQ0123456789 :/-"), int(rng.integers(1, 14))))
        box = pen.textbbox((x * size, y * size), text)
        if rng.random() < 0.5:
            pen.rectangle(box, fill=int(rng.choice([0, 0, 255])))
        pen.text((x * size, y * size), text, fill=int(rng.integers(160, 256)))
    return torch.from_numpy(np.asarray(layer, dtype=np.float32) / 255)


def expose(films: Tensor, inside: Tensor, rng: np.random.Generator) -> Tensor:
    """Gamma, contrast, scatter, local contrast processing, blur, noise, collimation, inversion."""
    count, _, size, _ = films.shape

    def draw(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, count)).float().view(-1, 1, 1, 1)

    def normal(sd: float) -> Tensor:
        return torch.from_numpy(rng.normal(0, sd, count)).float().view(-1, 1, 1, 1)

    some = torch.from_numpy(
        rng.random((6, count)) < np.array([[0.35], [0.3], [0.3], [0.4], [0.5], [0.10]])
    )
    some = some.view(6, count, 1, 1, 1)
    films = films.clamp(0, 1)
    # Local contrast, as CLAHE and multi-frequency processing give it.
    wide = functional.interpolate(
        functional.avg_pool2d(films, 16, 16),
        size=(size, size),
        mode="bilinear",
        align_corners=False,
    )
    films = torch.where(some[0], films - wide * draw(0, 0.75) + draw(0, 0.3), films)
    blurred = functional.avg_pool2d(films, 3, 1, 1)
    films = torch.where(some[1], blurred, films)
    films = torch.where(some[2], films + (films - blurred) * draw(0.3, 2.0), films)
    films = torch.where(some[3], films + _smooth_field(count, size, 3, rng) * draw(0, 0.15), films)
    low = films.amin((2, 3), keepdim=True)
    high = films.amax((2, 3), keepdim=True)
    films = (films - low) / (high - low).clamp(min=1e-3)
    films = films.clamp(1e-4, 1) ** torch.exp(normal(0.4))
    films = (films - draw(0, 0.15)) / (1 - draw(0, 0.3))
    noise = torch.from_numpy(rng.standard_normal((count, 1, size, size), dtype=np.float32))
    films = torch.where(some[4], films + noise * draw(0, 0.06), films).clamp(0, 1)
    films = torch.where(some[5], 1 - films, films)
    for item in np.flatnonzero(rng.random(count) < 0.25):  # collimation, borders
        shade = float(rng.choice([0.0, 0.0, 1.0, rng.uniform(0, 1)]))
        top, bottom, left, right = (int(v) for v in rng.uniform(0, 0.10, 4) * size)
        films[item, :, :top] = shade
        films[item, :, size - bottom :] = shade
        films[item, :, :, :left] = shade
        films[item, :, :, size - right :] = shade
    return films * inside
