"""Writing is found by boxes; lungs and side markers are not taken for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.burned_in_text import films_of, phantom, recalls, taken
from cxr_agent.imaging.text_regions import text_regions
from cxr_agent.testing.drawn_text import Writing, draw_writing, fonts

SETS = ("phantom", pytest.param("jsrt", marks=pytest.mark.shared))


def films(name: str, count: int = 8) -> list:
    found = [phantom()] if name == "phantom" else films_of(name, count)
    if not found:
        pytest.skip(f"../shared/data/{name} is not here")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_writing_of_every_kind_is_found(name: str) -> None:
    shares = {
        kind: float(share.split()[0])
        for kind, share in recalls(films(name), text_regions, each=2, seed=3).items()
    }
    hard = {kind for kind in shares if kind.startswith("contrast") or "blurred" in kind}
    assert np.mean([share for kind, share in shares.items() if kind not in hard]) >= 0.9


@pytest.mark.parametrize("name", [*SETS, pytest.param("wingspan", marks=pytest.mark.shared)])
def test_lungs_are_not_taken_for_writing(name: str) -> None:
    _, area, lungs, most = taken(films(name, 12), text_regions)
    assert area < 0.03
    assert lungs < 0.003
    assert most < 0.03


@pytest.mark.parametrize("font", fonts())
@pytest.mark.parametrize("text", ["L", "R"])
def test_a_side_marker_stays(text: str, font: str) -> None:
    film = phantom()
    how = Writing(text=text, font=font, height=32, style="white")
    drawn = draw_writing(film.pixels, how, np.random.default_rng(4))
    assert not text_regions(drawn.pixels)[drawn.ink].any()


def test_a_marker_beside_a_name_goes_with_it() -> None:
    film = phantom()
    how = Writing(text="R  DOE^JANE", height=32)
    drawn = draw_writing(film.pixels, how, np.random.default_rng(4))
    assert text_regions(drawn.pixels)[drawn.ink].all()


def test_a_name_in_every_corner_is_found() -> None:
    pixels = np.full((400, 400), 0.3, dtype=np.float32)
    drawn = draw_writing(pixels, Writing(text="DOE^JANE", height=24), np.random.default_rng(3))
    down, across = (np.flatnonzero(drawn.ink.any(axis=axis)) for axis in (1, 0))
    name = drawn.pixels[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
    rows, columns = name.shape
    corners = [
        (slice(*down), slice(*across))
        for down in ((0, rows), (400 - rows, 400))
        for across in ((0, columns), (400 - columns, 400))
    ]
    for corner in corners:
        pixels[corner] = name
    found = text_regions(pixels)
    assert all(found[corner].mean() > 0.9 for corner in corners)
    assert not found[100:300, 150:250].any()


def test_a_large_film_is_looked_at_as_well() -> None:
    film = phantom()
    large = np.kron(film.pixels, np.ones((2, 2), dtype=np.float32))
    drawn = draw_writing(large, replace(Writing(), height=40), np.random.default_rng(1))
    assert drawn.pixels.shape == (1024, 1024)
    assert text_regions(drawn.pixels)[drawn.ink].mean() > 0.9


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_plain_film_has_none(level: float) -> None:
    assert not text_regions(np.full((200, 300), level, dtype=np.float32)).any()
