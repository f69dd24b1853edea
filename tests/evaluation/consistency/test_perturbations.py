"""Perturbations do what they say, in files that the program reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cxr_agent.evaluation.consistency.perturbations import (
    FAMILIES,
    Perturbation,
    family,
    perturbations,
)
from cxr_agent.imaging import Decoder
from cxr_agent.imaging.film import DecodedFilm
from cxr_agent.study import FloatImage, Notice
from cxr_agent.testing.phantom import draw

FILM = draw(size=160).pixels


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as one:
        yield one


def decoded(decoder: Decoder, folder: Path, name: str, level: int = 1) -> DecodedFilm:
    path = folder / "film"
    path.write_bytes(Perturbation(family(name), level).file(FILM, seed=3))
    return decoder.decode(path)


def test_every_perturbed_film_can_be_decoded(decoder: Decoder, tmp_path: Path) -> None:
    for one in perturbations():
        film = decoded(decoder, tmp_path, one.family.name, one.level).pixels
        if one.family.name != "cropped":
            assert film.shape == FILM.shape, one.name


@pytest.mark.parametrize("name", ["rewritten", "monochrome1"])
def test_another_file_is_the_same_film(decoder: Decoder, tmp_path: Path, name: str) -> None:
    film = decoded(decoder, tmp_path, name)
    np.testing.assert_allclose(film.pixels, _stretched(FILM), atol=1 / 4095)
    assert (Notice.INVERTED in film.notices) is (name == "monochrome1")
    assert Notice.HEADER_REPAIRED not in film.notices


def _stretched(pixels: FloatImage) -> FloatImage:
    """As a file without a window is shown: from its lowest to its highest value."""
    low, high = pixels.min(), pixels.max()
    return (pixels - low) / (high - low)


def test_levels_get_worse() -> None:
    for name in ("darker", "brighter", "window", "noise", "blur", "smaller", "turned", "shifted"):
        one = family(name)
        dice = [np.random.default_rng(1) for _ in one.strengths]
        apart = [
            float(np.abs(np.clip(one.change(FILM, s, d), 0, 1) - FILM).mean())
            for s, d in zip(one.strengths, dice, strict=True)
        ]
        assert apart == sorted(apart), name
        assert apart[0] > 0, name


def test_a_compressed_film_is_the_further_the_lower_its_quality(
    decoder: Decoder, tmp_path: Path
) -> None:
    apart = [
        float(np.abs(decoded(decoder, tmp_path, "jpeg", level).pixels - _stretched(FILM)).mean())
        for level in (1, 2, 3, 4)
    ]
    assert apart == sorted(apart)
    assert 0 < apart[0] < 0.02


def test_geometry_moves_by_what_it_says() -> None:
    spot = np.zeros((100, 100), dtype=np.float32)
    spot[50, 50] = 1
    moved = family("shifted").change(spot, 0.06, np.random.default_rng(0))
    row, column = np.unravel_index(int(moved.argmax()), moved.shape)
    assert (abs(row - 50), abs(column - 50)) == (6, 6)
    assert family("cropped").change(spot, 0.1, np.random.default_rng(0)).shape == (80, 80)
    right = family("mirrored").change(spot, 1, np.random.default_rng(0))
    np.testing.assert_array_equal(np.argwhere(right), [[50, 49]])


def test_the_same_seed_gives_the_same_file_and_another_does_not() -> None:
    one = Perturbation(family("noise"), 2)
    assert one.file(FILM, 5) == one.file(FILM, 5)
    assert one.file(FILM, 5) != one.file(FILM, 6)


def test_names_are_unique_and_levels_can_be_limited() -> None:
    names = [one.name for one in perturbations()]
    assert len(set(names)) == len(names)
    assert {one.level for one in perturbations(2)} == {1, 2}
    assert {one.family.name for one in perturbations(1, readable=False)} == {
        one.name for one in FAMILIES if not one.readable
    }
