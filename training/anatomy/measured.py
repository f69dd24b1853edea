"""What is measured on the model's outlines, against the same on readers' outlines.

    python -m training.anatomy.measured

Every measuring tool that needs no more than the model outlines, on films that the model did not
learn from: JSRT's validation and test films by the final model, wingspan's by the model of the
fold that leaves them out, and the shares measured on films of ill patients. Writes
``training/anatomy/measurements.json``; intervals and tables are made from it, so no figure is typed
by hand.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from cxr_agent.knowledge import measurements
from cxr_agent.models.anatomy import AnatomyModel
from cxr_agent.models.networks.anatomy import STRUCTURES
from cxr_agent.models.runtime.onnx import OnnxNetwork
from cxr_agent.models.shelf import Shelf
from cxr_agent.models.store import load_card
from cxr_agent.study import AgeGroup, Image, PixelSpacing, SpacingKind, Study, View
from cxr_agent.toolbox.arguments import ToolCall, bind
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.contract import Abstain, Mask, ToolSpec
from cxr_agent.toolbox.measurement import Measured
from cxr_agent.toolbox.registry import built_in
from training.anatomy import data
from training.anatomy.export import load, to_onnx

MEASUREMENTS = Path("training/anatomy/measurements.json")
_JSRT_MM = 0.7
"""Pixel spacing of JSRT's films at 512 px: 2048 px of 0.175 mm."""


def tools() -> tuple[ToolSpec, ...]:
    """The measuring tools that these outlines suffice for."""
    return tuple(
        spec
        for spec in built_in()
        if spec.result is Measured and set(spec.required_masks) <= set(STRUCTURES)
    )


def measured(film: Image, masks: Mapping[str, Mask]) -> dict[str, dict[str, Any]]:
    """Value and spread, or the reason why not, by id and side."""
    bench = Bench(Study((film,)), Shelf())
    bench.put_masks(film.handle, {name: m for name, m in masks.items() if m.plane.any()})
    found: dict[str, dict[str, Any]] = {}
    for spec in tools():
        call = ToolCall(spec.name, {spec.film_parameter.name: film.handle})
        try:
            result = spec.function(**bind(spec, call, bench).keywords)
        except Abstain as outcome:
            for one in measurements().values():
                if one.tool == spec.name:
                    found[one.id] = {"reason": outcome.reasons[0]}
            continue
        assert isinstance(result, Measured)
        ids = [one.id for one in (*result.items, *result.unmeasured)]
        for item in result.items:
            found[_key(item.id, item.side, ids)] = {
                "code": item.code,
                "value": round(item.value, 6),
                "spread": None if item.spread is None else round(item.spread, 6),
                "category": item.decided.nearest_category if item.decided else None,
            }
        for missing in result.unmeasured:
            found[_key(missing.id, missing.side, ids)] = {"reason": missing.reasons[0]}
    return found


def _key(name: str, side: str | None, ids: list[str]) -> str:
    """The id, with the side where one tool gives both sides."""
    return f"{name}_{side}" if ids.count(name) > 1 else name


def compared(model: AnatomyModel, film: data.Film) -> dict[str, Any]:
    """Both measured: on the model's outlines and on the reader's."""
    pixels = film.pixels()
    jsrt = film.source == "jsrt"
    image = _image(pixels, View.PA if jsrt else View.UNKNOWN, _JSRT_MM if jsrt else None)
    truth = {name: Mask(name, plane) for name, plane in film.planes().items()}
    return {
        "film": film.name,
        "model": measured(image, _outlined(model, pixels)),
        "reader": measured(image, truth),
    }


def _outlined(model: AnatomyModel, pixels: NDArray[np.float32]) -> dict[str, Mask]:
    outlines = model.segment(pixels, repeat=True).outlines
    # Without the card's name there is no calibration: that is what is to be made here.
    return {name: Mask(name, one.plane, one.repeats) for name, one in outlines.items()}


def _image(pixels: NDArray[np.float32], view: View, mm: float | None) -> Image:
    spacing = PixelSpacing(mm, mm, SpacingKind.CALIBRATED) if mm else None
    return Image("img-1", pixels, "0" * 64, view, "none", AgeGroup.ADULT, spacing)


def ill(model: AnatomyModel, shared: Path) -> Iterator[dict[str, Any]]:
    """What can be measured on films of ill patients; their readers drew no comparable outlines."""
    for path in sorted((shared / "data" / "covid" / "images").iterdir()):
        pixels = np.asarray(Pillow.open(path).convert("L"), dtype=np.float32) / 255
        image = _image(pixels, View.UNKNOWN, None)
        yield {"film": path.stem, "model": measured(image, _outlined(model, pixels))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    chosen = parser.parse_args()
    readers = {
        row["image"]: float(row["ctr"])
        for row in csv.DictReader((chosen.shared / "data/wingspan/ctr.csv").open())
        if row["ctr"]
    }
    split, folds = data.jsrt(chosen.shared), data.wingspan(chosen.shared)
    found: dict[str, list[dict[str, Any]]] = {}
    for name in ("final", *(f"fold{fold}" for fold in range(len(folds)))):
        model = AnatomyModel(OnnxNetwork(load_card("anatomy"), to_onnx(load(name))))
        if name == "final":
            found["jsrt_validation"] = [compared(model, film) for film in split.validation]
            found["jsrt_test"] = [compared(model, film) for film in split.test]
            found["covid"] = list(ill(model, chosen.shared))
        else:
            fold = [compared(model, film) for film in folds[int(name.removeprefix("fold"))]]
            for record in fold:
                record["ctr_by_readers"] = readers.get(record["film"])
            found[f"wingspan_{name}"] = fold
        MEASUREMENTS.write_text(json.dumps(found, indent=1) + "\n")
        print(name, flush=True)


if __name__ == "__main__":
    main()
