"""Films of the training sets: who falls into which split, what is read, what is the same picture,
and what a network is shown of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from cxr_agent.models.tile import make_tile
from tests.training.pictures import Grey, save, texture

torch = pytest.importorskip("torch", reason="training is an extra")

from training.films import duplicates, pool  # noqa: E402
from training.films.augment import (  # noqa: E402
    SELF_SUPERVISED,
    SUPERVISED,
    Shown,
    Strength,
    show,
    standardise,
)
from training.films.duplicates import without_duplicates  # noqa: E402
from training.films.film import SPLITS, Film  # noqa: E402

NOWHERE = Path("none.png")
AS_IT_IS = Strength(
    zoom=(1, 1), shift=0, turn_deg=0, aspect=0, gamma=0, contrast=0, noise=0, blank=0
)
WORDS = st.text(st.characters(codec="utf-8"), max_size=12)


# --- splits ---------------------------------------------------------------------------------


def test_the_split_of_a_patient_is_fixed() -> None:
    """Whoever changes one of these has changed the test set."""
    people = [f"nih_{number:08d}" for number in range(1, 25)]
    initials = "".join(Film("nih", patient, NOWHERE).split[:2] for patient in people)
    assert initials == FIRST_SPLITS


FIRST_SPLITS = "trtrvacatrtrtrtrtrtrtetrtrtrtrtetetecatrtrtrcatr"


@given(WORDS, WORDS, WORDS)
def test_all_films_of_a_patient_are_in_one_split(source: str, patient: str, name: str) -> None:
    first = Film(source, patient, NOWHERE)
    other = Film(source, patient, Path(name), "AP", {"pneumothorax": True}, True, 64)
    assert first.split == other.split
    assert first.split in SPLITS


@settings(deadline=None, max_examples=15)
@given(WORDS)
def test_splits_have_their_shares(source: str) -> None:
    count = 3000
    found = Counter(Film(source, str(number), NOWHERE).split for number in range(count))
    wanted = {"train": 0.6, "test": 0.2, "calibration": 0.1, "validation": 0.1}
    for split, share in wanted.items():
        five_sigma = 5 * (share * (1 - share) / count) ** 0.5
        assert found[split] / count == pytest.approx(share, abs=five_sigma)


def test_one_number_in_two_sets_is_two_patients() -> None:
    films = [Film(source, "7", NOWHERE) for source in ("nih", "jsrt")]
    assert films[0].person != films[1].person


# --- duplicates -----------------------------------------------------------------------------


def film(path: Path, grey: Grey, patient: str) -> Film:
    return Film("a", patient, save(path, grey))


def again(original: Film, path: Path, patient: str) -> Film:
    """The picture half as large, its greys stretched, squeezed into a JPEG."""
    with Image.open(original.path) as picture:
        small = picture.resize((picture.width // 2, picture.height // 2))
    lighter = small.point([round(255 * (level / 255) ** 0.9) for level in range(256)])
    lighter.save(path, quality=60)
    return Film("b", patient, path)


def test_a_copy_under_another_name_is_left_out(tmp_path: Path) -> None:
    one = film(tmp_path / "1.png", texture(1), "p1")
    two = film(tmp_path / "2.png", texture(2), "p2")
    copy = again(one, tmp_path / "copy.jpg", "p9")
    kept, dropped = without_duplicates([one, two, copy])
    assert kept == [one, two]
    assert dropped == [(copy, one)]
    assert without_duplicates([copy, two, one]) == ([copy, two], [(one, copy)])


def test_two_films_of_one_patient_may_be_alike(tmp_path: Path) -> None:
    one = film(tmp_path / "1.png", texture(1), "p1")
    copy = replace(again(one, tmp_path / "copy.jpg", "p1"), source="a")
    assert without_duplicates([one, copy]) == ([one, copy], [])


def test_a_copy_is_found_behind_the_patients_own(tmp_path: Path) -> None:
    """The first film that is near may be one of the same patient; the next one counts."""
    first = film(tmp_path / "1.png", texture(1), "p1")
    own = replace(again(first, tmp_path / "own.jpg", "p1"), source="a")
    copy = again(first, tmp_path / "copy.jpg", "p1")  # the same number in another set
    assert without_duplicates([first, own, copy]) == ([first, own], [(copy, first)])


def test_what_the_hash_takes_for_one_is_looked_at_again(tmp_path: Path) -> None:
    """A slope from top to bottom changes no bit of the hash, and is another picture."""
    grey = texture(3)
    slope = np.linspace(0, 1, grey.shape[0], dtype=np.float32)[:, None]
    one = film(tmp_path / "1.png", 0.25 * grey + 0.05, "p1")
    two = film(tmp_path / "2.png", 0.25 * grey + 0.7 * slope + 0.02, "p2")
    hashes = np.stack([duplicates.difference_hash(f) for f in (one, two)])
    assert duplicates.distances(hashes[0], hashes)[1] <= duplicates.NEAR
    assert without_duplicates([one, two]) == ([one, two], [])


def test_distances_count_bits() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 256, (40, 32), dtype=np.uint8)
    bits = np.unpackbits(hashes, axis=1).astype(np.int64)
    assert np.array_equal(
        duplicates.distances(hashes[0], hashes), np.abs(bits - bits[0]).sum(axis=1)
    )


# --- films in memory ------------------------------------------------------------------------


def held(*pictures: Grey, folder: Path, size: int = 96) -> pool.Pool:
    films = [
        film(folder / f"{number}.png", grey, str(number)) for number, grey in enumerate(pictures)
    ]
    return pool.load(films, size)


def test_films_lie_on_their_squares_with_their_aspect(tmp_path: Path) -> None:
    shapes = [(100, 200), (200, 100), (150, 150), (64, 61)]
    found = held(*(texture(n, shape) for n, shape in enumerate(shapes)), folder=tmp_path)
    assert len(found) == 4
    assert found.squares.dtype == np.uint8
    for shape, square, reach in zip(shapes, found.squares, found.reach, strict=True):
        rows, columns = (96 * side / max(shape) for side in shape)
        assert reach * 96 == pytest.approx((columns, rows), abs=0.5)
        inside = np.zeros((96, 96), dtype=np.bool_)
        top, left = round((96 - rows) / 2), round((96 - columns) / 2)
        inside[top : top + round(rows), left : left + round(columns)] = True
        assert not square[~inside].any()
        assert (square[inside].min(), square[inside].max()) == (0, 255)


def test_greys_are_stretched_whatever_their_range(tmp_path: Path) -> None:
    grey = texture(5)
    found = held(grey, 0.3 * grey + 0.4, folder=tmp_path)
    assert np.abs(found.squares[0].astype(int) - found.squares[1]).max() <= 5
    flat = held(np.full((50, 40), 0.5, dtype=np.float32), folder=tmp_path)
    assert not flat.squares.any()


# --- what a network is shown ----------------------------------------------------------------


def shown_as(
    grey: Grey, strength: Strength, *, count: int = 1, seed: int = 0, reach: float = 1.0
) -> Shown:
    """``count`` views of one square; ``reach`` is the half height of its film."""
    squares = np.repeat(np.rint(grey * 255).astype(np.uint8)[None], count, axis=0)
    torch.manual_seed(seed)
    half = np.repeat(np.array([[1, reach]], dtype=np.float32), count, axis=0)
    return show(squares, half, len(grey), np.random.default_rng(seed), strength)


def standard(grey: NDArray[np.floating]) -> NDArray[np.floating]:
    return (grey - grey.mean()) / grey.std()


def softened(grey: Grey) -> NDArray[np.float32]:
    """The mean of each pixel and its eight neighbours, as some views are blurred."""
    padded = np.pad(grey, 1)
    rows, columns = grey.shape
    parts = [padded[y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
    return np.mean(parts, axis=0)


def exposed(tile: NDArray[np.floating], wanted: Grey) -> bool:
    """Whether a tile shows ``wanted``, sharp or softened, as far as greys reach."""
    versions = (version.clip(0, 1) for version in (wanted, softened(wanted)))
    return any(np.abs(tile - standard(version)).max() < 0.03 for version in versions)


def test_what_is_changed_by_nothing_is_given_back() -> None:
    grey = texture(1, (64, 64))
    found = shown_as(grey, AS_IT_IS, count=12)
    assert found.tiles.shape == (12, 1, 64, 64)
    sharp = [np.abs(tile[0] - standard(grey)).max() < 0.03 for tile in found.tiles.numpy()]
    assert sum(sharp) >= 6
    assert all(exposed(tile[0], grey) for tile in found.tiles.numpy())
    assert not found.layout.any()
    assert not found.appearance.any()


def test_the_reading_path_prepares_films_alike(tmp_path: Path) -> None:
    """What is trained on is what will be read: the same size, stretch, margin and scale."""
    grey = texture(6, (128, 80))
    stored = held(grey, folder=tmp_path)
    rng = np.random.default_rng(1)
    found = show(stored.squares, stored.reach, 96, rng, AS_IT_IS).tiles[0, 0].numpy()
    tile, placement = make_tile(stored.films[0].pixels(), 96)
    inside = np.s_[1:-1, placement.left + 1 : placement.left + placement.columns - 1]
    assert np.abs(found[inside] - tile[inside]).max() < 0.15
    assert np.abs(found[:, 0] - tile[:, 0]).max() < 0.05


@pytest.mark.parametrize("strength", [SUPERVISED, SELF_SUPERVISED], ids=["labels", "none"])
def test_views_are_finite_standardised_and_black_beyond_the_film(strength: Strength) -> None:
    count, size, reach = 24, 64, 0.6
    found = shown_as(texture(2, (size, size)), strength, count=count, reach=reach)
    again_shown = shown_as(texture(2, (size, size)), strength, count=count, reach=reach)
    assert torch.equal(found.tiles, again_shown.tiles)
    assert torch.isfinite(found.tiles).all()
    assert found.tiles.flatten(1).std(1).min() > 0.3
    margins = 0
    for tile, (x, y, log_zoom) in zip(found.tiles, found.layout.numpy(), strict=True):
        # The farthest corner that no turn or stretch brings into the film.
        assert abs(x) <= strength.shift + 1e-6
        top_row = y - np.exp(log_zoom)
        if top_row < -reach - 0.35:
            margins += 1
            black = tile[0, 0, size // 2]
            assert tile.min() >= black - 1e-5
            assert torch.allclose(tile[0, 0, size // 4 : -size // 4], black)
    assert margins >= 3


def test_standardising_looks_at_the_film_alone() -> None:
    rng = np.random.default_rng(0)
    tiles = torch.from_numpy(rng.random((3, 1, 32, 32))).float()
    inside = torch.zeros((3, 1, 32, 32), dtype=torch.bool)
    inside[:, :, 8:24] = True
    found = standardise(tiles, inside)
    for tile, before in zip(found[:, 0], tiles[:, 0], strict=True):
        content = before[8:24]
        assert tile[8:24].mean() == pytest.approx(0, abs=1e-5)
        assert tile[8:24].std(correction=0) == pytest.approx(1, abs=1e-4)
        black = -content.mean() / content.std(correction=0)
        assert torch.allclose(tile[:8], black.expand(8, 32), atol=1e-4)
    assert torch.isfinite(standardise(torch.zeros(1, 1, 8, 8), inside[:1, :, :8, :8])).all()


def blob(x: float, y: float, side: int = 96) -> Grey:
    """A soft spot; coordinates from -1 (left, top) to 1."""
    centres = (np.arange(side) + 0.5) / side * 2 - 1
    distance = (centres[None, :] - x) ** 2 + (centres[:, None] - y) ** 2
    return np.exp(-distance / (2 * 0.08**2)).astype(np.float32)


def peak(tile: NDArray[np.floating]) -> NDArray[np.float64]:
    """Where a tile is brightest, in the same coordinates."""
    row, column = np.unravel_index(tile.argmax(), tile.shape)
    return (np.array([column, row]) + 0.5) / tile.shape[0] * 2 - 1


def test_the_layout_says_which_part_of_the_square_is_shown() -> None:
    spot = np.array([0.2, -0.3])
    strength = replace(AS_IT_IS, zoom=(0.6, 1.0), shift=0.25)
    found = shown_as(blob(*spot), strength, count=20)
    centres, zoom = found.layout[:, :2].numpy(), np.exp(found.layout[:, 2:].numpy())
    assert np.ptp(centres[:, 0]) > 0.2
    assert np.ptp(zoom) > 0.2
    for tile, centre, scale in zip(found.tiles[:, 0].numpy(), centres, zoom, strict=True):
        assert peak(tile) == pytest.approx((spot - centre) / scale, abs=0.06)


def test_the_appearance_says_how_a_film_is_exposed() -> None:
    grey = np.rint(texture(4, (64, 64)) * 255) / 255
    darker = shown_as(grey, replace(AS_IT_IS, gamma=0.4), count=8)
    assert darker.appearance[:, 0].abs().max() > 0.2
    assert not darker.appearance[:, 1].any()
    for tile, (log_gamma, _) in zip(darker.tiles, darker.appearance.numpy(), strict=True):
        assert exposed(tile[0].numpy(), grey.clip(1e-4) ** np.exp(log_gamma))
    harder = shown_as(grey, replace(AS_IT_IS, contrast=0.5), count=8)
    assert harder.appearance[:, 1].abs().max() > 0.2
    assert not harder.appearance[:, 0].any()
    for tile, (_, log_contrast) in zip(harder.tiles, harder.appearance.numpy(), strict=True):
        stretched = (grey - grey.mean()) * np.exp(log_contrast) + grey.mean()
        assert exposed(tile[0].numpy(), stretched)


@pytest.mark.parametrize("strength", [SUPERVISED, SELF_SUPERVISED], ids=["labels", "none"])
def test_no_film_is_ever_mirrored_or_turned_over(strength: Strength) -> None:
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    for grey, axis in ((ramp, 0), (ramp.T, 1)):
        sharp = replace(strength, noise=0, blank=0)
        tiles = shown_as(np.ascontiguousarray(grey), sharp, count=40).tiles[:, 0].numpy()
        along = tiles[:, 16:48, 16:48].mean(axis=axis + 1)
        assert (np.diff(along, axis=1).sum(axis=1) > 0).all()


def test_blank_boxes_hide_a_part_and_leave_the_rest() -> None:
    grain = np.random.default_rng(0).random((64, 64), dtype=np.float32)
    places = set()
    for tile in shown_as(grain, replace(AS_IT_IS, blank=1.0), count=10).tiles[:, 0].numpy():
        here = tile[:-1, :-1]
        even = (here == tile[1:, :-1]) & (here == tile[:-1, 1:])
        rows = np.flatnonzero(even.sum(axis=1) >= 3)
        columns = np.flatnonzero(even.sum(axis=0) >= 3)
        for found in (rows, columns):
            assert 0.08 * 64 - 2 <= len(found) <= 0.3 * 64
            assert len(found) == found[-1] - found[0] + 1
        places.add((rows[0], columns[0]))
    assert len(places) == 10
