"""Writing on a film does not leave: painted over, or outside the chest and black."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from cxr_agent.imaging.burned_in import BoolMask, picture_to_send, without_text
from cxr_agent.study import FloatImage
from cxr_agent.testing.phantom import PhantomSpec, draw
from tests.builders import SHARED

TEXTS = ("DOE^JANE", "John Smith 12345678", "L", "R", "AP PORTABLE", "12/03/1960", "MRN 4471")
VISIBLE = 0.1
"""Of full scale: ink that differs less from what is under it cannot be read."""


def written(
    pixels: FloatImage, text: str, rng: np.random.Generator, size: int, contrast: float
) -> tuple[FloatImage, BoolMask]:
    """The film with a text on it somewhere, and the ink that can be seen."""
    font = ImageFont.load_default(size)
    right, bottom = (int(edge) + 4 for edge in font.getbbox(text)[2:])
    ink = Image.new("L", (right, bottom))
    ImageDraw.Draw(ink).text((2, 2), text, fill=255, font=font)
    if rng.random() < 0.2:
        ink = ink.rotate(90, expand=True)
    strength = np.asarray(ink, dtype=np.float32) / 255
    rows, columns = pixels.shape
    top = int(rng.uniform(0.1, 0.8) * rows)
    left = int(rng.uniform(0.05, 0.7) * columns)
    strength = strength[: rows - top, : columns - left]
    place = slice(top, top + strength.shape[0]), slice(left, left + strength.shape[1])
    under = pixels[place]
    sign = 1 if float(under.mean()) + contrast <= 1 else -1
    result = pixels.copy()
    result[place] = (
        under * (1 - strength) + np.clip(under.mean() + sign * contrast, 0, 1) * strength
    )
    blur = float(rng.choice([0.0, 0.0, 0.5, 1.0]))
    if blur:
        result = ndimage.gaussian_filter(result, blur)
    if rng.random() < 0.4:
        buffer = io.BytesIO()
        Image.fromarray((result * 255).astype(np.uint8)).save(buffer, "JPEG", quality=75)
        result = np.asarray(Image.open(buffer), dtype=np.float32) / 255
    seen = np.zeros(pixels.shape, dtype=np.bool_)
    seen[place] = (strength > 0.5) & (np.abs(result[place] - under) > VISIBLE)
    return result.astype(np.float32), seen


def brought_to(plane: BoolMask, shape: tuple[int, int]) -> BoolMask:
    picture = Image.fromarray(plane.astype(np.float32))
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BOX)) > 0.5


def hidden_share(films: Iterator[FloatImage], count: int, seed: int) -> float:
    """Share of texts of which at least nine tenths of the visible ink are painted over."""
    rng = np.random.default_rng(seed)
    hidden = looked_at = 0
    for _ in range(count):
        film = next(films)
        side = max(film.shape)
        size = int(np.exp(rng.uniform(np.log(max(8, side * 0.014)), np.log(side / 10))))
        contrast = float(rng.choice([0.15, 0.2, 0.3, 0.5, 0.8]))
        text = str(rng.choice(TEXTS))
        result, seen = written(film, text, rng, size, contrast)
        small, painted = without_text(result)
        ink = brought_to(seen, (small.shape[0], small.shape[1]))
        if ink.any():
            looked_at += 1
            hidden += bool(painted[ink].mean() >= 0.9)
    assert looked_at > 0.8 * count
    return hidden / looked_at


def phantoms() -> Iterator[FloatImage]:
    drawn = [draw(PhantomSpec(), size).pixels for size in (512, 1024)]
    while True:
        yield from drawn


def jsrt() -> Iterator[FloatImage]:
    paths = sorted((SHARED / "data" / "jsrt" / "images").glob("*.png"))[:20]
    if not paths:
        pytest.skip("../shared/data/jsrt is not here")
    films = [np.asarray(Image.open(path).convert("L"), dtype=np.float32) / 255 for path in paths]
    while True:
        yield from films


def test_writing_on_phantoms_is_painted_over() -> None:
    assert hidden_share(phantoms(), 120, seed=1) >= 0.98


@pytest.mark.shared
def test_writing_on_real_films_is_painted_over() -> None:
    assert hidden_share(jsrt(), 160, seed=2) >= 0.98


@pytest.mark.shared
def test_most_of_a_film_without_writing_stays() -> None:
    films = jsrt()
    shares = []
    for _ in range(20):
        film = next(films)
        rows, columns = film.shape
        _, painted = without_text(film)
        shares.append(painted[rows // 8 : -rows // 8, columns // 8 : -columns // 8].mean())
    assert np.median(shares) < 0.06


def chest(size: int = 512) -> tuple[FloatImage, dict[str, BoolMask]]:
    phantom = draw(PhantomSpec(), size)
    names = ("right_lung", "left_lung", "heart")
    return phantom.pixels, {name: phantom.masks[name] for name in names}


def opened(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_what_is_not_chest_is_black() -> None:
    pixels, masks = chest()
    sent = opened(picture_to_send(pixels, masks))
    assert sent.shape == (512, 512)
    assert sent[:12].max() == sent[-12:].max() == 0
    assert sent[:, :12].max() == sent[:, -12:].max() == 0
    inside = ndimage.binary_erosion(masks["right_lung"], iterations=3)
    assert (sent[inside] > 0).mean() > 0.99


def test_a_name_in_the_corner_leaves_no_trace() -> None:
    pixels, masks = chest()
    named = pixels.copy()
    named[:30, :200] = 1.0
    named[4:26, 4:190:3] = 0.0
    sent = opened(picture_to_send(named, masks))
    assert sent[:40, :220].max() == 0


def test_nothing_but_pixels_is_in_the_file() -> None:
    pixels, masks = chest()
    png = picture_to_send(pixels, masks)
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.mode == "L"
        assert picture.info == {}
    assert {png[at + 4 : at + 8] for at in _chunks(png)} == {b"IHDR", b"IDAT", b"IEND"}
    assert picture_to_send(pixels, masks) == png


def _chunks(png: bytes) -> Iterator[int]:
    at = 8
    while at < len(png):
        yield at
        at += 12 + int.from_bytes(png[at : at + 4])


def test_the_picture_is_small() -> None:
    pixels, masks = chest(1024)
    assert max(opened(picture_to_send(pixels, masks)).shape) == 512
    assert max(opened(picture_to_send(pixels, masks, 300)).shape) == 300


@pytest.mark.parametrize("kept", [(), ("heart",)])
def test_a_film_without_lungs_stays_here(kept: tuple[str, ...]) -> None:
    pixels, masks = chest()
    with pytest.raises(ValueError, match="no lung"):
        picture_to_send(pixels, {name: masks[name] for name in kept})


def test_a_plain_film_is_left_alone(tmp_path: Path) -> None:
    plain = np.full((200, 300), 0.5, dtype=np.float32)
    small, painted = without_text(plain)
    assert not painted.any()
    assert (small == plain).all()
