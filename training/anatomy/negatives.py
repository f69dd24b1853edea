"""Pictures that are no upright frontal chest film, for the network's film head.

Turned chest films come from the batch itself; here hands, limbs, skulls, side views, photographs
and textures are drawn by rule, since the data at hand hold none.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

FloatImage = NDArray[np.float32]


def draw_negative(size: int, rng: np.random.Generator) -> FloatImage:
    """One (size, size) float32 picture in [0, 1]."""
    makers = (
        _hand,
        _hand,
        _limb,
        _skull,
        _side_view,
        _side_view,
        _abdomen,
        _texture,
        _shapes,
        _page,
    )
    picture = makers[int(rng.integers(len(makers)))](size, rng)
    picture = picture + rng.normal(0, rng.uniform(0, 0.04), picture.shape)
    return np.clip(picture, 0, 1).astype(np.float32)


def _canvas(size: int, level: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("L", (size, size), level)
    return picture, ImageDraw.Draw(picture)


def _done(picture: Image.Image, rng: np.random.Generator) -> FloatImage:
    blurred = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 3.5))))
    return np.asarray(blurred, dtype=np.float32) / 255


def _bone(
    pen: ImageDraw.ImageDraw,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    width: float,
    flesh: int,
    bone: int,
) -> None:
    def thick(one: NDArray[np.float64], other: NDArray[np.float64], w: float, fill: int) -> None:
        pen.line([tuple(one), tuple(other)], fill=fill, width=max(1, round(w)))
        for point in (one, other):
            pen.ellipse((*(point - w / 2), *(point + w / 2)), fill=fill)

    if flesh:
        thick(start, end, width * 2.1, flesh)
    if bone:
        thick(start, end, width, bone)


def _hand(size: int, rng: np.random.Generator) -> FloatImage:
    picture, pen = _canvas(size, int(rng.integers(0, 30)))
    turn = rng.normal(0, 0.4) + rng.choice([0, 0, np.pi / 2, np.pi, -np.pi / 2])
    centre = np.array([0.5, 0.6]) * size + rng.normal(0, 0.05 * size, 2)
    scale = size * rng.uniform(0.7, 1.25)
    flesh, bone = int(rng.integers(50, 130)), int(rng.integers(150, 250))

    def at(x: float, y: float) -> NDArray[np.float64]:
        return centre + scale * np.array(
            [x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)]
        )

    fingers = [
        (a, length)
        for a, length in zip(
            (-0.95, -0.3, -0.08, 0.14, 0.38), (0.28, 0.42, 0.46, 0.42, 0.34), strict=True
        )
    ]
    for pass_flesh in (True, False):
        if pass_flesh:
            _bone(pen, at(0, 0.02), at(0, 0.2), 0.17 * scale, flesh, 0)
            _bone(pen, at(0, 0.2), at(0, 0.6), 0.09 * scale, flesh, 0)
        else:
            _bone(pen, at(-0.05, 0.22), at(-0.05, 0.6), 0.055 * scale, 0, bone)
            _bone(pen, at(0.05, 0.22), at(0.05, 0.6), 0.05 * scale, 0, bone)
            for _ in range(8):
                x, y = rng.uniform(-0.09, 0.09), rng.uniform(0.08, 0.17)
                _bone(pen, at(x, y), at(x, y), 0.045 * scale, 0, bone)
        for angle, length in fingers:
            cuts = np.array([0.1, 0.45, 0.7, 0.86, 1.0]) * length
            for one, other in pairwise(cuts):
                start = at(np.sin(angle) * one, 0.1 - np.cos(angle) * one)
                end = at(np.sin(angle) * (other - 0.015), 0.1 - np.cos(angle) * (other - 0.015))
                _bone(
                    pen,
                    start,
                    end,
                    0.03 * scale,
                    flesh if pass_flesh else 0,
                    0 if pass_flesh else bone,
                )
    return _done(picture, rng)


def _limb(size: int, rng: np.random.Generator) -> FloatImage:
    picture, pen = _canvas(size, int(rng.integers(0, 40)))
    x = size * rng.uniform(0.35, 0.65)
    for flesh, bone in ((int(rng.integers(60, 130)), 0), (0, int(rng.integers(160, 250)))):
        for shift in (-0.06, 0.07)[: int(rng.integers(1, 3))]:
            width = size * rng.uniform(0.05, 0.14)
            middle = size * rng.uniform(0.42, 0.55)
            for one, other in ((-0.1 * size, middle - 8), (middle + 8, 1.1 * size)):
                _bone(
                    pen,
                    np.array([x + shift * size, one]),
                    np.array([x + shift * size, other]),
                    width,
                    flesh,
                    bone,
                )
            _bone(
                pen,
                np.array([x + shift * size - width / 2, middle]),
                np.array([x + shift * size + width / 2, middle]),
                width,
                flesh,
                bone,
            )
    if rng.random() < 0.4:
        picture = picture.rotate(float(rng.uniform(0, 360)))
    return _done(picture, rng)


def _skull(size: int, rng: np.random.Generator) -> FloatImage:
    picture, pen = _canvas(size, int(rng.integers(0, 30)))
    c, r = size * rng.uniform(0.42, 0.58, 2), size * rng.uniform(0.28, 0.42)
    pen.ellipse(
        (c[0] - r, c[1] - 1.2 * r, c[0] + r, c[1] + 1.1 * r),
        fill=150,
        outline=235,
        width=max(2, int(r / 12)),
    )
    for sign in (-1, 1):
        pen.ellipse(
            (
                c[0] + sign * 0.42 * r - 0.25 * r,
                c[1],
                c[0] + sign * 0.42 * r + 0.25 * r,
                c[1] + 0.42 * r,
            ),
            fill=80,
            outline=220,
            width=3,
        )
    pen.rectangle((c[0] - 0.35 * r, c[1] + 0.75 * r, c[0] + 0.35 * r, c[1] + 1.05 * r), fill=225)
    return _done(picture, rng)


def _side_view(size: int, rng: np.random.Generator) -> FloatImage:
    """A lateral chest: one dark field between the sternum in front and the spine behind."""
    picture, pen = _canvas(size, int(rng.integers(0, 30)))
    x0, x1 = size * rng.uniform(0.12, 0.25), size * rng.uniform(0.72, 0.9)
    y0, y1 = size * rng.uniform(0.0, 0.1), size * rng.uniform(0.8, 1.0)
    pen.rounded_rectangle((x0, y0, x1, size), radius=size * 0.2, fill=int(rng.integers(130, 180)))
    lung = [
        (x0 + 0.30 * (x1 - x0), y0 + 0.12 * size),
        (x0 + 0.75 * (x1 - x0), y0 + 0.10 * size),
        (x0 + 0.88 * (x1 - x0), y1 - 0.05 * size),
        (x0 + 0.45 * (x1 - x0), y1 - 0.22 * size),
        (x0 + 0.08 * (x1 - x0), y1 - 0.2 * size),
        (x0 + 0.07 * (x1 - x0), y0 + 0.4 * size),
    ]
    pen.polygon(lung, fill=int(rng.integers(40, 95)))
    heart_x, heart_y, r = x0 + 0.33 * (x1 - x0), y1 - 0.33 * size, size * rng.uniform(0.12, 0.17)
    pen.ellipse(
        (heart_x - 1.1 * r, heart_y - r, heart_x + 1.1 * r, heart_y + r),
        fill=int(rng.integers(140, 200)),
    )
    for step in range(14):  # vertebrae
        y = y0 + step * size * 0.07
        x = x0 + (0.72 + 0.08 * np.sin(step / 4)) * (x1 - x0)
        pen.rectangle((x, y, x + 0.09 * size, y + 0.05 * size), fill=int(rng.integers(150, 200)))
    for step in range(9):  # ribs
        y = y0 + (0.15 + 0.07 * step) * size
        pen.line(
            ((x0 + 0.8 * (x1 - x0), y), (x0 + 0.15 * (x1 - x0), y + 0.14 * size)),
            fill=130,
            width=max(2, size // 90),
        )
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return _done(picture, rng)


def _abdomen(size: int, rng: np.random.Generator) -> FloatImage:
    picture, pen = _canvas(size, int(rng.integers(110, 150)))
    for step in range(6):
        y = size * (0.05 + 0.11 * step)
        pen.rectangle((0.45 * size, y, 0.55 * size, y + 0.08 * size), fill=200)
    for sign in (-1, 1):  # the pelvis
        x = size * (0.5 + sign * 0.22)
        pen.ellipse(
            (x - 0.17 * size, 0.66 * size, x + 0.17 * size, 1.02 * size),
            outline=215,
            width=size // 18,
        )
    for _ in range(int(rng.integers(4, 14))):
        x, y, r = (
            rng.uniform(0.15, 0.85) * size,
            rng.uniform(0.05, 0.8) * size,
            rng.uniform(0.02, 0.09) * size,
        )
        pen.ellipse((x - r, y - 0.6 * r, x + r, y + 0.6 * r), fill=int(rng.integers(30, 90)))
    return _done(picture, rng)


def _texture(size: int, rng: np.random.Generator) -> FloatImage:
    total = np.zeros((size, size), dtype=np.float32)
    for octave in range(1, 7):
        cells = 2**octave + 1
        coarse = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
        total += np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC)) / 1.7**octave
    low, high = np.percentile(total, (1, 99))
    return np.asarray((total - low) / (high - low), dtype=np.float32)


def _shapes(size: int, rng: np.random.Generator) -> FloatImage:
    picture, pen = _canvas(size, int(rng.integers(0, 256)))
    for _ in range(int(rng.integers(2, 30))):
        x, y = rng.uniform(-0.1, 1, 2) * size
        w, h = rng.uniform(0.02, 1, 2) * size
        draw = pen.ellipse if rng.random() < 0.5 else pen.rectangle
        draw((x, y, x + w / 2, y + h / 2), fill=int(rng.integers(0, 256)))
    return _done(picture, rng)


def _page(size: int, rng: np.random.Generator) -> FloatImage:
    dark = rng.random() < 0.3
    picture, pen = _canvas(size, 20 if dark else 240)
    y = 0.05 * size
    while y < 0.95 * size:
        pen.line(
            ((0.08 * size, y), (rng.uniform(0.4, 0.92) * size, y)),
            fill=230 if dark else 40,
            width=max(2, size // 120),
        )
        y += rng.uniform(0.02, 0.05) * size
    return _done(picture, rng)
