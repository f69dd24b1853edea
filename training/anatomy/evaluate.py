"""Held-out figures of all runs, measured through the reading path.

    python -m training.anatomy.evaluate --extra DIR

Writes ``training/anatomy/results.json``: per film, per run. The card is made from it by
``training.anatomy.card``, so no figure is typed by hand.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_agent.measure.ctr import cardiothoracic_ratio
from cxr_agent.measure.extent import Extent
from cxr_agent.measure.geometry import NotMeasurable, Scene
from cxr_agent.models.anatomy import AnatomyModel
from cxr_agent.models.runtime.onnx import OnnxNetwork
from cxr_agent.models.store import load_card
from training.anatomy import data
from training.anatomy.export import load, to_onnx
from training.anatomy.negatives import draw_negative

RESULTS = Path("training/anatomy/results.json")


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0


def ratio(planes: dict[str, NDArray[np.bool_]]) -> float | None:
    """The cardiothoracic ratio of outlines; None where one is missing."""
    found = {name: plane for name, plane in planes.items() if plane.any()}
    shape = next(iter(planes.values())).shape
    whole = Extent(0, 0, shape[1], shape[0])
    try:
        return cardiothoracic_ratio(Scene(found, whole, (shape[0], shape[1]))).value
    except NotMeasurable:
        return None


def examine(model: AnatomyModel, film: data.Film, truth: float | None = None) -> dict[str, Any]:
    """Dice per annotated structure, the ratio, and the film probability of one film."""
    anatomy = model.segment(film.pixels())
    planes = film.planes()
    found = {name: anatomy.outlines[name].plane for name in planes}
    planes["lungs"] = planes["right_lung"] | planes["left_lung"]
    found["lungs"] = found["right_lung"] | found["left_lung"]
    record: dict[str, Any] = {
        "source": film.source,
        "film": film.name,
        "film_probability": round(anatomy.film_probability, 5),
        "dice": {name: round(dice(plane, found[name]), 5) for name, plane in planes.items()},
    }
    measured = ratio({name: outline.plane for name, outline in anatomy.outlines.items()})
    if measured is not None:
        record["ctr"] = round(measured, 6)
    if film.source == "wingspan":
        record["dice_as_drawn"] = as_drawn(film.bits_as_drawn(), found)
    if "heart" in planes and film.source == "jsrt":
        truth = ratio(planes)
    if truth is not None:
        record["ctr_true"] = round(truth, 6)
    return record


def as_drawn(bits: NDArray[np.uint8], found: dict[str, NDArray[np.bool_]]) -> dict[str, float]:
    """Dice against wingspan's masks with their defects, see :mod:`training.anatomy.data`."""
    right, left, heart = ((bits >> bit & 1).astype(bool) for bit in range(3))
    drawn = {"right_lung": right, "left_lung": left, "heart": heart, "lungs": right | left}
    return {name: round(dice(plane, found[name]), 5) for name, plane in drawn.items()}


def examine_ill(model: AnatomyModel, film: data.Film) -> dict[str, Any]:
    """Dice of both lungs together, which these masks do not part.

    Their readers drew the lung behind heart and mediastinum too, ours did not; so the second
    figure leaves out what lies between the outlined lungs on each row.
    """
    anatomy = model.segment(film.pixels())
    mask = np.asarray(Image.open(film.mask).convert("L")) > 127
    right, left = anatomy.outlines["right_lung"].plane, anatomy.outlines["left_lung"].plane
    both = right | left
    between = _between(right, left) | anatomy.outlines["heart"].plane
    return {
        "source": film.source,
        "film": film.name,
        "film_probability": round(anatomy.film_probability, 5),
        "dice": {
            "lungs": round(dice(mask, both), 5),
            "visible_lungs": round(dice(mask & ~between, both & ~between), 5),
        },
    }


def _between(right: NDArray[np.bool_], left: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """On each row, what lies from the right lung's inner border to the left lung's."""
    passed_right = np.logical_or.accumulate(right[:, ::-1], axis=1)[:, ::-1]
    reached_left = np.logical_or.accumulate(left, axis=1)
    rows = (right.any(axis=1) & left.any(axis=1))[:, None]
    middle: NDArray[np.bool_] = rows & ~passed_right & ~reached_left
    return middle


def film_head(model: AnatomyModel, shared: Path, test: list[data.Film]) -> dict[str, Any]:
    """Film probabilities of ill patients' films, of turned films and of drawn other pictures."""
    covid = [
        np.asarray(Image.open(path).convert("L"), dtype=np.float32) / 255
        for path in sorted((shared / "data" / "covid" / "images").iterdir())
    ]
    turned = [
        np.ascontiguousarray(np.rot90(film.pixels(), quarter))
        for film in test
        for quarter in (1, 2, 3)
    ]
    rng = np.random.default_rng(2024)
    drawn = [draw_negative(512, rng) for _ in range(100)]
    return {
        name: [round(model.segment(pixels).film_probability, 5) for pixels in group]
        for name, group in (("covid", covid), ("turned", turned), ("drawn", drawn))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path)
    parser.add_argument("--runs", default="base,fold0,fold1,fold2,final")
    chosen = parser.parse_args()
    readers = {
        row["image"]: float(row["ctr"])
        for row in csv.DictReader((chosen.shared / "data/wingspan/ctr.csv").open())
        if row["ctr"]
    }
    split, folds = data.jsrt(chosen.shared), data.wingspan(chosen.shared)
    ill = data.covid_lungs(chosen.shared)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in chosen.runs.split(","):
        model = AnatomyModel(OnnxNetwork(load_card("anatomy"), to_onnx(load(name))))
        sets: dict[str, list[data.Film]] = {
            "jsrt_test": split.test,
            "jsrt_validation": split.validation,
        }
        if name == "base":
            sets["wingspan"] = [film for fold in folds for film in fold]
            if chosen.extra is not None:
                sets["extra"] = data.extra(chosen.extra)[::4]
        elif name.startswith("fold"):
            sets["wingspan"] = folds[int(name.removeprefix("fold"))]
        results[name] = {
            part: [examine(model, film, readers.get(film.name)) for film in films]
            for part, films in sets.items()
        }
        results[name]["covid_lungs"] = [examine_ill(model, film) for film in ill]
        if name in ("base", "final"):
            results[name]["film_head"] = film_head(model, chosen.shared, split.test)
        RESULTS.write_text(json.dumps(results, indent=1))
        print(name, summary(results[name]), flush=True)


def summary(run: dict[str, Any]) -> dict[str, Any]:
    """Means for the eye; the card has the intervals."""
    shown: dict[str, Any] = {}
    for part, records in run.items():
        if part == "film_head":
            shown[part] = {k: [min(v), float(np.median(v)), max(v)] for k, v in records.items()}
            continue
        names = sorted({name for record in records for name in record["dice"]})
        line: dict[str, float] = {
            name: round(float(np.mean([r["dice"][name] for r in records if name in r["dice"]])), 4)
            for name in names
        }
        errors = [abs(r["ctr"] - r["ctr_true"]) for r in records if "ctr_true" in r and "ctr" in r]
        if errors:
            line["ctr_mae"] = round(float(np.mean(errors)), 4)
        shown[part] = line
    return shown


if __name__ == "__main__":
    main()
