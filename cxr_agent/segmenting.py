"""The public way to get masks alone: no planner, no report, no trace."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from cxr_agent.imaging import Decoder
from cxr_agent.imaging.decoder import FilmPath
from cxr_agent.imaging.refusal import refusal_by_pixels
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.toolbox.contract import BoolMask


class Segmenter(AbstractContextManager["Segmenter"]):
    """Outlines films; keeps decode worker and model warm between them.

    Parameters
    ----------
    device
        As for :class:`cxr_agent.reading.Agent`.
    """

    def __init__(self, *, device: str = "auto") -> None:
        self._shelf = Shelf(Runtime.shared(device))
        self._decoder = Decoder()

    @property
    def runtime(self) -> Runtime:
        """What runs the model: its device, and its notices."""
        return self._shelf.runtime

    def segment(self, film: FilmPath) -> dict[str, BoolMask]:
        """Masks (rows, columns) by structure, at the film's own size.

        Raises
        ------
        InputError, UnsuitableFilm
            As for a reading.
        """
        decoded = self._decoder.decode(film)
        model = self._shelf.anatomy()
        anatomy = model.segment(decoded.pixels)
        if not model.is_film(anatomy):
            raise refusal_by_pixels()
        return {name: outline.plane for name, outline in anatomy.outlines.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._decoder.close()
