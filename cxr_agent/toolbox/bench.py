"""What lies on the table during one reading: the films and what was outlined on them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cxr_agent.models.shelf import Shelf
from cxr_agent.retrieval.library import Library
from cxr_agent.study import Study
from cxr_agent.toolbox.contract import Mask, Placed
from cxr_agent.toolbox.isolation.host import ToolHost
from cxr_agent.vision.consulting import Consultation


@dataclass(slots=True)
class Bench:
    """One study, the masks found so far and the models at hand."""

    study: Study
    shelf: Shelf
    library: Library | None = None
    host: ToolHost = field(default_factory=ToolHost)
    """Who runs the isolated tools."""
    consultation: Consultation | None = None
    """The vision-language model that may be asked, where there is one."""
    _masks: dict[tuple[str, str], Mask] = field(default_factory=dict)
    _placed: dict[str, Placed] = field(default_factory=dict)
    _corrected: set[tuple[str, str]] = field(default_factory=set)

    def put_masks(self, handle: str, masks: dict[str, Mask]) -> None:
        """Keep masks of the film behind ``handle``; a later tool replaces an earlier one.

        What a reader put right stays as the reader had it. From here on nobody may write them: all
        tools share them.
        """
        for structure, mask in masks.items():
            if (handle, structure) not in self._corrected:
                self._masks[handle, structure] = _fixed(mask)

    def correct_mask(self, handle: str, mask: Mask) -> None:
        """Put a reader's mask in the place of any tool's."""
        self._masks[handle, mask.structure] = _fixed(mask)
        self._corrected.add((handle, mask.structure))

    def place(self, handle: str, name: str, point: tuple[float, float]) -> None:
        """Put a landmark where a reader has it; see :class:`Placed` for its name."""
        self._placed.setdefault(handle, Placed())[name] = point

    def placed(self, handle: str) -> Placed:
        """Landmarks that a reader put on the film behind ``handle``."""
        return self._placed.get(handle, Placed())

    def mask(self, handle: str, structure: str) -> Mask | None:
        return self._masks.get((handle, structure))

    def masks(self, handle: str) -> dict[str, Mask]:
        """All masks of one film by structure."""
        return {name: mask for (film, name), mask in self._masks.items() if film == handle}


def _fixed(mask: Mask) -> Mask:
    """The mask, made read-only."""
    mask.plane.setflags(write=False)
    if isinstance(mask.repeats, np.ndarray):  # no contract checks it: who looks at it may fail
        mask.repeats.setflags(write=False)
    return mask
