"""True values of measurements: of drawn chests by their closed form, of films by readers' outlines.

Keys are the code of a measurement, with the side after an ``@`` where a tool gives both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from cxr_agent.evaluation.films import LUNGS, Film, FilmSet
from cxr_agent.evidence import Side
from cxr_agent.knowledge import measurements
from cxr_agent.measuring import Measurer
from cxr_agent.testing.phantom import Phantom, PhantomSpec, draw, random_spec
from cxr_agent.toolbox.contract import BoolMask
from cxr_agent.toolbox.registry import Registry, built_in

_BOTH_SIDES: Final = ("costophrenic_angle", "lung_area")
"""Codes that a tool gives for each side; elsewhere the side is what came out, and no name."""
_SIDE_PX: Final = 768
"""Of a drawn film."""


def key_of(code: str, side: Side | None) -> str:
    """What a value is known by."""
    return f"{code}@{side}" if side is not None and code in _BOTH_SIDES else code


def geometry() -> Measurer:
    """Measures on outlines that are given, and on no others."""
    return Measurer(registry=Registry(spec for spec in built_in() if not spec.provides))


def on_outlines(measurer: Measurer, path: Path, masks: Mapping[str, BoolMask]) -> dict[str, float]:
    """Everything that can be measured on outlines of a film.

    Raises
    ------
    InputError, UnsuitableFilm
        As :meth:`~cxr_agent.measuring.Measurer.measure`.
    """
    planes = {name: plane for name, plane in masks.items() if name != LUNGS and plane.any()}
    measured = measurer.measure(path, masks=planes)
    return {key_of(item.code, item.side): item.value for item in measured.items}


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Drawn chests as a film set."""

    film_set: FilmSet
    specs: Mapping[str, PhantomSpec]
    """What each is drawn from, by name of the film."""

    def chest(self, film: Film) -> Phantom:
        """The chest of a film, whose file is there afterwards."""
        from PIL import Image

        found = _drawn(self.specs[film.name])
        if not film.path.exists():
            Image.fromarray(np.rint(found.pixels * 255).astype(np.uint8)).save(film.path)
        return found


def phantoms(count: int, seed: int, folder: Path) -> Drawn:
    """So many upright chests, drawn at random; the files of films come to lie in the folder."""
    rng = np.random.default_rng(seed)
    specs = {
        f"phantom-{number:04d}": replace(random_spec(rng), tilt_deg=0.0)
        for number in range(1, count + 1)
    }
    films = tuple(Film(folder / f"{name}.png", name, name) for name in specs)
    return Drawn(FilmSet("phantoms", films, "drawn by this program", ()), specs)


@lru_cache(maxsize=1)
def _drawn(spec: PhantomSpec) -> Phantom:
    """Kept for the next system, which is asked about the same chest."""
    return draw(spec, _SIDE_PX)


def closed_form(chest: Phantom) -> dict[str, float]:
    """The values that a chest was drawn from."""
    known = measurements()
    values = {known[name].code: value for name, value in chest.truth.items() if name in known}
    return values | {known["ctr"].code: chest.ctr}


def codes() -> Iterable[str]:
    """Codes of all measurements: those of CXReasonBench's tasks first, as the file has them."""
    known = list(measurements().values())
    return dict.fromkeys(
        [*(one.code for one in known if one.task), *(one.code for one in known if not one.task)]
    )
