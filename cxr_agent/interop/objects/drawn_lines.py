"""The lines along which evidence was measured, over the image as it is stored."""

from __future__ import annotations

from dataclasses import dataclass

from cxr_agent.errors import TraceError
from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.interop.objects.sources import SourceFilm
from cxr_agent.report.render.drawn import OverlayError, draw
from cxr_agent.toolbox.artifacts import LINES
from cxr_agent.trace import Trace

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A polyline in columns and rows of the image, from its outer corner (PS3.3 C.10.5.1.2)."""

    name: str
    """What was measured along it; may be empty."""
    label: str
    points: Points


def lines_of(trace: Trace, evidence: Evidence, film: SourceFilm) -> tuple[DrawnLine, ...]:
    """All lines that the tool drew for this evidence.

    Raises
    ------
    TraceError
        ``artifact_damaged`` when the drawing is not what the toolbox writes, or of another film;
        as :meth:`cxr_agent.trace.Trace.artifact`.
    """
    sha256 = evidence.artifacts.get(LINES)
    if sha256 is None:
        return ()
    try:
        drawn = draw(LINES, trace.artifact(sha256), film.shape, (film.shape[1], film.shape[0]))
    except OverlayError:
        raise TraceError(
            "artifact_damaged",
            f"the drawing of {evidence.id} was not made for its film",
            hint="do not rely on this run; read the film again",
        ) from None
    return tuple(
        DrawnLine(line.name, line.label, film.stored_points(line.points)) for line in drawn.lines
    )


def measured_along(trace: Trace, evidence: Evidence, film: SourceFilm) -> tuple[Points, ...]:
    """What a number was measured along: its own lines, else all of its tool; else its box."""
    lines = lines_of(trace, evidence, film)
    own = [line for line in lines if line.name.startswith(evidence.code)]
    if lines:
        return tuple(line.points for line in own or lines)
    if evidence.box is None or evidence.kind not in (EvidenceKind.FINDING, EvidenceKind.REGION):
        return ()
    left, top, right, bottom = evidence.box
    corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
    return (film.stored_points(corners),)
