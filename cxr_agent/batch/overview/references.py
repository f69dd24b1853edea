"""Where the report and the trace of a study lie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cxr_agent.batch.layout import report_file, study_id, traces_of
from cxr_agent.batch.overview.facts import StudyRef
from cxr_agent.batch.overview.gathering import Gathered

_SUFFIXES: Final = (".html", ".json")


def references(gathered: Gathered, indices: Iterable[int]) -> tuple[StudyRef, ...]:
    """The studies with these indices; paths are relative to their folder."""
    return tuple(reference(gathered, int(index)) for index in indices)


def reference(gathered: Gathered, index: int) -> StudyRef:
    """One study; a file that is not there is not named."""
    studies = gathered.studies
    place, number = studies.folder[index], studies.number[index]
    folder = gathered.folders[place]
    reports = [report_file(folder, number, suffix) for suffix in _SUFFIXES]
    run = studies.run[index]
    trace = traces_of(folder, number) / run
    identity = study_id(number)
    return StudyRef(
        study=f"{place + 1}/{identity}" if len(gathered.folders) > 1 else identity,
        folder=place,
        reports=tuple(one.relative_to(folder).as_posix() for one in reports if one.is_file()),
        trace=trace.relative_to(folder).as_posix() if run and trace.is_dir() else None,
        name=studies.names[index] if studies.names is not None else None,
    )
