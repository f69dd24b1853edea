"""Outlines of a film as a segmentation object: one binary segment for each, over stored pixels.

Binary and not a label map, because outlines overlap: the heart lies over the left lung.

References
----------
DICOM PS3.3 A.51 (Segmentation IOD), C.8.20 (Segmentation modules); PS3.16 CID 7150, CID 7162.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import TraceError
from cxr_agent.evidence import Evidence
from cxr_agent.interop.objects import codes
from cxr_agent.interop.objects.codes import Concept
from cxr_agent.interop.objects.identity import derived_uid
from cxr_agent.interop.objects.recorded import READER, RecordedReport
from cxr_agent.interop.objects.sources import SourceFilm
from cxr_agent.interop.objects.writing import MANUFACTURER, built, object_uids, part_10
from cxr_agent.knowledge import structures
from cxr_agent.toolbox.artifacts import DIFFERENCE, LINES, mask_plane, saliency_name

if TYPE_CHECKING:
    from highdicom.content import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription

KIND: Final = "seg"
_ANATOMY: Final = Concept("91723000", "SCT", "Anatomical Structure")
_SPATIAL: Final = Concept("309825002", "SCT", "Spatial and Relational Concept")
_INTELLIGENCE: Final = Concept("123110", "DCM", "Artificial Intelligence")
_LABEL: Final = 64


@dataclass(frozen=True, slots=True)
class Outline:
    """A structure's mask over the image as it is stored."""

    structure: str
    evidence: Evidence
    plane: NDArray[np.bool_] = field(repr=False)


def segmentation(recorded: RecordedReport, film: SourceFilm) -> bytes | None:
    """The outlines of one film as a DICOM segmentation, a whole file; None where there are none.

    Raises
    ------
    TraceError
        For artifacts that are missing or damaged.
    InputError
        Where the source's header allows no object.
    """
    outlines = list(outlines_of(recorded, film))
    if not outlines:
        return None
    return built(film, lambda: _object(recorded, film, outlines))


def outlines_of(recorded: RecordedReport, film: SourceFilm) -> Iterator[Outline]:
    """The outlines that the report's evidence on a film holds, each once, without empty ones."""
    seen: set[tuple[str, str]] = set()
    for evidence in recorded.report.evidence:
        if evidence.image != film.handle:
            continue
        for name, sha256 in evidence.artifacts.items():
            if not _is_outline(name) or (name, sha256) in seen:
                continue
            seen.add((name, sha256))
            plane = _plane(recorded, evidence, sha256, film)
            if plane.any():
                yield Outline(name, evidence, plane)


def _is_outline(name: str) -> bool:
    return name not in (LINES, DIFFERENCE) and not name.startswith(saliency_name(""))


def _plane(
    recorded: RecordedReport, evidence: Evidence, sha256: str, film: SourceFilm
) -> NDArray[Any]:
    try:
        plane = mask_plane(recorded.trace.artifact(sha256))
    except (OSError, ValueError):
        plane = np.zeros((0, 0), dtype=np.bool_)
    if plane.shape != film.shape:
        raise TraceError(
            "artifact_damaged",
            f"an outline of {evidence.id} was not made for its film",
            hint="do not rely on this run; read the film again",
        )
    return film.stored_plane(plane)


def _object(recorded: RecordedReport, film: SourceFilm, outlines: list[Outline]) -> bytes:
    from highdicom.seg import Segmentation, SegmentationTypeValues

    made = Segmentation(
        source_images=[film.image],
        # One frame, (1, rows, columns, segments).
        pixel_array=np.stack([one.plane for one in outlines], axis=-1)[None].astype(np.uint8),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(recorded, number, one) for number, one in enumerate(outlines, 1)
        ],
        content_label="OUTLINES",
        content_description="Outlines by cxr-agent, not verified",
        device_serial_number="none",
        **object_uids(recorded, film, KIND),
    )
    made.PatientOrientation = film.image.PatientOrientation
    # The library makes this one up anew each time.
    organization = derived_uid("dimensions", made.SOPInstanceUID)
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization
    return part_10(made, recorded, film)


def _description(recorded: RecordedReport, number: int, outline: Outline) -> SegmentDescription:
    from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription

    evidence, made_by = outline.evidence, outline.evidence.provenance
    known = structures().get(outline.structure)
    name = known.name if known is not None else outline.structure.replace("_", " ")
    site = codes.structure_site(outline.structure)
    drawn = made_by.tool == READER
    described = SegmentDescription(
        segment_number=number,
        segment_label=name[:_LABEL],
        segmented_property_category=(_ANATOMY if site is not None else _SPATIAL).coded(),
        segmented_property_type=(
            site.place if site is not None else codes.private(outline.structure, name)
        ).coded(),
        algorithm_type=SegmentAlgorithmTypeValues.MANUAL
        if drawn
        else SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=None if drawn else _algorithm(evidence),
        tracking_id=f"{recorded.report.run_id} {evidence.id} {outline.structure}",
        tracking_uid=derived_uid(
            "outline", recorded.report.run_id, recorded.sha256, evidence.id, outline.structure
        ),
    )
    if site is not None and site.side is not None:
        modifier = codes.SIDES[site.side].coded()
        described.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [
            modifier
        ]
    return described


def _algorithm(evidence: Evidence) -> AlgorithmIdentificationSequence:
    from highdicom.content import AlgorithmIdentificationSequence

    made_by = evidence.provenance
    return AlgorithmIdentificationSequence(
        name=made_by.tool,
        family=_INTELLIGENCE.coded(),
        version=made_by.tool_version,
        source=MANUFACTURER,
        parameters={
            "evidence": evidence.id,
            "model": made_by.model or "none",
            "weights_sha256": made_by.weights_sha256 or "none",
        },
    )
