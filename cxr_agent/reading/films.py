"""What trace and report say of the films: nothing of who, when or where."""

from __future__ import annotations

import hashlib

from cxr_agent.imaging.eight_bits import eight_bits
from cxr_agent.imaging.text_regions import blacked_out
from cxr_agent.planning.privacy import Privacy
from cxr_agent.report.model import FilmSummary
from cxr_agent.study import Image, Study
from cxr_agent.toolbox.artifacts import display_png
from cxr_agent.trace import ImageRecord, SpacingRecord, StudyLoaded, TraceWriter


def write_study(study: Study, trace: TraceWriter, privacy: Privacy) -> tuple[FilmSummary, ...]:
    """Write what was loaded; the films' 8-bit copies become artifacts."""
    films = tuple(
        _summary(film, trace.put(_display(film, privacy)))
        for film in (*study.images, *study.priors)
    )
    indication = study.indication.encode()
    trace.append(
        StudyLoaded(
            images=tuple(_record(film) for film in films),
            indication_sha256=hashlib.sha256(indication).hexdigest() if indication else None,
            # It may name the patient: masked is not enough for what nobody asked the model.
            indication=study.indication or None if privacy is Privacy.FULL else None,
            unread_views=study.unread_views,
        )
    )
    return films


def write_film(film: Image, trace: TraceWriter, privacy: Privacy) -> FilmSummary:
    """Write a film that came later."""
    summary = _summary(film, trace.put(_display(film, privacy)))
    trace.append(StudyLoaded(images=(_record(summary),)))
    return summary


def _display(film: Image, privacy: Privacy) -> bytes:
    """The film's copy in 8 bits; writing on it may name somebody."""
    greys = eight_bits(film.pixels)  # once for both
    return display_png(greys if privacy is Privacy.FULL else blacked_out(greys))


def exam_of(study: Study) -> str:
    """The exam as a report names it."""
    count = len(study.images)
    return "Chest radiograph, one film" if count == 1 else f"Chest radiograph, {count} films"


def _summary(film: Image, display: str) -> FilmSummary:
    rows, columns = film.shape
    spacing = film.spacing
    return FilmSummary(
        handle=film.handle,
        rows=rows,
        columns=columns,
        view=film.view.value,
        spacing_mm=(spacing.row_mm, spacing.column_mm) if spacing else None,
        spacing_kind=spacing.kind.value if spacing else None,
        sha256=film.sha256,
        notices=tuple(notice.value for notice in film.notices),
        days_before=film.days_before,
        display=display,
    )


def _record(film: FilmSummary) -> ImageRecord:
    spacing = None
    if film.spacing_mm is not None and film.spacing_kind is not None:
        row_mm, column_mm = film.spacing_mm
        spacing = SpacingRecord(row_mm=row_mm, column_mm=column_mm, kind=film.spacing_kind)
    return ImageRecord(
        handle=film.handle,
        sha256=film.sha256,
        rows=film.rows,
        columns=film.columns,
        view=film.view,
        spacing=spacing,
        notices=film.notices,
        display=film.display,
        days_before=film.days_before,
    )
