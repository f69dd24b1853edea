"""Silhouettes and paths against what is known in closed form."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from cxr_agent.errors import UsageError
from cxr_agent.measure.extent import extent_of
from cxr_agent.synthesis import STYLES, Beam, Pose, radiograph, standing, true_values
from cxr_agent.synthesis.film import developed, film_of, matched
from cxr_agent.synthesis.rays import line_integrals, path_lengths
from cxr_agent.synthesis.volume import Volume
from cxr_agent.testing.phantom.thorax import Thorax, thorax

TURNED = Pose(8, 5, -4, 10, 5, 8)


@pytest.fixture(scope="module")
def fine() -> Thorax:
    """Voxels smaller than the pixels of the films below."""
    return thorax(size=160)


@pytest.mark.parametrize("pose", [Pose(), TURNED], ids=["straight", "turned"])
@pytest.mark.parametrize("beam", list(Beam))
def test_masks_are_those_of_the_ellipsoids_within_a_pixel(
    fine: Thorax, beam: Beam, pose: Pose
) -> None:
    made = standing(fine.volume, beam, pose, size=192)
    for name in ("heart", "right_lung"):
        mask = path_lengths(fine.volume.labels[name], fine.volume.affine, made) > 0
        found, true = extent_of(mask), fine.ellipsoids[name].box(made)
        assert abs(found.left - true[0]) <= 1.0
        # From the front, the heart hides the medial border of the lung.
        if name == "heart" or beam is Beam.LATERAL:
            assert abs(found.right - true[2]) <= 1.0


def test_a_ball_at_the_isocentre_is_magnified_as_stated() -> None:
    ball = _ball(30.0)
    made = standing(ball, isocentre_detector_mm=300, source_detector_mm=1500, size=512)
    assert made.magnification == pytest.approx(1.25)
    width = extent_of(path_lengths(ball.labels["ball"], ball.affine, made) > 0).width
    # The tangents of a ball reach further than its diameter times the magnification.
    tangent = 1500 * 30 / np.sqrt(1200**2 - 30**2)
    assert width * made.pixel_mm == pytest.approx(2 * tangent, abs=2 * made.pixel_mm)


@pytest.mark.parametrize("pose", [Pose(), Pose(30, 20, 25)], ids=["straight", "turned"])
def test_paths_add_up_to_the_volume(pose: Pose) -> None:
    """Integrals over all rays, weighted with the area that each stands for, give the volume."""
    ball = _ball(30.0)
    far = replace(
        standing(ball, pose=pose, size=256), source_detector_mm=5000, isocentre_detector_mm=0
    )
    mask = ball.labels["ball"]
    area = far.pixel_mm**2
    true = mask.sum() * abs(np.linalg.det(ball.affine[:3, :3]))
    assert path_lengths(mask, ball.affine, far).sum() * area == pytest.approx(true, rel=0.01)
    smooth = line_integrals(mask.astype(np.float32), ball.affine, far)
    assert smooth.sum() * area == pytest.approx(true, rel=0.01)


def test_a_path_through_boxes_is_exact() -> None:
    mask = np.ones((10, 12, 14), dtype=np.bool_)
    affine = np.diag([3.0, 2.0, 2.5, 1.0])
    affine[:3, 3] = -affine.diagonal()[:3] * (np.array(mask.shape) - 1) / 2
    made = standing(Volume(mask.astype(np.int16), affine), size=65)
    paths = path_lengths(mask, affine, made)
    assert paths[32, 32] == pytest.approx(24.0, rel=1e-5)
    edge = 15.0 * made.source_detector_mm / (made.source_detector_mm - 24.0)
    assert (paths[32] > 0).sum() == 2 * int(edge / made.pixel_mm) + 1


def test_points_fall_where_their_structures_do(body: Thorax) -> None:
    made = standing(body.volume, pose=TURNED, size=256)
    for one in body.ellipsoids.values():
        (x, y), (left, top, right, bottom) = made.project(np.array([one.centre]))[0], one.box(made)
        assert x == pytest.approx((left + right) / 2, abs=1.5)
        assert y == pytest.approx((top + bottom) / 2, abs=1.5)


@pytest.mark.parametrize("pose", [Pose(), TURNED])
def test_the_ratio_of_the_masks_is_the_true_one(fine: Thorax, pose: Pose) -> None:
    keep = {name: fine.volume.labels[name] for name in ("heart", "right_lung", "left_lung")}
    volume = replace(fine.volume, labels=keep)
    made = radiograph(volume, standing(volume, pose=pose, size=256), STYLES["linear"])
    told = true_values(made)["cardiothoracic_ratio"]
    assert told == pytest.approx(fine.ratio(made.projection), abs=0.01)


def test_turning_the_patient_lowers_the_rotation_ratio_step_by_step() -> None:
    fine = thorax(size=96)
    labels = {n: m for n, m in fine.volume.labels.items() if "clavicle" in n or n == "spine"}
    volume = replace(fine.volume, labels=labels)
    for side in (1, -1):
        ratios = []
        for yaw in (0, 1.5, 3, 4.5, 6):
            made = standing(volume, pose=Pose(side * yaw), size=256)
            values = true_values(radiograph(volume, made, STYLES["linear"]))
            ratios.append(values["rotation_ratio"])
        assert ratios[0] > 0.9
        assert all(a > b for a, b in pairwise(ratios)), ratios


def test_the_patients_right_is_on_the_left_of_the_picture(body: Thorax) -> None:
    for beam in (Beam.PA, Beam.AP):
        made = standing(body.volume, beam, size=128)
        right, left = made.project(np.array([[-50.0, 0, 0], [50.0, 0, 0]]))[:, 0]
        assert right < left


def test_the_heart_is_larger_where_it_is_further_from_the_detector(body: Thorax) -> None:
    ap, pa = (body.ratio(standing(body.volume, beam)) for beam in (Beam.AP, Beam.PA))
    assert ap > pa * 1.02


def test_a_style_orders_greys_as_the_rays_do(body: Thorax) -> None:
    made = standing(body.volume, size=96)
    plain = film_of(body.volume, made, STYLES["linear"])
    order = np.argsort(plain, axis=None)
    hard = replace(STYLES["hard"], photons=0, blur_mm=0)
    assert (np.diff(film_of(body.volume, made, hard).reshape(-1)[order]) >= -1e-6).all()
    lungs = path_lengths(body.volume.labels["left_lung"], body.volume.affine, made) > 60
    assert plain[lungs].mean() < 0.6 * plain[60:70, 45:51].mean()


def test_noise_is_that_of_its_seed(body: Thorax) -> None:
    made = standing(body.volume, size=64)
    one, same, other = (film_of(body.volume, made, STYLES["bedside"], s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).mean() > 0.2


def test_a_film_takes_the_greys_of_another(body: Thorax) -> None:
    made = standing(body.volume, size=96)
    film = film_of(body.volume, made, STYLES["linear"])
    like = film_of(body.volume, made, STYLES["digital"])
    styled = matched(film, like)
    assert np.abs(np.sort(styled, axis=None) - np.sort(like, axis=None)).mean() < 0.02
    order = np.argsort(film, axis=None, kind="stable")
    assert (np.diff(styled.reshape(-1)[order]) >= -1e-6).all()


def test_an_empty_exposure_is_developed_too() -> None:
    assert developed(np.zeros((64, 64), np.float32), STYLES["film"], 1.0).max() < 0.1


@pytest.mark.parametrize(
    "wrong",
    [
        {"source_detector_mm": 100.0},
        {"isocentre_detector_mm": 1700.0},
        {"pixel_mm": float("nan")},
        {"rows": 8},
        {"pose": Pose(yaw_deg=90)},
    ],
)
def test_an_absurd_geometry_is_refused(body: Thorax, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="bad_geometry"):
        replace(standing(body.volume), **wrong)


def _ball(radius: float) -> Volume:
    grid = np.indices((40, 40, 40)) - 19.5
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -39.0
    mask = (4 * (grid**2).sum(axis=0)) < radius**2
    hu = np.where(mask, 0, -1000).astype(np.int16)
    return Volume(hu, affine, {"ball": mask})
