"""Measure how repeatable a comparison is, and what comes of it on films held aside.

``python -m training.comparison [--shared DIR]``: about eight minutes on two cores. Films of JSRT
and covid/, halved by patient. On one half each film is held against itself exposed anew, and films
of one patient taken at most three days apart are held against each other; the limits of
``kb/thresholds.toml`` follow from that. On the other half the limits are tried.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_agent.compare.change import log_odds
from cxr_agent.evidence import Change
from cxr_agent.knowledge import Threshold, thresholds_changed
from cxr_agent.models.anatomy import AnatomyModel
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from cxr_agent.study import Image, View
from cxr_agent.toolbox.comparing import Compared, Seen, compare
from cxr_agent.toolbox.contract import Mask
from training.comparison.alter import exposed, random_exposure
from training.films.film import Film
from training.films.sets import films_of

ROOT: Final = Path(__file__).resolve().parents[2]
_DAYS: Final = 3
"""Films taken no further apart are taken for films without a change, in the middle of them."""
_WITHIN: Final = {"p95": 1.4826 * 1.960, "p99": 1.4826 * 2.576}
"""From the median of what is normally spread about nought to what 95 or 99 of 100 lie within: the
repeatability coefficient of Bland & Altman, blind to the few that did change."""
_FREE: Final = {
    "compare_overlap": 0.0,
    "compare_lung_height": 9.0,
    "repeat_cardiothoracic_ratio": 0.0,
    "repeat_lung_area_ratio": 0.0,
    "repeat_lung_density": 0.0,
}
"""With these nothing is refused and nothing is too small."""
_VALUES: Final = ("cardiothoracic_ratio", "lung_area_ratio", "lung_density", "lung_height")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    options = parser.parse_args()
    shelf = Shelf(Runtime.shared("cpu"))
    reader = Reader(shelf)
    rng = np.random.default_rng(11)
    films = [f for s in ("jsrt", "covid") for f in films_of(s, options.shared, Path())]
    halves = {half: [f for f in films if _half(f) == half] for half in ("learned", "aside")}
    dated = list(_sequences(options.shared, films))
    results: dict[str, Any] = {"films": {half: len(some) for half, some in halves.items()}}
    again = [reader.again(film, rng) for film in halves["learned"]]
    near = [
        reader.pair(later, earlier)
        for earlier, later, days in dated
        if _half(later) == "learned" and days <= _DAYS
    ]
    results["learned"] = _spreads([one for one in again if one], [one for one in near if one])
    results["exposed_again"] = _tried(reader, halves["aside"], rng)
    results["sequences"] = _sequences_tried(reader, dated)
    path = Path(__file__).with_name("results.json")
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(path.read_text())


class Reader:
    """Outlines films once and holds them against each other."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._anatomy: AnatomyModel = shelf.anatomy()
        self._seen: dict[Path, Seen | None] = {}

    def seen(self, film: Film) -> Seen | None:
        """None of what is no upright frontal film to the anatomy model."""
        if film.path not in self._seen:
            self._seen[film.path] = self.of(film.pixels(), film.view)
        return self._seen[film.path]

    def of(self, pixels: np.ndarray, view: str) -> Seen | None:
        found = self._anatomy.segment(pixels, repeat=True)
        if not self._anatomy.is_film(found):
            return None
        masks = {
            name: Mask(name, one.plane, one.repeats, self._anatomy.card.id)
            for name, one in found.outlines.items()
            if one.plane.any()
        }
        digest = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
        known = View(view) if view in ("PA", "AP") else View.PA
        seen = Seen(Image("prior-1", pixels, digest, known, "header"), masks)
        return seen if {"right_lung", "left_lung"} <= seen.planes.keys() else None

    def compared(self, current: Seen, prior: Seen) -> Compared:
        return compare(current, prior, self._shelf)

    def exposed(self, film: Film, rng: np.random.Generator) -> Seen | None:
        one = self.seen(film)
        if one is None:
            return None
        again = exposed(one.film.pixels, random_exposure(rng), rng)
        return self.of(again, one.film.view.value)

    def again(self, film: Film, rng: np.random.Generator) -> dict[str, list[float]] | None:
        one, other = self.seen(film), self.exposed(film, rng)
        return None if one is None or other is None else self._differences(one, other)

    def pair(self, later: Film, earlier: Film) -> dict[str, list[float]] | None:
        """None also where the two may not be compared."""
        one, other = self.seen(later), self.seen(earlier)
        if one is None or other is None or self.compared(one, other).obstacles:
            return None
        return self._differences(one, other)

    def _differences(self, one: Seen, other: Seen) -> dict[str, list[float]]:
        """Absolute differences of everything, whatever the limits."""
        free = {name: Threshold(value=v, source="none") for name, v in _FREE.items()}
        same = Seen(Image(**_fields(other.film, view=one.film.view)), other.masks)
        with thresholds_changed(free):
            found = self.compared(one, same)
        heights = [seen.facts.lung_height for seen in (one, other)]
        differences: dict[str, list[float]] = defaultdict(list)
        differences["overlap"].append(found.overlap)
        differences["lung_height"].append(abs((heights[0] or 0) - (heights[1] or 0)))
        for change in found.changes:
            name = "lung_density" if change.code == "lung_opacity" else change.code
            if name in _VALUES:
                differences[name].append(abs(change.change))
        model = self._shelf.findings()
        now, before = (model.classify(s.film.pixels).probabilities for s in (one, other))
        for label in model.card.labels:
            if label.offered:
                moved = log_odds(now[label.code]) - log_odds(before[label.code])
                differences[label.code].append(abs(moved))
        return dict(differences)


