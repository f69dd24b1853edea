"""A picture of a film with all that was drawn burned in, for viewers without presentation states.

References
----------
DICOM PS3.3 A.8.1 (Secondary Capture Image IOD).
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import TraceError
from cxr_agent.evidence import Evidence
from cxr_agent.interop.objects.recorded import RecordedReport
from cxr_agent.interop.objects.sources import SourceFilm
from cxr_agent.interop.objects.writing import built, object_uids, part_10
from cxr_agent.report.render.evidence_overlay import (
    OverlayError,
    draws_something,
    evidence_overlay,
)

KIND: Final = "sc"
_FOOT: Final = 36
"""Rows below the film, for the notice."""
_NOTICE: Final = "cxr-agent: research use only, preliminary,\nunverified; not a diagnosis"


def secondary_capture(recorded: RecordedReport, film: SourceFilm) -> bytes | None:
    """The cited evidence on one film as a picture, a whole file; None where nothing was drawn.

    The picture is the film the right way round, as it was read, at most 1024 pixels a side.

    Raises
    ------
    TraceError
        For artifacts that are missing or damaged.
    InputError
        Where the source's header allows no object.
    """
    items = [one for one in recorded.cited if one.image == film.handle and draws_something([one])]
    if not items:
        return None
    picture = _picture(recorded, film, items)
    return built(film, lambda: _object(recorded, film, picture))


def _picture(recorded: RecordedReport, film: SourceFilm, items: list[Evidence]) -> bytes:
    artifact = recorded.trace.artifact
    display = artifact(recorded.film(film.handle).display)
    try:
        return evidence_overlay(display, film.shape, items, artifact)
    except OverlayError:
        raise TraceError(
            "artifact_damaged",
            f"a drawing on {film.handle} was not made for its film",
            hint="do not rely on this run; read the film again",
        ) from None


def _object(recorded: RecordedReport, film: SourceFilm, picture: bytes) -> bytes:
    from highdicom.sc import SCImage

    made = SCImage.from_ref_dataset(
        ref_dataset=film.image,
        pixel_array=_pixels(picture),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        **object_uids(recorded, film, KIND),
    )
    made.BurnedInAnnotation = "YES"
    made.BodyPartExamined = "CHEST"
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.DerivationDescription = "Drawn by cxr-agent; research use only, not verified"
    return part_10(made, recorded, film)


def _pixels(picture: bytes) -> NDArray[np.uint8]:
    """(rows, columns, 3) of the picture, and below it what it may be used for."""
    from PIL import Image, ImageDraw

    with Image.open(io.BytesIO(picture), formats=("PNG",)) as drawn:
        whole = Image.new("RGB", (drawn.width, drawn.height + _FOOT))
        whole.paste(drawn.convert("RGB"), (0, 0))
    ImageDraw.Draw(whole).multiline_text((8, drawn.height + 4), _NOTICE, fill=(255, 255, 255))
    return np.asarray(whole)
