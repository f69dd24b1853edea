"""The model card, made from results.json: no figure is typed by hand.

python -m training.anatomy.card
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from cxr_agent.knowledge import measurements, vocabulary
from cxr_agent.models.card import Calibration, Figure, ModelCard
from cxr_agent.models.networks.anatomy import (
    INPUT_SIZE,
    OUTPUTS,
    STRUCTURES,
    AnatomyNet,
    parameter_count,
)
from training.anatomy.evaluate import RESULTS
from training.anatomy.export import WEIGHTS
from training.anatomy.intervals import calibrate, coverage, pairs
from training.anatomy.measured import MEASUREMENTS
from training.card_page import to_markdown
from training.figures import share

_CTR = "cardiothoracic_ratio"
PAGE = Path("docs/models/anatomy.md")
FOLDS = ("fold0", "fold1", "fold2")
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


def measured_figures(
    measured: dict[str, list[Record]], calibrations: dict[str, Calibration]
) -> list[Figure]:
    """Errors of everything measured, whether intervals hold the truth, and what is not measured."""
    held_out = pairs(measured["jsrt_test"])
    shown: list[Figure] = []
    for code, found in held_out.items():
        name = vocabulary()[code].name
        errors = [abs(one.error) for one in found]
        data = "JSRT, held-out test films, against the same measured on readers' outlines"
        shown.append(_figure(data, f"{name}, mean absolute error", errors))
        if code in calibrations:
            hits = coverage(calibrations[code], found)
            share_held = f"{name}, share of 90 % intervals that hold the truth"
            shown.append(_figure("JSRT, held-out test films", share_held, hits))
    folds = {fold: measured[f"wingspan_{fold}"] for fold in FOLDS}
    crossed = [
        hit
        for fold in FOLDS
        for hit in _held(folds[fold], [measured["jsrt_validation"], *_others(folds, fold)])
    ]
    both = [*coverage(calibrations[_CTR], held_out[_CTR]), *crossed]
    ratio = "CTR, share of 90 % intervals that hold the truth"
    shown.append(_figure("wingspan, calibrated without the fold that is tested", ratio, crossed))
    shown.append(_figure("all held-out films: JSRT test and wingspan", ratio, both))
    for one in measurements().values():
        records = [r["model"] for r in measured["covid"]]
        reasons = {v.get("reason") for r in records for k, v in r.items() if k.startswith(one.id)}
        if not reasons or "no_spacing" in reasons:
            continue  # these films have no pixel spacing
        hits = [float(any("value" in v for k, v in r.items() if _is(k, one.id))) for r in records]
        what = f"{vocabulary()[one.code].name}, share of films measured"
        shown.append(_figure("COVID-19 case reports, ill and supine", what, hits))
    return shown


def _is(key: str, name: str) -> bool:
    return key in (name, f"{name}_right", f"{name}_left")


def _held(tested: list[Record], others: list[list[Record]]) -> list[float]:
    calibration = calibrate(_CTR, pairs(r for group in others for r in group)[_CTR])
    assert calibration is not None
    return coverage(calibration, pairs(tested)[_CTR])


def _others(folds: dict[str, list[Record]], fold: str) -> list[list[Record]]:
    return [records for name, records in folds.items() if name != fold]


def main() -> None:
    results = json.loads(RESULTS.read_text())
    wingspan = {fold: results[fold]["wingspan"] for fold in FOLDS}
    measured = json.loads(MEASUREMENTS.read_text())
    learned = [measured["jsrt_validation"], *(measured[f"wingspan_{fold}"] for fold in FOLDS)]
    calibrations = {
        code: one
        for code, found in pairs(r for group in learned for r in group).items()
        if (one := calibrate(code, found)) is not None
    }
    shown = [
        *figures(
            "JSRT, held-out test films (fixed split, one film per patient)",
            results["final"]["jsrt_test"],
        ),
        *figures(
            "wingspan, 3-fold cross-validation; CTR against the readers'",
            [r for fold in FOLDS for r in wingspan[fold]],
        ),
        *figures(
            "wingspan, cross-validated, against the masks as drawn, with their defects",
            [{"dice": r["dice_as_drawn"]} for fold in FOLDS for r in wingspan[fold]],
        ),
        *measured_figures(measured, calibrations),
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
        calibrations=calibrations,
    )
    (WEIGHTS / "card.json").write_text(card.model_dump_json(indent=2) + "\n")
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(to_markdown(card))
    for figure in card.figures:
        print(
            f"{figure.value:.4f} {figure.interval} n={figure.films} {figure.metric} {figure.structure} | {figure.data}"
        )
    print(calibrations)


def _sha256(name: str) -> str:
    return hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
