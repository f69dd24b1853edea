"""Measuring a benchmark's films, each once."""

from __future__ import annotations

from pathlib import Path

from cxr_agent.evaluation.cxreasonbench.answers import Seen
from cxr_agent.measuring import Measurer


class Looker:
    """Measures a film and keeps what was seen of the last one: its tasks follow each other.

    Parameters
    ----------
    measurer
        Does the work.
    masks
        A folder with a folder of outlines per film, named after its file; those films that have
        none are outlined by the models alone.
    """

    def __init__(self, measurer: Measurer, masks: Path | None = None) -> None:
        self._measurer = measurer
        self._masks = masks
        self._last: tuple[Path, Seen] | None = None

    def __call__(self, film: Path) -> Seen:
        """What is known of a film; raises what reading a film raises."""
        if self._last is not None and self._last[0] == film:
            return self._last[1]
        own = self._masks / film.stem if self._masks is not None else None
        found = self._measurer.measure(
            film, masks=own if own is not None and own.is_dir() else None
        )
        seen = Seen(
            {item.id: item for item in found.items},
            {one.id: one.reasons for one in found.unmeasured},
            found.outlines,
        )
        self._last = (film, seen)
        return seen
