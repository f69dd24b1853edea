"""Every figure of the findings classifier, into training/findings/results.json.

    python -m training.findings.evaluate --extra DIR

Three runs are compared: ``final`` (all sets), ``nih`` (ChestX-ray14 alone) and ``tuberculosis``
(JSRT, Montgomery and Shenzhen alone). Each is tested on films of every set that it never saw.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cxr_agent.models.anatomy import AnatomyModel
from cxr_agent.models.networks.findings import INPUT_SIZE, FindingsNet
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.saliency import faithfulness
from cxr_agent.models.tile import make_tile
from training.films import sets
from training.films.film import Film
from training.findings import data
from training.findings.scores import (
    Platt,
    auc,
    auc_interval,
    calibrate,
    calibration_error,
    sensitivity,
    specificity,
    threshold_at_sensitivity,
    threshold_at_specificity,
)
from training.findings.train import FOLDER, logits_of, tiles_of

RESULTS = Path("training/findings/results.json")
RUNS = {
    "final": data.LEARNT,
    "nih": ("nih",),
    "tuberculosis": ("jsrt", "montgomery", "shenzhen"),
}
SPECIFICITY, SENSITIVITY = 0.95, 0.90
FEWEST = 20
"""Positives and negatives without which no AUC is given."""
_BLANKED_FILMS = 250
_EXPLAINED_FILMS = 25

Record = dict[str, Any]


def network_of(name: str) -> FindingsNet:
    """The averaged weights of one run."""
    network = FindingsNet(len(data.CODES))
    network.load_state_dict(torch.load(FOLDER / f"{name}.pt", weights_only=True))
    return network.eval()


def people_of(films: list[Film]) -> NDArray[np.int64]:
    """A number per patient."""
    return np.unique([film.person for film in films], return_inverse=True)[1]


def table(films: list[Film], logits: NDArray[np.float32]) -> dict[str, Record]:
    """AUC with interval for every label that has enough films."""
    truth, people = data.targets(films), people_of(films)
    found = {}
    for index, code in enumerate(data.CODES):
        positives = int(np.nansum(truth[:, index]))
        known = int((~np.isnan(truth[:, index])).sum())
        if min(positives, known - positives) < FEWEST:
            continue
        score = logits[:, index]
        low, high = auc_interval(truth[:, index], score, people)
        found[code] = {
            "films": known,
            "positives": positives,
            "auc": round(auc(truth[:, index], score), 4),
            "interval": [round(low, 4), round(high, 4)],
        }
    return found


def settings(
    films: dict[str, list[Film]], logits: dict[str, NDArray[np.float32]]
) -> dict[str, Record]:
    """Calibration on one split, thresholds on the next, and what they do on the test films."""
    truth = {split: data.targets(group) for split, group in films.items()}
    found = {}
    for index, code in enumerate(data.CODES):
        column = {split: (truth[split][:, index], logits[split][:, index]) for split in films}
        platt = calibrate(*column["calibration"])
        probability = {split: platt.probability(z) for split, (_, z) in column.items()}
        known, said = column["validation"][0], probability["validation"]
        present = threshold_at_specificity(known, said, SPECIFICITY)
        absent = min(threshold_at_sensitivity(known, said, SENSITIVITY), present)
        known, said = column["test"][0], probability["test"]
        found[code] = {
            "scale": round(platt.scale, 5),
            "offset": round(platt.offset, 5),
            "present_at": round(present, 5),
            "absent_below": round(absent, 5),
            "test_specificity_at_present": round(specificity(known, said, present), 4),
            "test_sensitivity_at_present": round(sensitivity(known, said, present), 4),
            "test_sensitivity_at_absent": round(sensitivity(known, said, absent), 4),
            "test_specificity_at_absent": round(specificity(known, said, absent), 4),
            "test_calibration_error": round(calibration_error(known, said), 4),
            "test_calibration_error_before": round(
                calibration_error(known, Platt(1.0, 0.0).probability(column["test"][1])), 4
            ),
        }
    return found


def by_view(films: list[Film], logits: NDArray[np.float32]) -> dict[str, dict[str, Record]]:
    """The same figures within one projection: ill patients are filmed lying, and that shows."""
    views = np.array([film.view for film in films])
    return {
        view: table([f for f in films if f.view == view], logits[views == view])
        for view in ("PA", "AP")
    }


def blanked(network: FindingsNet, films: list[Film]) -> dict[str, dict[str, Record]]:
    """What is left of the AUC when lungs and heart are taken from the film, or all but them.

    What a network still knows without them it has from the rim, the text, the shape of the
    shoulders: from shortcuts.
    """
    model = AnatomyModel(Runtime.shared("cpu").network("anatomy"))
    changed: dict[str, list[NDArray[np.float32]]] = {"whole": [], "without": [], "only": []}
    for film in films:
        pixels = film.pixels()
        outlines = model.segment(pixels).outlines
        chest = _hull(outlines["right_lung"].plane | outlines["left_lung"].plane)
        grey = float(np.median(pixels))
        changed["whole"].append(pixels)
        changed["without"].append(np.where(chest, np.float32(grey), pixels))
        changed["only"].append(np.where(chest, pixels, np.float32(grey)))
    found = {}
    for name, group in changed.items():
        tiles = np.stack([make_tile(pixels, INPUT_SIZE)[0] for pixels in group])
        found[name] = table(films, logits_of(network, tiles))
    return found


def _hull(lungs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """On each row, all from the outermost lung point to the other."""
    reached = np.logical_or.accumulate(lungs, axis=1)
    passed = np.logical_or.accumulate(lungs[:, ::-1], axis=1)[:, ::-1]
    inside: NDArray[np.bool_] = reached & passed
    return inside


def saliency(network: FindingsNet, films: list[Film]) -> dict[str, Record]:
    """Insertion and deletion against random maps, and against maps of a network of random weights.

    Explained are the films that show a finding and on which it is found most surely: where a
    finding is missed, a map has nothing to point to.
    """
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    chance = FindingsNet(len(data.CODES)).eval()
    found = {}
    for index, code in enumerate(data.CODES):
        shown = [f for f in films if f.labels.get(code)]
        if len(shown) < FEWEST:
            continue
        tiles = tiles_of(shown)
        surest = np.argsort(-logits_of(network, tiles)[:, index])[:_EXPLAINED_FILMS]
        scores: dict[str, list[float]] = {"map": [], "random": [], "untrained": []}
        alike = []
        for tile in tiles[surest]:
            scorer = _scorer(network, index)
            cells, other = _cells(network, tile, index), _cells(chance, tile, index)
            maps = {"map": cells, "random": rng.random(cells.shape), "untrained": other}
            for name, plane in maps.items():
                scores[name].append(faithfulness(tile, plane.astype(np.float32), scorer).score)
            alike.append(float(np.corrcoef(_ranks(cells), _ranks(other))[0, 1]))
        found[code] = {
            "films": len(surest),
            **{name: round(float(np.mean(values)), 4) for name, values in scores.items()},
            "better_than_random": round(
                float(np.mean(np.array(scores["map"]) > np.array(scores["random"]))), 4
            ),
            "rank_correlation_with_untrained": round(float(np.mean(alike)), 4),
        }
    return found


def _scorer(
    network: FindingsNet, index: int
) -> Callable[[NDArray[np.float32]], NDArray[np.floating]]:
    return lambda tiles: Platt(1.0, 0.0).probability(logits_of(network, tiles)[:, index])


@torch.no_grad()
def _cells(network: FindingsNet, tile: NDArray[np.float32], index: int) -> NDArray[np.float32]:
    cells: NDArray[np.float32] = network(torch.from_numpy(tile[None, None]))[1][0, index].numpy()
    return cells


def _ranks(plane: NDArray[np.float32]) -> NDArray[np.int64]:
    return plane.ravel().argsort().argsort()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path, required=True)
    chosen = parser.parse_args()
    torch.set_num_threads(2)
    everything = data.frontal(chosen.shared, chosen.extra)
    tests = {source: data.part(everything, "test", [source]) for source in data.LEARNT}
    tests["tuberculosis"] = [*tests.pop("montgomery"), *tests.pop("shenzhen")]
    for source in data.STRANGE:  # never trained on, so all its films are test films
        tests[source] = [f for f in everything if f.source == source]
    tests["children"] = [
        film
        for film in sets.chest_films(chosen.shared, chosen.extra)
        if film.source == "kermany" and film.split == "test"
    ]
    tiles = {name: tiles_of(films) for name, films in tests.items()}
    results: dict[str, Any] = {
        "films": {name: len(films) for name, films in tests.items()},
        "people": {name: sets.people(films) for name, films in tests.items()},
        "trained_on": {
            name: {
                "films": sets.count_by_source(data.part(everything, "train", sources)),
                "people": sets.people(data.part(everything, "train", sources)),
            }
            for name, sources in RUNS.items()
        },
        "auc": {},
    }
    for name in RUNS:
        network = network_of(name)
        results["auc"][name] = {
            test: table(films, logits_of(network, tiles[test])) for test, films in tests.items()
        }
        print(
            name, {k: {c: r["auc"] for c, r in t.items()} for k, t in results["auc"][name].items()}
        )
    network = network_of("final")
    splits = {
        split: data.part(everything, split, ("nih",))
        for split in ("calibration", "validation", "test")
    }
    logits = {split: logits_of(network, tiles_of(films)) for split, films in splits.items()}
    results["settings"] = settings(splits, logits)
    results["by_view"] = by_view(splits["test"], logits["test"])
    order = np.random.default_rng(0).permutation(len(splits["test"]))[:_BLANKED_FILMS]
    results["blanked"] = blanked(network, [splits["test"][i] for i in order])
    results["saliency"] = saliency(network, splits["test"])
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    for part in ("settings", "by_view", "blanked", "saliency"):
        print(part, json.dumps(results[part]))


if __name__ == "__main__":
    main()
