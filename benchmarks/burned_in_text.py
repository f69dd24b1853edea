"""How much writing is found, by kind, and how much of films without any is taken for it.

``python -m benchmarks.burned_in_text`` rewrites the tables of ``docs/deidentification.md``.
Films of ``../shared/data`` are used where they are there, and left out where not.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_agent.imaging.burned_in import without_text
from cxr_agent.imaging.text_regions import text_regions
from cxr_agent.study import FloatImage
from cxr_agent.testing.drawn_text import TEXTS, draw_writing, kinds
from cxr_agent.testing.phantom import PhantomSpec, draw

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "deidentification.md"
SHARED: Final = ROOT.parent / "shared" / "data"
FOUND: Final = 0.9
"""Of a text's visible ink that must be painted over."""
_LUNGS: Final = 3
_BEGIN: Final = "<!-- measured: {} -->"
_END: Final = "<!-- end -->"

BoolMask = NDArray[np.bool_]
Finder = Callable[[FloatImage], BoolMask]


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """``pixels`` in [0, 1] and ``lungs``, (rows, columns)."""

    pixels: FloatImage
    lungs: BoolMask


def sent(pixels: FloatImage) -> BoolMask:
    """What is painted over in a picture that a model is shown, on the film's own grid."""
    _, painted = without_text(pixels)
    size = (pixels.shape[1], pixels.shape[0])
    return np.asarray(Image.fromarray(painted).resize(size, Image.Resampling.NEAREST))


FINDERS: Final[dict[str, Finder]] = {"copies": text_regions, "pictures sent": sent}


@lru_cache(maxsize=2)
def phantom(size: int = 512) -> Film:
    """A drawn film."""
    one = draw(PhantomSpec(), size)
    return Film(one.pixels, one.masks["right_lung"] | one.masks["left_lung"])


def films_of(name: str, count: int) -> list[Film]:
    """Films of ``../shared/data`` with outlines of the lungs, spread over all."""
    paths = sorted((SHARED / name / "images").glob("*.png"))
    chosen = paths[:: max(1, len(paths) // count)][:count]
    return [Film(_grey(path), _lungs(path)) for path in chosen]


def recalls(films: Sequence[Film], finder: Finder, each: int, seed: int = 1) -> dict[str, str]:
    """Share of the texts of each class that are found, with how many there were."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[bool]] = defaultdict(list)
    for name, how in kinds():
        for _ in range(each):
            film = films[int(rng.integers(len(films)))]
            text = TEXTS[int(rng.integers(len(TEXTS)))]
            drawn = draw_writing(film.pixels, replace(how, text=text), rng)
            if drawn.ink.any():
                found[name].append(bool(finder(drawn.pixels)[drawn.ink].mean() >= FOUND))
    return {name: f"{np.mean(hits):.2f} ({len(hits)})" for name, hits in found.items()}


def taken(films: Sequence[Film], finder: Finder) -> tuple[float, float, float, float]:
    """Of films without drawn text: share touched, area, and of the lungs on average and at most."""
    masks = [finder(film.pixels) for film in films]
    lungs = [float(m[f.lungs].mean()) for m, f in zip(masks, films, strict=True)]
    area = float(np.mean([mask.mean() for mask in masks]))
    return float(np.mean([mask.any() for mask in masks])), area, float(np.mean(lungs)), max(lungs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=20, help="texts of each class and set of films")
    parser.add_argument("--films", type=int, default=30, help="films of each set")
    given = parser.parse_args()
    sets = {"phantom": [phantom()]}
    for name in ("jsrt", "wingspan"):
        films = films_of(name, given.films)
        if films:
            sets[name] = films
    page = PAGE.read_text(encoding="utf-8")
    page = _put(page, "recall", list(_recall_rows(sets, given.each)))
    page = _put(page, "clean", list(_clean_rows(sets)))
    PAGE.write_text(page, encoding="utf-8")


def _recall_rows(sets: dict[str, list[Film]], each: int) -> Iterator[str]:
    columns = [(finder, name) for finder in FINDERS for name in sets]
    yield "| writing | " + " | ".join(f"{finder}, {name}" for finder, name in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    results = [recalls(sets[name], FINDERS[finder], each) for finder, name in columns]
    for kind in dict(kinds()):
        yield f"| {kind} | " + " | ".join(one.get(kind, "none seen") for one in results) + " |"


def _clean_rows(sets: dict[str, list[Film]]) -> Iterator[str]:
    yield "| | films | touched | of the film | of the lungs | of the lungs, at most |"
    yield "|---|---|---|---|---|---|"
    for finder, find in FINDERS.items():
        for name, films in sets.items():
            touched, area, lungs, most = taken(films, find)
            yield (
                f"| {finder}, {name} | {len(films)} | {touched:.0%} | {area:.2%} | {lungs:.2%} | "
                f"{most:.2%} |"
            )


def _put(page: str, name: str, rows: list[str]) -> str:
    begin = _BEGIN.format(name)
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(_END)
    return before + begin + "\n" + "\n".join(rows) + "\n" + _END + after


def _grey(path: Path) -> FloatImage:
    return np.asarray(Image.open(path).convert("L"), dtype=np.float32) / np.float32(255)


def _lungs(path: Path) -> BoolMask:
    mask = path.parents[1] / "masks" / path.name
    return np.asarray((np.asarray(Image.open(mask)) & _LUNGS) > 0)


if __name__ == "__main__":
    main()
