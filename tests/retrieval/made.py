"""Stores of made vectors, and films on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from cxr_agent.evidence import Polarity
from cxr_agent.retrieval import Item, Store
from cxr_agent.retrieval.store import Looked, SourceFile
from cxr_agent.study import FloatImage
from tests.models.adapters import tiny

DIMENSIONS = 256


def clustered(count: int, seed: int = 0) -> FloatImage:
    """(count, 256) unit vectors around 64 centres, as films lie around their findings."""
    draw = np.random.default_rng(seed)
    centres = draw.standard_normal((64, DIMENSIONS))
    vectors = centres[draw.integers(0, 64, count)] + 0.7 * draw.standard_normal((count, DIMENSIONS))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def looked(number: int, vector: FloatImage, patient: str | None = None) -> Looked:
    """A third of the films have an effusion, a third have none, of a third nobody says."""
    labels = [{"pleural_effusion": Polarity.PRESENT}, {"pleural_effusion": Polarity.ABSENT}, {}]
    item = Item(
        sha256=f"{number:064x}",
        source=f"/films/{number}.png",
        patient=patient or f"p{number // 2}",
        labels=labels[number % 3],
    )
    return Looked(SourceFile(item.source, 1, number), item, vector)


def filled(folder: Path, vectors: FloatImage) -> Store:
    store = Store(folder, embedding="made 1", create=True)
    store.record([looked(number, vector) for number, vector in enumerate(vectors)])
    return store


def films(folder: Path, count: int) -> Path:
    """Small pictures that the decoder takes for films, each different."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, columns = np.mgrid[0:256, 0:256] / 256
    for number in range(count):
        draw = np.random.default_rng(number)
        waves = sum(
            np.sin(2 * np.pi * (a * rows + b * columns) + c)
            for a, b, c in draw.uniform(0.5, 4, (4, 3))
        )
        grey = (127 + 30 * waves + draw.normal(0, 3, waves.shape)).clip(0, 255)
        Image.fromarray(grey.astype(np.uint8)).save(folder / f"film-{number:03}.png")
    return folder


def checkpoint(folder: Path, family: str, seed: int = 0) -> Path:
    """A new folder with a tiny random network: ``sentence``, ``clip`` or ``dinov2``."""
    import torch

    folder.mkdir()
    torch.manual_seed(seed)
    {"sentence": tiny.sentence, "clip": tiny.clip, "dinov2": tiny.dinov2}[family](folder)
    return folder
