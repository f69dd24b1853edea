"""Errors of ``register`` on pairs of a CT and a film of it in a random pose.

    python docs/drr/registration.py --pairs 20 --first 200 > registration.jsonl

The thorax of every pair is another one. Its film is made of finer voxels than the volume that is
registered, with another style and noise for each. Seeds below 200 were used for tuning.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace

import numpy as np

from cxr_agent.synthesis import STYLES, Pose, register, standing
from cxr_agent.synthesis.film import film_of
from cxr_agent.synthesis.register import reprojection_mm, rotation_error_deg
from cxr_agent.testing.phantom.thorax import ThoraxSpec, thorax


def pair(seed: int) -> dict[str, object]:
    """Errors for one seed."""
    rng = np.random.default_rng(seed)
    spec = ThoraxSpec(
        heart_half_width=rng.uniform(50, 75),
        heart_left=rng.uniform(15, 35),
        lung_half_width=rng.uniform(48, 58),
        lung_apart=rng.uniform(70, 80),
    )
    pose = Pose.of(np.concatenate([rng.uniform(-15, 15, 3), rng.uniform(-25, 25, 3)]))
    style = list(STYLES)[seed % 4]
    fine, coarse = thorax(spec, 160), thorax(spec, 112)
    projection = standing(coarse.volume, size=384)
    film = film_of(fine.volume, replace(projection, pose=pose), STYLES[style], seed)
    begun = time.perf_counter()
    found = register(film, coarse.volume, projection)
    points = np.array(list(fine.landmarks.values()))
    apart = reprojection_mm(points, replace(projection, pose=pose), pose, found.pose)
    return {
        "seed": seed,
        "style": style,
        "seconds": round(time.perf_counter() - begun, 1),
        "converged": found.converged,
        "doubts": found.doubts,
        "rotation_deg": round(rotation_error_deg(pose, found.pose), 4),
        "landmarks_mean_mm": round(float(apart.mean()), 4),
        "landmarks_most_mm": round(float(apart.max()), 4),
        "depth_mm": round(abs(pose.back_mm - found.pose.back_mm), 3),
        "correlation": round(found.correlation, 5),
        "gradient_correlation": round(found.gradient_correlation, 5),
    }


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--pairs", type=int, default=20)
    options.add_argument("--first", type=int, default=200)
    given = options.parse_args()
    for seed in range(given.first, given.first + given.pairs):
        print(json.dumps(pair(seed)), flush=True)
