"""The model card, made from results.json: no figure is typed by hand.

python -m training.anatomy.card
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from cxr_agent.models.card import CtrCalibration, Figure, ModelCard
from cxr_agent.models.networks.anatomy import (
    INPUT_SIZE,
    OUTPUTS,
    STRUCTURES,
    AnatomyNet,
    parameter_count,
)
from training.anatomy.evaluate import RESULTS
from training.anatomy.export import WEIGHTS
from training.card_page import to_markdown
from training.figures import share

LEVEL = 0.9
PAGE = Path("docs/models/anatomy.md")
FOLDS = ("fold0", "fold1", "fold2")
FLOOR = 0.01
"""What two readers differ by at a ratio of 0.5: an inter-observer coefficient of variation of 2 %."""
_FILM_THRESHOLD = 0.5

Record = dict[str, Any]


def figures(data: str, records: list[Record]) -> list[Figure]:
    """Mean Dice per structure and mean absolute CTR error, with intervals."""
    found: list[Figure] = []
    for name in (*STRUCTURES, "lungs", "visible_lungs"):
        values = [r["dice"][name] for r in records if name in r["dice"]]
        if values:
            found.append(_figure(data, "Dice, mean", values, name))
    errors = [abs(r["ctr"] - r["ctr_true"]) for r in _with_ctr(records)]
    if errors:
        found.append(_figure(data, "CTR, mean absolute error", errors))
    return found


def _figure(data: str, metric: str, values: list[float], structure: str = "") -> Figure:
    return share(data, metric, np.array(values), structure)


def _with_ctr(records: list[Record]) -> list[Record]:
    return [r for r in records if "ctr" in r and "ctr_true" in r]


def calibrate(records: list[Record]) -> CtrCalibration:
    """Split-conformal factor for intervals around the ratio."""
    usable = _with_ctr(records)
    scores = [abs(r["ctr"] - r["ctr_true"]) / math.hypot(FLOOR, r["spread"]) for r in usable]
    rank = min(1.0, math.ceil((len(usable) + 1) * LEVEL) / len(usable))
    factor = float(np.quantile(scores, rank, method="higher"))
    return CtrCalibration(floor=FLOOR, factor=round(factor, 4), level=LEVEL, films=len(usable))


def coverage(calibration: CtrCalibration, records: list[Record]) -> list[float]:
    """1 for each film whose interval holds the truth, else 0."""
    return [
        float(
            abs(r["ctr"] - r["ctr_true"])
            <= calibration.factor * math.hypot(calibration.floor, r["spread"])
        )
        for r in _with_ctr(records)
    ]


def main() -> None:
    results = json.loads(RESULTS.read_text())
    wingspan = {fold: results[fold]["wingspan"] for fold in FOLDS}
    validation = results["final"]["jsrt_validation"]
    crossed = [
        hit
        for fold in FOLDS
        for hit in coverage(calibrate(_others(wingspan, fold, results)), wingspan[fold])
    ]
    shipped = calibrate([*validation, *(r for fold in FOLDS for r in wingspan[fold])])
    ctr_cover = "CTR, share of 90 % intervals that hold the truth"
    shown = [
        *figures(
            "JSRT, held-out test films (fixed split, one film per patient)",
            results["final"]["jsrt_test"],
        ),
        _figure(
            "JSRT, held-out test films", ctr_cover, coverage(shipped, results["final"]["jsrt_test"])
        ),
        *figures(
            "wingspan, 3-fold cross-validation; CTR against the readers'",
            [r for fold in FOLDS for r in wingspan[fold]],
        ),
        *figures(
            "wingspan, cross-validated, against the masks as drawn, with their defects",
            [{"dice": r["dice_as_drawn"]} for fold in FOLDS for r in wingspan[fold]],
        ),
        _figure("wingspan, calibrated without the fold that is tested", ctr_cover, crossed),
        _figure(
            "all held-out films: JSRT test and wingspan",
            ctr_cover,
            [*coverage(shipped, results["final"]["jsrt_test"]), *crossed],
        ),
        *figures("wingspan, by a model that never saw wingspan", results["base"]["wingspan"]),
        *figures(
            "Montgomery and Shenzhen, every fourth film, by a model that saw JSRT alone",
            results["base"]["extra"],
        ),
        *figures(
            "COVID-19 case reports, ill and supine, lungs drawn by hand, never trained on",
            results["final"]["covid_lungs"],
        ),
    ]
    head = results["final"]["film_head"]
    for name, what, keep in (
        ("covid", "frontal films of ill patients accepted", True),
        ("turned", "JSRT test films turned by 90, 180 and 270 degrees refused", False),
        ("drawn", "drawn hands, limbs, skulls, side views, pages and textures refused", False),
    ):
        hits = [float((p >= _FILM_THRESHOLD) is keep) for p in head[name]]
        shown.append(_figure(what, "film head, share", hits))
    card = ModelCard(
        id="anatomy",
        name="Anatomy U-Net",
        version="1.0",
        task="lungs, heart and clavicles on frontal chest films",
        weights_file="anatomy.onnx",
        weights_sha256=_sha256("anatomy.onnx"),
        safetensors_file="anatomy.safetensors",
        safetensors_sha256=_sha256("anatomy.safetensors"),
        weights_licence="CC BY-NC-SA 4.0, research use: the terms of the Shenzhen masks and the JSRT films",
        parameters=parameter_count(AnatomyNet()),
        input=f"one film, bone white, centred on a {INPUT_SIZE} px square, standardised",
        output="a probability map per structure; the probability of an upright frontal chest film",
        structures=STRUCTURES,
        input_size=INPUT_SIZE,
        architecture="anatomy",
        outputs=OUTPUTS,
        training_data=(
            "JSRT, 168 training films with SCR masks of lungs, heart and clavicles",
            "wingspan, 120 films with masks of lungs and heart",
            "Montgomery, 138 films with lung masks",
            "Shenzhen, 566 films with lung masks",
            "procedural phantoms, 1 film in 20",
        ),
        split="JSRT by SHA-256 of the file name: 20 % test, 10 % validation, 70 % training; "
        "wingspan in 3 folds of the same order; see training/anatomy/data.py",
        figures=tuple(shown),
        intended_use="Research on adult frontal chest radiographs: outlines, cardiothoracic ratio, film quality.",
        not_for=(
            "diagnosis or any decision about a patient",
            "children, lateral or decubitus views, other parts of the body",
            "the part of the lungs that heart or diaphragm hides: the masks leave it out",
        ),
        known_limits=(
            "No film with a heart mask comes from a supine or intensive-care patient; hearts there are extrapolated.",
            "The film head learned side views and other body parts from drawings, not from radiographs.",
            "Clavicles were learned from JSRT alone: upright, PA, one country.",
            "A structure's side is that of the picture: a mirrored film and dextrocardia look alike.",
        ),
        citations=(
            "Shiraishi et al., AJR 2000 (JSRT)",
            "van Ginneken et al., Med Image Anal 2006 (SCR masks)",
            "Dong et al., 2018, 2019 (wingspan)",
            "Jaeger et al., Quant Imaging Med Surg 2014; Candemir et al., IEEE TMI 2014 (Montgomery, Shenzhen)",
            "Stirenko et al., arXiv:1803.01199 (Shenzhen masks)",
            "Cohen et al., 2020 (COVID-19 case reports, tests only)",
            "Ronneberger et al., MICCAI 2015 (U-Net)",
        ),
        film_threshold=_FILM_THRESHOLD,
        ctr=shipped,
    )
    (WEIGHTS / "card.json").write_text(card.model_dump_json(indent=2) + "\n")
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(to_markdown(card))
    for figure in card.figures:
        print(
            f"{figure.value:.4f} {figure.interval} n={figure.films} {figure.metric} {figure.structure} | {figure.data}"
        )
    print(shipped)


def _sha256(name: str) -> str:
    return hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest()


def _others(wingspan: dict[str, list[Record]], fold: str, results: dict[str, Any]) -> list[Record]:
    """What the intervals of one fold are calibrated on: the other folds and JSRT validation."""
    rest = [r for name in FOLDS if name != fold for r in wingspan[name]]
    return [*results[fold]["jsrt_validation"], *rest]


if __name__ == "__main__":
    main()
