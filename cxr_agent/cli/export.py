"""``cxr-agent export``: a run as DICOM objects for the archive, and as FHIR resources."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_agent.errors import OutputError, UsageError

if TYPE_CHECKING:
    from cxr_agent.interop.objects.recorded import RecordedReport
    from cxr_agent.interop.objects.sources import SourceFilm, Sources

    OfFilm = Callable[[RecordedReport, SourceFilm], bytes | None]

Run = Annotated[
    str, typer.Argument(metavar="RUN", help="A run id, the beginning of one, a path, or last.")
]
Source = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="PATH",
        help="The DICOM file that was read, or a folder that holds it; may be repeated. The run "
        "knows it by its pixels.",
    ),
]
Sr = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Measurements and findings, a structured report (TID 1500)."),
]
Seg = Annotated[Path | None, typer.Option(metavar="FILE", help="Outlines, a segmentation.")]
Pr = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Drawn lines, a grey presentation state.")
]
Sc = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A picture with all that was drawn, a secondary capture."),
]
Fhir = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Report and observations as FHIR R4 JSON; works without --source, then without "
        "patient and images.",
    ),
]
Traces = Annotated[
    Path | None, typer.Option(help="Folder of traces. Default: CXR_AGENT_TRACES, else ./traces.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")]


def export(
    run: Run,
    source: Source = None,
    sr: Sr = None,
    seg: Seg = None,
    pr: Pr = None,
    sc: Sc = None,
    fhir: Fhir = None,
    traces: Traces = None,
    as_json: AsJson = False,
) -> None:
    """Write a run as DICOM objects and FHIR resources: unverified, preliminary, research use.

    They carry the patient and study of the source, for the archive that it came from. With several
    films, the objects of the second one are written to FILE-img-2.dcm and so on.
    """
    from cxr_agent.output import write_whole

    if not any((sr, seg, pr, sc, fhir)):
        raise UsageError(
            "no_output", "nothing is asked for", hint="Give --sr, --seg, --pr, --sc or --fhir FILE."
        )
    if any((sr, seg, pr, sc)) and not source:
        raise UsageError(
            "source_needed",
            "a DICOM object refers to the image that was read, and the run does not know where "
            "that is",
            hint="Give --source FILE or a folder; --fhir works without.",
        )
    made = _made(
        run, traces, source or [], {"sr": sr, "seg": seg, "pr": pr, "sc": sc, "fhir": fhir}
    )
    for _, path, data in made:
        write_whole(path, data)
    _tell(made, sourced=bool(source), as_json=as_json)


def _made(
    run: str, traces: Path | None, paths: Sequence[Path], wanted: dict[str, Path | None]
) -> list[tuple[str, Path, bytes]]:
    """(kind, file, content) of all that is asked for, before anything is written."""
    from cxr_agent.interop.objects.capture import secondary_capture
    from cxr_agent.interop.objects.fhir import fhir_bundle
    from cxr_agent.interop.objects.presentation import presentation_state
    from cxr_agent.interop.objects.recorded import recorded_report
    from cxr_agent.interop.objects.seg import segmentation
    from cxr_agent.interop.objects.sources import find_sources
    from cxr_agent.interop.objects.sr import structured_report
    from cxr_agent.trace import default_traces, find_trace

    recorded = recorded_report(find_trace(traces or default_traces(), run))
    sources = find_sources(recorded, paths) if paths else None
    made: list[tuple[str, Path, bytes]] = []
    if (path := wanted["sr"]) is not None and sources is not None:
        made.append(("sr", path, structured_report(recorded, sources)))
    kinds: dict[str, OfFilm] = {
        "seg": segmentation,
        "pr": presentation_state,
        "sc": secondary_capture,
    }
    for kind, make in kinds.items():
        if (path := wanted[kind]) is not None and sources is not None:
            made += [(kind, file, data) for file, data in _per_film(path, recorded, sources, make)]
    if (path := wanted["fhir"]) is not None:
        made.append(("fhir", path, fhir_bundle(recorded, sources)))
    return made


def _per_film(
    path: Path, recorded: RecordedReport, sources: Sources, make: OfFilm
) -> list[tuple[Path, bytes]]:
    """The objects of one kind, one for each film that has any."""
    found = [
        (film, data) for film in sources.currents if (data := make(recorded, film)) is not None
    ]
    if not found:
        raise OutputError(
            "nothing_drawn",
            f"the run drew nothing that {path.name} could hold",
            hint="Leave that option out.",
        )
    first = sources.first.handle
    return [
        (path if film.handle == first else path.with_stem(f"{path.stem}-{film.handle}"), data)
        for film, data in found
    ]


def _tell(made: list[tuple[str, Path, bytes]], *, sourced: bool, as_json: bool) -> None:
    from cxr_agent.cli.output import shown_name

    if as_json:
        files = [{"kind": kind, "file": str(path), "bytes": len(data)} for kind, path, data in made]
        print(json.dumps({"files": files, "references": sourced}, indent=2, ensure_ascii=False))
        return
    for kind, path, data in made:
        print(f"{shown_name(path)}: {kind.upper()}, {len(data)} bytes", file=sys.stderr)
    if not sourced:
        print(
            "No --source was given: nothing says whose report it is, nor which images it is about.",
            file=sys.stderr,
        )
