"""The drawn lines of a film as a presentation state: they stay lines over the archive's image.

References
----------
DICOM PS3.3 A.33.1 (Grayscale Softcopy Presentation State), C.10.5 (Graphic Annotation Module).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from cxr_agent.evidence import Evidence
from cxr_agent.interop.objects import codes
from cxr_agent.interop.objects.drawn_lines import DrawnLine, Points, lines_of
from cxr_agent.interop.objects.recorded import RecordedReport
from cxr_agent.interop.objects.sources import SourceFilm
from cxr_agent.interop.objects.writing import built, object_uids, part_10

if TYPE_CHECKING:
    from highdicom.pr import GraphicAnnotation, GraphicLayer, GraphicObject, TextObject
    from pydicom import Dataset

KIND: Final = "pr"
_NOTICE_AT: Final = (0.02, 0.02, 0.98, 0.06)
"""Left, top, right, bottom of the notice, as shares of the displayed area."""


def presentation_state(recorded: RecordedReport, film: SourceFilm) -> bytes | None:
    """What was measured on one film, as lines over it, a whole file; None where nothing was.

    Raises
    ------
    TraceError
        For artifacts that are missing or damaged.
    InputError
        Where the source's header allows no object.
    """
    drawn = list(drawn_on(recorded, film))
    if not drawn:
        return None
    return built(film, lambda: _object(recorded, film, drawn))


def drawn_on(
    recorded: RecordedReport, film: SourceFilm
) -> Iterator[tuple[Evidence, tuple[DrawnLine, ...]]]:
    """The drawings that cited evidence on a film rests on, each once."""
    seen: set[tuple[tuple[str, Points], ...]] = set()
    for evidence in recorded.cited:
        if evidence.image != film.handle:
            continue
        lines = lines_of(recorded.trace, evidence, film)
        points = tuple((line.name, line.points) for line in lines)
        if lines and points not in seen:
            seen.add(points)
            yield evidence, lines


def _object(
    recorded: RecordedReport,
    film: SourceFilm,
    drawn: list[tuple[Evidence, tuple[DrawnLine, ...]]],
) -> bytes:
    from highdicom import PresentationLUTShapeValues, PresentationLUTTransformation
    from highdicom.pr import GraphicLayer, GrayscaleSoftcopyPresentationState

    layer = GraphicLayer("MEASUREMENTS", 1, "Lines along which was measured, not verified")
    inverse = film.image.get("PresentationLUTShape") == "INVERSE" or (
        film.image.get("PhotometricInterpretation") == "MONOCHROME1"
    )
    shape = PresentationLUTShapeValues.INVERSE if inverse else PresentationLUTShapeValues.IDENTITY
    made = GrayscaleSoftcopyPresentationState(
        referenced_images=[film.image],
        content_label="MEASUREMENTS",
        content_description="Drawn lines by cxr-agent, not verified",
        graphic_layers=[layer],
        graphic_annotations=[
            _notice(recorded, film, layer),
            *(_annotation(film, layer, evidence, lines) for evidence, lines in drawn),
        ],
        presentation_lut_transformation=PresentationLUTTransformation(presentation_lut_shape=shape),
        concept_name=codes.private("drawn_lines", "Lines along which was measured").coded(),
        device_serial_number="none",
        **object_uids(recorded, film, KIND),
    )
    if "ModalityLUTSequence" in film.image:
        made.ModalityLUTSequence = film.image.ModalityLUTSequence  # which the library leaves out
    _state_depth(made, film)
    made.BodyPartExamined = "CHEST"
    return part_10(made, recorded, film)


def _state_depth(made: Dataset, film: SourceFilm) -> None:
    """Stretch the entries of VOI tables to the 16 bits that a presentation state has them in.

    A source may have them in fewer, and the library then changes the depth without the entries,
    which would show the film many times too dark.
    """
    for item in made.get("SoftcopyVOILUTSequence", ()):
        tables = item.get("VOILUTSequence", ())
        for table, given in zip(tables, film.image.get("VOILUTSequence", ()), strict=True):
            count, first, _ = table.LUTDescriptor
            scale = 65535 / ((1 << int(given.LUTDescriptor[2])) - 1)
            entries = np.rint(table.lut_data * scale).clip(0, 65535).astype("<u2")
            table.LUTDescriptor = [count, first, 16]
            table.LUTData = entries.tobytes()


def _notice(recorded: RecordedReport, film: SourceFilm, layer: GraphicLayer) -> GraphicAnnotation:
    from highdicom.pr import AnnotationUnitsValues, GraphicAnnotation, TextObject

    text = TextObject(
        text_value=recorded.report.notice,
        units=AnnotationUnitsValues.DISPLAY,
        bounding_box=_NOTICE_AT,
    )
    return GraphicAnnotation([film.image], layer, text_objects=[text])


def _annotation(
    film: SourceFilm, layer: GraphicLayer, evidence: Evidence, lines: tuple[DrawnLine, ...]
) -> GraphicAnnotation:
    from highdicom.pr import GraphicAnnotation

    return GraphicAnnotation(
        [film.image],
        layer,
        graphic_objects=[_graphic(evidence, line) for line in lines],
        text_objects=[_text(line.label, line.points) for line in lines if line.label] or None,
    )


def _graphic(evidence: Evidence, line: DrawnLine) -> GraphicObject:
    from highdicom.pr import AnnotationUnitsValues, GraphicObject, GraphicTypeValues

    several = len(line.points) > 1
    return GraphicObject(
        graphic_type=GraphicTypeValues.POLYLINE if several else GraphicTypeValues.POINT,
        graphic_data=np.asarray(line.points, dtype=np.float32),
        units=AnnotationUnitsValues.PIXEL,
    )


def _text(label: str, points: Points) -> TextObject:
    from highdicom.pr import AnnotationUnitsValues, TextObject

    x, y = points[len(points) // 2]
    return TextObject(
        text_value=label,
        units=AnnotationUnitsValues.PIXEL,
        anchor_point=(x, y),
        anchor_point_visible=False,
    )
