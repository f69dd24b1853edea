"""Folders of films with masks as bit planes: ``images/``, ``masks/`` and perhaps ``ctr.csv``.

A mask has the name of its film. Its bits, from the lowest: right lung, left lung, heart, left
clavicle, right clavicle (the patient's sides). A plane that is empty was not drawn. ``ctr.csv`` has
the columns ``image`` and ``ctr``. Of films with the names of the JSRT database (Shiraishi et al.,
AJR 2000) the name tells whether a nodule is there: ``JPCLN`` and ``JPCNN``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_agent.evaluation.films.files import bad_set, inside, number_in, read_grey, rows_of
from cxr_agent.evaluation.films.model import Film, FilmSet, Masks
from cxr_agent.study import View

PLANES: Final = ("right_lung", "left_lung", "heart", "left_clavicle", "right_clavicle")
IMAGES: Final = "images"
MASKS: Final = "masks"
_CTR: Final = "ctr.csv"
_JSRT: Final = re.compile(r"JPC(?P<kind>[LN])N\d{3}")
_NODULE: Final = "lung_lesion"


def is_format(folder: Path) -> bool:
    """Whether a folder is one."""
    return (folder / IMAGES).is_dir() and (folder / MASKS).is_dir()


def is_jsrt(name: str) -> bool:
    """Whether a film has a name of the JSRT database, whatever its ending."""
    return _JSRT.fullmatch(Path(name).stem.upper()) is not None


def read(folder: Path) -> FilmSet:
    """The set; raises InputError ``bad_film_set``."""
    ratios = _ratios(folder / _CTR)
    names = sorted(path.name for path in (folder / MASKS).glob("*.png"))
    images = folder / IMAGES
    found = [
        _film(inside(images, name), inside(folder / MASKS, name), ratios)
        for name in names
        if (images / name).is_file()
    ]
    jsrt = bool(found) and all(is_jsrt(one.name) for one in found)
    return FilmSet(
        "JSRT" if jsrt else "bit planes",
        tuple(found),
        "Shiraishi et al., AJR 2000; masks after van Ginneken et al., 2006"
        if jsrt
        else "outlines by readers, as bit planes",
        (_NODULE,) if jsrt else (),
        len(names) - len(found),
    )


def _film(path: Path, mask: Path, ratios: Mapping[str, float]) -> Film:
    kind = _JSRT.fullmatch(path.stem.upper())
    return Film(
        path,
        path.name,
        path.stem,
        view=View.PA if kind else View.UNKNOWN,
        labels={_NODULE: kind["kind"] == "L"} if kind else {},
        ctr=ratios.get(path.name),
        masks=_Planes(mask),
    )


def _ratios(table: Path) -> dict[str, float]:
    if not table.is_file():
        return {}
    found: dict[str, float] = {}
    for row in rows_of(table, ("image", "ctr")):
        value = number_in(row["ctr"], "ctr")
        if value is None:
            continue
        if not 0 < value <= 1:
            raise bad_set(f"{_CTR}: a ratio is not between 0 and 1")
        found[row["image"]] = value
    return found


@dataclass(frozen=True, slots=True)
class _Planes:
    path: Path

    def __call__(self) -> Masks:
        bits = read_grey(self.path)
        planes = {name: (bits >> bit & 1).astype(bool) for bit, name in enumerate(PLANES)}
        return {name: plane for name, plane in planes.items() if plane.any()}
