"""Poses out of films."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxr_agent.synthesis import STYLES, Pose, register, standing
from cxr_agent.synthesis.film import film_of
from cxr_agent.synthesis.register import reprojection_mm, rotation_error_deg
from cxr_agent.testing.phantom.thorax import Thorax, ThoraxSpec, thorax


@pytest.mark.parametrize(
    ("pose", "style"),
    [
        (Pose(9, -4, 3, 12, -10, 6), "film"),
        pytest.param(Pose(-7, 6, -5, -15, 8, -12), "digital", marks=pytest.mark.slow),
    ],
)
def test_a_pose_is_found_again(body: Thorax, pose: Pose, style: str) -> None:
    projection = standing(body.volume, size=96)
    film = film_of(body.volume, replace(projection, pose=pose), STYLES[style], 3)
    starts = [Pose()]
    found = register(film, body.volume, projection, starts)
    assert found.converged, found
    points = np.array(list(body.landmarks.values()))
    assert rotation_error_deg(pose, found.pose) < 1.5
    assert reprojection_mm(points, projection, pose, found.pose).max() < 2.5


def test_a_film_of_somebody_else_gives_no_pose(body: Thorax) -> None:
    other = thorax(ThoraxSpec(heart_half_width=40, lung_half_width=40, lung_apart=60), 64)
    projection = standing(body.volume, size=96)
    film = film_of(other.volume, projection, STYLES["film"])
    found = register(film, body.volume, projection, [Pose()])
    assert not found.converged
    assert "film_not_explained" in found.doubts


def test_the_angle_between_poses_is_that_of_the_turn() -> None:
    assert rotation_error_deg(Pose(3), Pose(8)) == pytest.approx(5)
    assert rotation_error_deg(Pose(3, 4, 5), Pose(3, 4, 5, 9, 9, 9)) == pytest.approx(0, abs=1e-5)
