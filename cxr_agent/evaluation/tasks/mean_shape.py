"""The mean shape of a structure over the films of other patients: an outline that saw no pixel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.evaluation.films import Film
from cxr_agent.evaluation.tasks.film_task import masks_of

_GRID: Final = 256
"""Side of the square on which shapes are averaged, whatever a film's own proportions."""
_HALF: Final = 0.5

Grid = NDArray[np.float32]


class MeanShape:
    """Where at least half of the other patients' films have a structure.

    Parameters
    ----------
    films
        Films with masks.
    """

    def __init__(self, films: Iterable[Film]) -> None:
        self._sums: dict[str, Grid] = {}
        self._counts: dict[str, int] = defaultdict(int)
        self._by_patient: dict[str, list[Film]] = defaultdict(list)
        for film in films:
            self._by_patient[film.patient].append(film)
            for name, plane in masks_of(film).items():
                self._sums[name] = self._sums.get(name, np.float32(0)) + _on_grid(plane)
                self._counts[name] += 1

    def of(self, patient: str, name: str, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
        """(rows, columns) of ``shape``; None where no other patient's film has the structure."""
        from PIL import Image

        if name not in self._sums:
            return None
        total, count = self._sums[name].copy(), self._counts[name]
        for film in self._by_patient.get(patient, ()):
            own = masks_of(film).get(name)
            if own is not None:
                total -= _on_grid(own)
                count -= 1
        if not count:
            return None
        picture = Image.fromarray(total / count)
        full = picture.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
        plane: NDArray[np.bool_] = np.asarray(full) >= _HALF
        return plane


def _on_grid(plane: NDArray[np.bool_]) -> Grid:
    from PIL import Image

    picture = Image.fromarray(plane.astype(np.float32))
    small = picture.resize((_GRID, _GRID), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)
