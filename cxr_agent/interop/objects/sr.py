"""A TID 1500 measurement report: one measurement group for each evidence that is cited.

References
----------
DICOM PS3.16 TID 1500 (Measurement Report), TID 1501 (Measurement and Qualitative Evaluation Group),
TID 300 (Measurement), TID 4019 (Algorithm Identification); PS3.3 A.35.3 (Comprehensive SR).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from cxr_agent.errors import OutputError
from cxr_agent.evidence import Evidence
from cxr_agent.interop.objects import codes
from cxr_agent.interop.objects.codes import Concept
from cxr_agent.interop.objects.drawn_lines import measured_along
from cxr_agent.interop.objects.identity import derived_uid
from cxr_agent.interop.objects.recorded import READER, RecordedReport
from cxr_agent.interop.objects.sources import SourceFilm, Sources
from cxr_agent.interop.objects.stated import evaluations, numbers
from cxr_agent.interop.objects.writing import MANUFACTURER, built, object_uids, part_10

if TYPE_CHECKING:
    from highdicom.sr import (
        AlgorithmIdentification,
        ContentSequence,
        CoordinatesForMeasurement,
        FindingSite,
        Measurement,
        MeasurementsAndQualitativeEvaluations,
        ObservationContext,
        QualitativeEvaluation,
        TimePointContext,
    )
    from pydicom import Dataset

KIND: Final = "sr"
_LANGUAGES: Final = {
    "en": Concept("en", "RFC5646", "English"),
    "de": Concept("de", "RFC5646", "German"),
}


def structured_report(recorded: RecordedReport, sources: Sources) -> bytes:
    """The report as a DICOM structured report, a whole file.

    Raises
    ------
    OutputError
        ``no_evidence`` where the report rests on nothing.
    TraceError
        For artifacts that are missing or damaged.
    InputError
        Where the source's header allows no object.
    """
    if not _told(recorded, sources):
        raise OutputError("no_evidence", "the report rests on no evidence that could be exported")
    film = sources.first
    return built(film, lambda: _document(recorded, sources, film))


def _told(recorded: RecordedReport, sources: Sources) -> list[tuple[Evidence, SourceFilm]]:
    """Evidence with its image: what is without one would be taken for the current film's."""
    pairs = ((one, sources.of(one.image)) for one in recorded.cited)
    return [(one, source) for one, source in pairs if source is not None]


def _document(recorded: RecordedReport, sources: Sources, film: SourceFilm) -> bytes:
    from highdicom.sr import ComprehensiveSR, LanguageOfContentItemAndDescendants, MeasurementReport

    images = [source.image for source in sources]
    content = MeasurementReport(
        observation_context=_context(),
        procedure_reported=codes.CHEST_RADIOGRAPHY.coded(),
        imaging_measurements=[
            _group(recorded, one, source) for one, source in _told(recorded, sources)
        ],
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(
            _LANGUAGES.get(recorded.report.language, _LANGUAGES["en"]).coded()
        ),
        referenced_images=images if all(map(_describable, images)) else None,
    )
    content[0].ContentSequence.extend(_texts(recorded))
    document = ComprehensiveSR(
        evidence=images,
        content=content[0],
        is_complete=recorded.report.status == "complete",
        is_final=False,
        is_verified=False,
        **object_uids(recorded, film, KIND),
    )
    return part_10(document, recorded, film)


def _describable(image: Dataset) -> bool:
    """Whether the image library can describe it: the library wants the spacing of the detector."""
    return "ImagerPixelSpacing" in image


def _context() -> ObservationContext:
    """Who observed: this program, no person."""
    from highdicom.sr import (
        DeviceObserverIdentifyingAttributes,
        ObservationContext,
        ObserverContext,
    )
    from pydicom.sr.codedict import codes as standard

    device = DeviceObserverIdentifyingAttributes(
        uid=derived_uid("device"), name="cxr-agent", manufacturer_name=MANUFACTURER
    )
    return ObservationContext(
        observer_device_context=ObserverContext(
            observer_type=standard.DCM.Device, observer_identifying_attributes=device
        )
    )


