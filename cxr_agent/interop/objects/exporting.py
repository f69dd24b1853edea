"""All DICOM objects of a run at once, as an archive takes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cxr_agent.imaging import Decoder
from cxr_agent.interop.objects.presentation import presentation_state
from cxr_agent.interop.objects.recorded import recorded_report
from cxr_agent.interop.objects.seg import segmentation
from cxr_agent.interop.objects.sources import find_sources
from cxr_agent.interop.objects.sr import structured_report


def dicom_objects(
    run: Path, films: Sequence[Path], decoder: Decoder | None = None
) -> tuple[bytes, ...]:
    """The structured report of a run, its outlines and its drawn lines, each a whole DICOM file.

    Outlines and lines of prior films are left to the run that read those. Made twice,
    they are the same objects with the same UIDs and bytes.

    Parameters
    ----------
    run
        Folder of the trace.
    films
        The DICOM files that were read, or folders that hold them.
    decoder
        Give one to keep its worker warm over many runs.

    Raises
    ------
    TraceError
        As :func:`~cxr_agent.interop.objects.recorded.recorded_report`.
    InputError
        As :func:`~cxr_agent.interop.objects.sources.find_sources`.
    OutputError
        ``no_evidence``.
    ConfigError
        ``dicom_missing``.
    """
    recorded = recorded_report(run)
    sources = find_sources(recorded, films, decoder)
    made = [structured_report(recorded, sources)]
    for film in sources.currents:
        made += [one for one in (segmentation(recorded, film),) if one is not None]
        made += [one for one in (presentation_state(recorded, film),) if one is not None]
    return tuple(made)
