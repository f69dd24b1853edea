"""Fidelity, privacy and utility on sets whose values are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from cxr_agent.errors import InputError
from cxr_agent.evaluation.suites.chexgenbench.fidelity import (
    fidelity,
    frechet_distance,
    kernel_distance,
    radii,
)
from cxr_agent.evaluation.suites.chexgenbench.files import FilmSight, films_in
from cxr_agent.evaluation.suites.chexgenbench.privacy import privacy
from cxr_agent.evaluation.suites.chexgenbench.utility import learnt, shown
from cxr_agent.imaging import Decoder
from cxr_agent.models.shelf import Shelf
from cxr_agent.synthesis.writing import png_bytes
from cxr_agent.testing.phantom import PhantomSpec, draw

Points = NDArray[np.float64]


def cloud(seed: int, count: int = 200, at: float = 0.0, size: float = 1.0, of: int = 4) -> Points:
    return np.random.default_rng(seed).normal(at, size, (count, of))


def test_identical_sets_are_at_no_distance() -> None:
    points = cloud(0)
    assert frechet_distance(points, points) == pytest.approx(0, abs=1e-9)
    found = fidelity(points, points)
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)
    assert found.density >= 1


def test_the_frechet_distance_of_exact_gaussians() -> None:
    # Points whose mean and covariance are exactly known: +-a along each axis.
    def exact(mean: Points, deviations: Points) -> Points:
        unit = np.concatenate([np.diag(deviations), -np.diag(deviations)])
        return mean + unit * np.sqrt((len(unit) - 1) / 2)

    one = exact(np.zeros(3), np.array([1.0, 2.0, 3.0]))
    other = exact(np.array([3.0, 4.0, 0.0]), np.array([2.0, 2.0, 5.0]))
    np.testing.assert_allclose(np.cov(one.T), np.diag([1.0, 4.0, 9.0]), atol=1e-12)
    assert frechet_distance(one, other) == pytest.approx(25 + 1 + 0 + 4)


def test_the_frechet_distance_is_that_of_the_matrix_root() -> None:
    one, other = cloud(1, of=5), cloud(2, at=0.5, size=2, of=5) @ np.diag([1, 2, 1, 3, 1])
    first, second = np.cov(one.T), np.cov(other.T)
    root = np.real(sqrtm(first @ second))
    apart = one.mean(0) - other.mean(0)
    expected = apart @ apart + np.trace(first + second - 2 * root)
    assert frechet_distance(one, other) == pytest.approx(float(expected))
    assert frechet_distance(one, other) == pytest.approx(frechet_distance(other, one))


def test_the_kernel_distance_by_hand_and_around_zero_for_one_distribution() -> None:
    one, other = np.array([[1.0], [2.0]]), np.array([[0.0], [3.0]])
    # k(x, y) = (x y + 1)^3: within 27, within 1, between (1 + 64 + 1 + 343) / 4.
    assert kernel_distance(one, other) == pytest.approx(27 + 1 - 2 * 409 / 4)
    near = [kernel_distance(cloud(s, 60), cloud(s + 100, 60)) for s in range(20)]
    assert abs(np.mean(near)) < 2 * np.std(near)
    assert kernel_distance(cloud(0), cloud(1, at=2)) > 10 * np.std(near)


def test_disjoint_sets_share_nothing() -> None:
    found = fidelity(cloud(0), cloud(1, at=50))
    assert (found.precision, found.recall, found.density, found.coverage) == (0, 0, 0, 0)
    assert found.frechet == pytest.approx(4 * 50**2, rel=0.02)
    assert found.frechet_of_real is not None
    assert found.frechet > 1000 * found.frechet_of_real


def test_few_modes_have_precision_without_recall() -> None:
    real = np.concatenate([cloud(0, 100), cloud(1, 100, at=20)])
    one_mode = cloud(2, 200)
    found = fidelity(real, one_mode)
    assert found.precision > 0.9
    assert 0.4 < found.recall < 0.6
    assert 0.4 < found.coverage < 0.6


def test_an_outlier_among_the_real_ones_does_not_make_density() -> None:
    # Naeem et al. (2020): one real outlier makes precision 1 for all around it.
    real = np.concatenate([cloud(0, 99), np.full((1, 4), 30.0)])
    found = fidelity(real, cloud(1, 100, at=15))
    assert found.precision == 1
    assert found.density < 0.3
    assert found.coverage <= 0.01


@given(st.integers(0, 1000), st.integers(1, 5))
def test_radii_reach_the_kth_neighbour(seed: int, k: int) -> None:
    points = cloud(seed, 12, of=2)
    reach = radii(points, k)
    between = np.linalg.norm(points[:, None] - points[None], axis=2)
    inside = (between <= reach[:, None] + 1e-12).sum(axis=1) - 1
    assert (inside >= k).all()


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="two sets"):
        fidelity(cloud(0, 1), cloud(1))
    with pytest.raises(ValueError, match="hold-out"):
        privacy(cloud(0), cloud(1), cloud(2, 0))


def test_independent_films_are_as_near_to_the_holdout_as_to_training() -> None:
    found = privacy(cloud(0), cloud(1), cloud(2))
    assert not found.leaks
    assert found.nearer_to_training.interval is not None
    assert found.nearer_to_training.interval[0] < 0.5 < found.nearer_to_training.interval[1]
    assert found.copies.count == 0


def test_copies_are_found_and_named() -> None:
    training = cloud(0)
    synthetic = np.concatenate([training[:20] + 1e-5, cloud(1, 80)])
    found = privacy(training, synthetic, cloud(2))
    assert found.copies.count == 20
    assert found.close.count >= 20
    assert found.leaks
    assert len(found.matches) == 20
    assert all(one.synthetic == one.training for one in found.matches)


def test_what_is_shown_by_hand() -> None:
    meant = np.array([True, True, False, False])
    found = shown("x", meant, np.array([0.9, 0.3, 0.1, 0.6]), present_at=0.5, absent_below=0.2)
    assert (found.flagged_of_meant.value, found.unlikely_of_others.value) == (0.5, 0.5)
    assert found.auc == 0.75
    alone = shown("x", meant[:2], np.array([0.9, 0.3]), present_at=0.5, absent_below=0.2)
    assert alone.auc is None


def test_learning_from_good_films_helps_and_from_mislabelled_ones_does_not() -> None:
    labels = np.arange(60) % 2 == 0
    real = cloud(0, 60, of=8) + 2.0 * labels[:, None]
    good = cloud(1, 60, of=8) + 2.0 * labels[:, None]
    helped = learnt("x", real, labels, good, labels)
    assert helped is not None
    assert helped.from_synthetic > 0.9
    assert helped.from_real > 0.9
    assert helped.from_both > 0.9
    misled = learnt("x", real, labels, good, ~labels)
    assert misled is not None
    assert misled.from_synthetic < 0.1
    assert misled.gap > 0.8
    assert learnt("x", real, labels, good[:6], labels[:6]) is None


def test_a_table_says_what_films_are_meant_to_show(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_bytes(draw(PhantomSpec(), 128).pixels))
    (tmp_path / "cases.csv").write_text("file,patient,cardiomegaly\na.png,p,1\n")
    (film,) = films_in(tmp_path)
    assert (film.name, film.patient, film.labels) == ("a.png", "p", {"cardiomegaly": True})


def test_synthetic_films_are_read_on_purpose(tmp_path: Path) -> None:
    for name, ratio in (("a", 0.4), ("b", 0.6)):
        pixels = draw(PhantomSpec(cardiothoracic_ratio=ratio), 200).pixels
        (tmp_path / f"{name}.png").write_bytes(png_bytes(pixels))
    (tmp_path / "notes.txt").write_text("no film")
    films = films_in(tmp_path)
    assert [film.name for film in films] == ["a.png", "b.png"]
    with Decoder() as decoder:
        sight = FilmSight(Shelf(), decoder)
        one, other = (sight.see(film.path) for film in films)
    assert np.linalg.norm(one.point) == pytest.approx(1, abs=1e-5)
    assert one.point != other.point
    assert one.probabilities.keys() == {"pulmonary_edema", "pleural_effusion", "cardiomegaly"}
    with pytest.raises(InputError, match="bad_film_set"):
        films_in(tmp_path / "none")