def _fields(film: Image, **changed: Any) -> dict[str, Any]:
    return {name: getattr(film, name) for name in Image.__dataclass_fields__} | changed


def _half(film: Film) -> str:
    digest = hashlib.sha256(f"comparison {film.person}".encode()).digest()
    return "learned" if digest[0] < 128 else "aside"


def _sequences(shared: Path, films: Iterable[Film]) -> Iterator[tuple[Film, Film, float]]:
    """Films of covid/ with the next one of the same patient and the days between them."""
    by_name = {film.path.name: film for film in films if film.source == "covid"}
    dated: dict[str, list[tuple[float, str]]] = defaultdict(list)
    with (shared / "data" / "covid" / "metadata.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["offset"].lstrip("-").replace(".", "", 1).isdigit():
                dated[row["patientid"]].append((float(row["offset"]), row["filename"]))
    for rows in dated.values():
        for (day, name), (later, other) in pairwise(sorted(rows)):
            if name in by_name and other in by_name:
                yield by_name[name], by_name[other], later - day


def _spreads(
    again: list[dict[str, list[float]]], near: list[dict[str, list[float]]]
) -> dict[str, Any]:
    """What 99 of 100 lie within: films exposed again, and films days apart by their median."""
    names = sorted({name for one in again for name in one} - {"overlap"})
    found: dict[str, Any] = {"exposed_again": len(again), "days_apart": len(near)}
    for quantity in names:
        most = [max(one[quantity]) for one in again if one.get(quantity)]
        apart = [value for one in near for value in one.get(quantity, ())]
        found[quantity] = {
            "exposed_again_p99": round(float(np.percentile(most, 99)), 4),
            **{
                f"days_apart_{name}_by_median": round(float(np.median(apart)) * factor, 4)
                for name, factor in _WITHIN.items()
            },
        }
    overlaps = [one["overlap"][0] for one in again]
    found["overlap_p1"] = round(float(np.percentile(overlaps, 1)), 4)
    return found


def _tried(reader: Reader, films: list[Film], rng: np.random.Generator) -> dict[str, Any]:
    """Films held aside against themselves, exposed anew: nothing has changed."""
    counts: Counter[str] = Counter()
    for film in films:
        one, other = reader.seen(film), reader.exposed(film, rng)
        if one is None or other is None:
            counts["not_read"] += 1
            continue
        found = reader.compared(one, other)
        counts["pairs"] += 1
        counts["not_comparable"] += bool(found.obstacles)
        changed = [c.code for c in found.changes if c.relation is not Change.NO_CHANGE]
        counts["with_a_change"] += bool(changed)
        counts.update(f"changed {code}" for code in set(changed))
    return dict(counts)


def _sequences_tried(reader: Reader, dated: list[tuple[Film, Film, float]]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    for earlier, later, _ in dated:
        one, other = reader.seen(later), reader.seen(earlier)
        if one is None or other is None:
            counts["not_read"] += 1
            continue
        found = reader.compared(one, other)
        counts["pairs"] += 1
        for subject, reasons in found.obstacles.items():
            counts.update(f"{subject}: {reason}" for reason in reasons)
        changed = {f"{c.code} {c.relation}" for c in found.changes}
        counts.update(f"relation {one}" for one in changed)
        counts["with_a_change"] += any(c.relation is not Change.NO_CHANGE for c in found.changes)
    return dict(counts)


if __name__ == "__main__":
    main()
