"""The training code: the split, augmentation, and one short run from data to weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training is an extra")

from training.anatomy import augment, data, train  # noqa: E402
from training.anatomy.negatives import draw_negative  # noqa: E402
from training.films.augment import standardise  # noqa: E402

SHARED = Path(__file__).resolve().parents[3] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not here")


@pytest.mark.shared
@needs_shared
def test_the_split_is_fixed_and_disjoint() -> None:
    split = data.jsrt(SHARED)
    parts = [{film.name for film in part} for part in (split.train, split.validation, split.test)]
    assert [len(part) for part in parts] == [168, 24, 48]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    # The first test films by hash: whoever changes the order changes the test set.
    assert [film.name for film in split.test[:2]] == FIRST_TEST_FILMS
    folds = data.wingspan(SHARED)
    assert sorted(len(fold) for fold in folds) == [40, 40, 40]
    assert len({film.name for fold in folds for film in fold}) == 120


FIRST_TEST_FILMS = ["JPCLN153.png", "JPCNN026.png"]


def _batch(size: int = 96) -> tuple[torch.Tensor, torch.Tensor]:
    pool = train.phantoms(4, size)
    films = torch.from_numpy(pool.films).float().unsqueeze(1) / 255
    return films, torch.from_numpy(augment.spread_bits(pool.bits))


def test_the_warp_moves_film_and_masks_together() -> None:
    _, masks = _batch()
    rng = np.random.default_rng(3)
    # A mask given as the film must land where the mask lands.
    films, warped, _ = augment.warp(masks[:, 2:3].clone(), masks, 96, rng)
    assert torch.allclose(films[:, 0], warped[:, 2], atol=1e-5)


def test_a_mirrored_film_keeps_the_names_of_its_sides() -> None:
    _, masks = _batch()
    for seed in range(30):
        _, warped, _ = augment.warp(masks[:, 2:3].clone(), masks, 96, np.random.default_rng(seed))
        x = torch.arange(96).float()
        for item in warped:
            right, left = item[augment.RIGHT_LUNG], item[augment.LEFT_LUNG]
            if right.sum() > 200 and left.sum() > 200:
                middle = [float((m.sum(0) * x).sum() / m.sum()) for m in (right, left)]
                assert middle[0] < middle[1]


def test_appearance_changes_stay_in_range_and_leave_the_margin_black() -> None:
    films, masks = _batch()
    rng = np.random.default_rng(5)
    films, masks, inside = augment.warp(films, masks, 96, rng)
    films = augment.sicken(films, masks, rng)
    films = augment.furnish(films, rng)
    films = augment.expose(films, inside, rng)
    assert float(films.min()) >= 0
    assert float(films.max()) <= 1
    assert not films[~inside].any()
    tiles = standardise(films, inside)
    assert torch.isfinite(tiles).all()


def test_negatives_are_pictures() -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        picture = draw_negative(96, rng)
        assert picture.shape == (96, 96)
        assert picture.dtype == np.float32
        assert 0 <= picture.min() <= picture.max() <= 1
        assert picture.std() > 0.01


@pytest.mark.slow
def test_a_short_run_learns_and_leaves_weights_and_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "RUNS", tmp_path)
    pool = train.phantoms(12, 128)
    train.train(
        [(pool, 1.0)],
        {},
        name="short",
        minutes=0,
        steps=100,
        peak=2e-3,
        seed=1,
        start=None,
        size=64,
    )
    lines = [json.loads(line) for line in (tmp_path / "short.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < 0.9 * lines[0]["loss"]
    state = torch.load(tmp_path / "short.pt", weights_only=True)
    assert all(torch.isfinite(value).all() for value in state.values())
