"""Measure normal films, write their quantiles, and tell how the scores do on films held aside.

``python -m training.descriptors [--shared DIR] [--extra DIR]``: about two minutes on two cores.
Normal films: JSRT's without a nodule, of training patients; its test patients, and every film of
covid/, CheXpert's validation set and VinDr, and ChestX-ray14's test patients, are only looked at.
Which signs there are was chosen on ChestX-ray14's training patients.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np

from cxr_agent.knowledge.descriptors import Reference, descriptors
from cxr_agent.measure.descriptors import descriptor_quantities
from cxr_agent.measure.signs import combined, score_of
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.shelf import Shelf
from training.films.film import Film
from training.films.sets import films_of
from training.findings.scores import auc, auc_interval

ROOT: Final = Path(__file__).resolve().parents[2]
_STEPS: Final = 21
_FINDINGS: Final = ("pleural_effusion", "cardiomegaly", "pulmonary_edema")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--extra", type=Path, default=ROOT.parent / "extra")
    options = parser.parse_args()
    shelf = Shelf(Runtime.shared("cpu"))
    normal = [
        f for f in films_of("jsrt", options.shared, options.extra) if not any(f.labels.values())
    ]
    kept = [f for f in normal if f.split != "test"]
    measured = [_quantities(film, shelf) for film in kept]
    references = _references(measured)
    _write(references)
    results: dict[str, object] = {"reference_films": len(kept)}
    aside = [_quantities(f, shelf) for f in normal if f.split == "test"]
    results |= {"normal_test_films": len(aside), "uniform": _uniform(aside, references)}
    ill = [_quantities(f, shelf) for f in films_of("covid", options.shared, options.extra)]
    results["covid_against_normal_auc"] = {
        finding: _auc(ill, aside, finding, references) for finding in _FINDINGS
    }
    for source in ("nih", "chexpert", "vindr"):
        films = [f for f in films_of(source, options.shared, options.extra) if _is_test(f)]
        found = [(f, _quantities(f, shelf)) for f in films]
        results[f"{source}_auc"] = {
            finding: _auc(
                [q for f, q in found if f.labels.get(finding) is True],
                [q for f, q in found if f.labels.get(finding) is False],
                finding,
                references,
            )
            for finding in _FINDINGS
            if any(f.labels.get(finding) for f in films)
        }
    (Path(__file__).parent / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


def _is_test(film: Film) -> bool:
    """ChestX-ray14's training films chose the signs; the others' films chose nothing."""
    return (
        film.view != "lateral"
        and film.grain >= 224
        and (film.source != "nih" or film.split == "test")
    )


def _quantities(film: Film, shelf: Shelf) -> dict[str, float]:
    pixels = film.pixels()
    outlines = shelf.anatomy().segment(pixels).outlines
    masks = {
        name: outlines[name].plane
        for name in ("right_lung", "left_lung", "heart")
        if name in outlines and outlines[name].plane.any()
    }
    return {name: one.value for name, one in descriptor_quantities(pixels, masks).items()}


def _references(measured: Iterable[dict[str, float]]) -> dict[str, Reference]:
    values: dict[str, list[float]] = {}
    for one in measured:
        for name, value in one.items():
            values.setdefault(name, []).append(value)
    steps = np.linspace(0, 1, _STEPS)
    return {
        name: Reference(
            films=len(known),
            quantiles=tuple(round(float(q), 4) for q in np.quantile(known, steps)),
        )
        for name, known in sorted(values.items())
    }


def _write(references: dict[str, Reference]) -> None:
    lines = [
        "# What is normal: quantiles from the least to the greatest, at steps of a twentieth, on",
        "# JSRT's films without a nodule (Shiraishi et al., AJR 2000), test patients left out,",
        "# outlined by the embedded anatomy model. Made by `python -m training.descriptors`.",
    ]
    for name, one in references.items():
        numbers = ", ".join(f"{q:.4f}" for q in one.quantiles)
        lines += ["", f"[{name}]", f"films = {one.films}", f"quantiles = [{numbers}]"]
    (ROOT / "kb" / "descriptor_reference.toml").write_text("\n".join(lines) + "\n")


def _scores(
    found: dict[str, float], finding: str, references: dict[str, Reference]
) -> dict[str, float]:
    return {
        code: score_of(one, found[one.quantity], references)
        for code, one in descriptors().items()
        if one.finding == finding and one.quantity in found
    }


def _of_finding(
    found: dict[str, float], finding: str, references: dict[str, Reference]
) -> float | None:
    """The greater of both sides' combined scores, as the tool gives it."""
    scores = _scores(found, finding, references)
    sides = {descriptors()[code].side for code in scores}
    told = [
        combined(v for code, v in scores.items() if descriptors()[code].side in (side, None))
        for side in sides or {None}
        if scores
    ]
    return max(told, default=None)


def _uniform(
    films: list[dict[str, float]], references: dict[str, Reference]
) -> dict[str, list[float]]:
    """Mean score of each descriptor on normal films held aside, and its share above 0.9."""
    told: dict[str, list[float]] = {}
    for one in descriptors().values():
        for code, score in (
            (c, s) for f in films for c, s in _scores(f, one.finding, references).items()
        ):
            told.setdefault(code, []).append(score)
    return {
        code: [round(float(np.mean(v)), 3), round(float(np.mean(np.array(v) > 0.9)), 3)]
        for code, v in told.items()
    }


def _auc(
    ill: list[dict[str, float]],
    well: list[dict[str, float]],
    finding: str,
    references: dict[str, Reference],
) -> dict[str, object]:
    scored = [[_of_finding(f, finding, references) for f in group] for group in (ill, well)]
    positives, negatives = ([s for s in group if s is not None] for group in scored)
    truth = np.array([True] * len(positives) + [False] * len(negatives))
    scores = np.array([*positives, *negatives])
    low, high = auc_interval(truth.astype(np.float64), scores, np.arange(len(scores)))
    return {
        "films": [len(positives), len(negatives)],
        "auc": round(float(auc(truth.astype(np.float64), scores)), 3),
        "interval": [round(low, 3), round(high, 3)],
    }


if __name__ == "__main__":
    main()
