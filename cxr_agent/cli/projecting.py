"""Options and values that ``drr`` and ``register`` share."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_agent.errors import UsageError
from cxr_agent.given_files import MIB, parsed_json, read_given

if TYPE_CHECKING:
    from cxr_agent.synthesis.geometry import Pose
    from cxr_agent.synthesis.volume import Points

POSE_HELP = "Degrees and millimetres: YAW,PITCH,ROLL or YAW,PITCH,ROLL,LEFT,BACK,HEAD."
Ct = Annotated[
    Path,
    typer.Argument(
        metavar="CT",
        help="A folder of one DICOM series, or a .nii or .nii.gz file.",
        show_default=False,
    ),
]
SourceDistance = Annotated[
    float | None,
    typer.Option(
        "--sid",
        metavar="MM",
        help="Source to detector. Default: 1800, AP 1000.",
        show_default=False,
    ),
]
DetectorDistance = Annotated[
    float | None,
    typer.Option(
        "--odd",
        metavar="MM",
        help="Middle of the volume to detector. Default: its near side touches.",
        show_default=False,
    ),
]
Detector = Annotated[float, typer.Option(metavar="MM", help="Side of the square detector.")]


class ViewChoice(StrEnum):
    """Where the beam goes."""

    PA = "PA"
    AP = "AP"
    LATERAL = "LATERAL"


def pose_of(text: str) -> Pose:
    """A pose as typed. Raises :class:`UsageError` ``bad_pose``."""
    from cxr_agent.synthesis.geometry import Pose

    try:
        numbers = [float(part) for part in text.split(",")] if text else []
    except ValueError:
        numbers = [math.nan]
    if len(numbers) not in (0, 3, 6) or not all(map(math.isfinite, numbers)):
        raise UsageError("bad_pose", "a pose is three or six numbers", hint=POSE_HELP)
    return Pose(*numbers)


def points_of(path: Path | None) -> dict[str, Points]:
    """Points of a JSON file, LPS in mm. Raises :class:`UsageError` ``bad_landmarks``."""
    import numpy as np

    if path is None:
        return {}
    try:
        told = parsed_json(read_given(path, MIB))
        points = {str(name): np.array(place, dtype=np.float64) for name, place in told.items()}
        if any(p.shape != (3,) or not np.isfinite(p).all() for p in points.values()):
            raise ValueError
    except (OSError, ValueError, TypeError, AttributeError):
        raise UsageError(
            "bad_landmarks",
            "the landmarks cannot be read",
            hint='Give a JSON object as {"carina": [x, y, z]}, LPS in mm.',
        ) from None
    return points