def _texts(recorded: RecordedReport) -> ContentSequence:
    """The notice on use, and the impression in words."""
    from highdicom.sr import ContentSequence, RelationshipTypeValues, TextContentItem

    said = [(codes.NOTICE, recorded.report.notice)]
    said += [(codes.IMPRESSION, sentence.text) for sentence in recorded.report.impression]
    return ContentSequence(
        [
            TextContentItem(concept.coded(), text, RelationshipTypeValues.CONTAINS)
            for concept, text in said
        ]
    )


def _group(
    recorded: RecordedReport, evidence: Evidence, film: SourceFilm
) -> MeasurementsAndQualitativeEvaluations:
    from highdicom.sr import (
        MeasurementsAndQualitativeEvaluations,
        RelationshipTypeValues,
        SourceImageForMeasurementGroup,
        TextContentItem,
        TrackingIdentifier,
    )

    by_reader = evidence.provenance.tool == READER
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=derived_uid("evidence", recorded.report.run_id, recorded.sha256, evidence.id),
            identifier=f"{recorded.report.run_id} {evidence.id}",
        ),
        time_point_context=_time_point(recorded, evidence),
        finding_type=codes.concept_of(evidence.code).coded(),
        method=codes.BY_READER.coded() if by_reader else None,
        algorithm_id=None if by_reader else _algorithm(evidence),
        finding_sites=_sites(evidence),
        measurements=_measurements(recorded, evidence, film) or None,
        qualitative_evaluations=_evaluations(evidence) or None,
        source_images=[SourceImageForMeasurementGroup.from_source_image(film.image)],
    )
    comment = TextContentItem(
        codes.COMMENT.coded(), evidence.reading, RelationshipTypeValues.CONTAINS
    )
    group[0].ContentSequence.append(comment)
    return group


def _time_point(recorded: RecordedReport, evidence: Evidence) -> TimePointContext | None:
    """Which film it is about, where there are several, and how much older a prior is."""
    from highdicom.sr import TimePointContext

    told = recorded.time_point(evidence.image)
    return None if told is None else TimePointContext(time_point=told)


def _algorithm(evidence: Evidence) -> AlgorithmIdentification:
    from highdicom.sr import AlgorithmIdentification

    made_by = evidence.provenance
    parameters = [f"image_sha256={made_by.image_sha256}"]
    if made_by.model is not None:
        parameters.append(f"model={made_by.model}")
    if made_by.weights_sha256 is not None:
        parameters.append(f"weights_sha256={made_by.weights_sha256}")
    return AlgorithmIdentification(made_by.tool, made_by.tool_version, parameters)


def _sites(evidence: Evidence) -> list[FindingSite] | None:
    from highdicom.sr import FindingSite

    site = codes.site_of(evidence)
    if site is None:
        return None
    side = codes.SIDES[site.side].coded() if site.side is not None else None
    return [FindingSite(site.place.coded(), laterality=side)]


def _measurements(
    recorded: RecordedReport, evidence: Evidence, film: SourceFilm
) -> list[Measurement]:
    """All numbers of the evidence; the lines go with the first."""
    from highdicom.sr import Measurement

    stated = numbers(evidence)
    places = [] if not stated else _places(recorded, evidence, film)
    return [
        Measurement(
            name=name.coded(),
            value=float(value),
            unit=codes.UNITS[unit].coded(),
            referenced_coordinates=places if place == 0 and places else None,
        )
        for place, (name, value, unit) in enumerate(stated)
    ]


def _places(
    recorded: RecordedReport, evidence: Evidence, film: SourceFilm
) -> list[CoordinatesForMeasurement]:
    from highdicom.sr import CoordinatesForMeasurement, GraphicTypeValues, SourceImageForRegion

    return [
        CoordinatesForMeasurement(
            graphic_type=GraphicTypeValues.POLYLINE if len(points) > 1 else GraphicTypeValues.POINT,
            graphic_data=np.asarray(points, dtype=np.float32),
            source_image=SourceImageForRegion.from_source_image(film.image),
        )
        for points in measured_along(recorded.trace, evidence, film)
    ]


def _evaluations(evidence: Evidence) -> list[QualitativeEvaluation]:
    from highdicom.sr import QualitativeEvaluation

    return [
        QualitativeEvaluation(name.coded(), value.coded()) for name, value in evaluations(evidence)
    ]
