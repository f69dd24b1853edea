"""Overlays of evidence as files beside the trace."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from cxr_agent.evidence import Evidence
from cxr_agent.output import write_whole
from cxr_agent.reading.run import Run
from cxr_agent.report.render.evidence_overlay import (
    OverlayError,
    draws_something,
    evidence_overlay,
)
from cxr_agent.trace import read_artifact

FOLDER: Final = "overlays"
_MOST_NAMED: Final = 6


def draw(run: Run, items: Sequence[Evidence]) -> tuple[Path, ...]:
    """One picture for each film that the evidence is on; none where nothing can be drawn.

    Raises
    ------
    OutputError
        ``output_not_writable``.
    """
    directory = run.trace.directory
    artifact = partial(read_artifact, directory)
    pictures = []
    for film in run.films:
        on_film = [item for item in items if item.image == film.handle]
        if not draws_something(on_film):
            continue
        try:
            png = evidence_overlay(
                artifact(film.display), (film.rows, film.columns), on_film, artifact
            )
        except OverlayError:
            continue
        name = "-".join(item.id for item in on_film[:_MOST_NAMED])
        path = directory / FOLDER / f"{film.handle}-{name}.png"
        write_whole(path, png)
        pictures.append(path)
    return tuple(pictures)
