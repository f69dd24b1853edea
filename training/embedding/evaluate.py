"""Every figure of the embedding, into training/embedding/results.json.

    python -m training.embedding.evaluate --extra DIR

Beside the embedding stand two baselines on the same films: the raw pixels of a 32 px thumbnail,
and the same network with the random weights that it was born with.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cxr_agent.models.card import Figure
from cxr_agent.models.networks.embedding import INPUT_SIZE, EmbeddingNet
from training.embedding.retrieval import precision_at, recall_at_one
from training.embedding.train import FOLDER, embed, films_of
from training.figures import share, show
from training.films import sets
from training.films.film import Film
from training.findings.train import tiles_of

RESULTS = Path("training/embedding/results.json")
_THUMBNAIL = 32


def network_of(name: str = "embedding") -> EmbeddingNet:
    """The averaged weights of one run."""
    network = EmbeddingNet()
    network.load_state_dict(torch.load(FOLDER / f"{name}.pt", weights_only=True))
    return network.eval()


def thumbnails(tiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Raw pixels, standardised, as unit vectors."""
    step = tiles.shape[1] // _THUMBNAIL
    shape = (len(tiles), _THUMBNAIL, step, _THUMBNAIL, step)
    flat = tiles.reshape(shape).mean((2, 4)).reshape(len(tiles), -1)
    flat = flat - flat.mean(1, keepdims=True)
    unit: NDArray[np.float32] = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    return unit


def strangeness(network: EmbeddingNet, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) one minus the likeness to the nearest prototype."""
    nearest: NDArray[np.float32] = 1 - (vectors @ network.prototypes.numpy().T).max(1)
    return nearest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path, required=True)
    chosen = parser.parse_args()
    torch.set_num_threads(2)
    network = network_of()
    torch.manual_seed(0)
    newborn = EmbeddingNet().eval()
    everything = sets.chest_films(chosen.shared, chosen.extra)
    test = films_of(chosen.shared, chosen.extra, "test")
    groups: dict[str, list[Film]] = {
        "ChestX-ray14, test patients": [f for f in test if f.source == "nih"],
        "COVID-19 case reports, test patients": [f for f in test if f.source == "covid"],
        "CheXpert, never seen": [
            f for f in everything if f.source == "chexpert" and f.view != "lateral"
        ],
        "VinDr-CXR, never seen": [f for f in everything if f.source == "vindr"],
    }
    figures: list[Figure] = []
    for name, films in groups.items():
        tiles = tiles_of(films, INPUT_SIZE)
        for way, vectors in (
            ("", embed(network, tiles)),
            ("raw pixels", thumbnails(tiles)),
            ("random features", embed(newborn, tiles)),
        ):
            precision, recall = precision_at(vectors, films, 5), recall_at_one(vectors, films)
            if name != "COVID-19 case reports, test patients":  # all of them are ill alike
                figures.append(share(name, "same finding, precision at 5", precision, way))
            if len(recall) >= 20:
                figures.append(share(name, "same patient, recall at 1", recall, way))
    validation = films_of(chosen.shared, chosen.extra, "validation")
    far = strangeness(network, embed(network, tiles_of(validation, INPUT_SIZE)))
    limit = round(float(np.quantile(far, 0.99)), 5)
    others = {
        **groups,
        "children": [f for f in everything if f.source == "kermany" and f.split == "test"],
        "side views": sets.laterals(chosen.extra),
        "pictures of other things": sets.other_pictures(chosen.extra),
    }
    for name, films in others.items():
        distance = strangeness(network, embed(network, tiles_of(films, INPUT_SIZE)))
        hits = (distance >= limit).astype(np.float64)
        figures.append(share(name, "share called strange", hits))
    train = films_of(chosen.shared, chosen.extra, "train")
    results: dict[str, Any] = {
        "limits": {"strangeness": limit},
        "trained_on": {"films": sets.count_by_source(train), "people": sets.people(train)},
        "figures": [figure.model_dump(mode="json") for figure in figures],
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(limit)
    show(figures)


if __name__ == "__main__":
    main()
