"""``geometry.json``: how a film was made, written and read again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from cxr_agent.errors import CxrAgentError, UsageError
from cxr_agent.given_files import MIB, parsed_json, read_given
from cxr_agent.synthesis.geometry import Beam, Pose, Projection


def projection_record(projection: Projection) -> dict[str, Any]:
    """A projection as JSON can hold it, with what follows from it."""
    return {
        "beam": projection.beam.value,
        "isocentre_lps_mm": list(projection.isocentre),
        "pose": asdict(projection.pose),
        "source_detector_mm": projection.source_detector_mm,
        "isocentre_detector_mm": projection.isocentre_detector_mm,
        "rows": projection.rows,
        "columns": projection.columns,
        "pixel_mm_at_detector": projection.pixel_mm,
        "magnification_at_isocentre": projection.magnification,
        "pixel_mm_at_isocentre": projection.pixel_mm / projection.magnification,
    }


def read_projection(path: Path) -> Projection:
    """The projection of a file, its pose included.

    Raises
    ------
    UsageError
        ``bad_geometry_file``, ``bad_geometry``.
    """
    try:
        told = parsed_json(read_given(path, MIB))
        x, y, z = (float(number) for number in told["isocentre_lps_mm"])
        return Projection(
            beam=Beam(told["beam"]),
            isocentre=(x, y, z),
            pose=Pose(**{name: float(number) for name, number in told["pose"].items()}),
            source_detector_mm=float(told["source_detector_mm"]),
            isocentre_detector_mm=float(told["isocentre_detector_mm"]),
            rows=int(told["rows"]),
            columns=int(told["columns"]),
            pixel_mm=float(told["pixel_mm_at_detector"]),
        )
    except CxrAgentError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise UsageError(
            "bad_geometry_file",
            "the geometry file cannot be read",
            hint="Give the geometry.json that `cxr-agent drr` wrote.",
        ) from None
