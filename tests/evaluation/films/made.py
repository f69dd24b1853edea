"""Tiny film sets in the formats of the public ones, written as their authors write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

CHEXPERT_LABELS = (
    "No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,"
    "Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,"
    "Support Devices"
)


def picture(path: Path, size: tuple[int, int] = (40, 30)) -> Path:
    """A grey picture of (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size[::-1], 90, np.uint8)).save(path)
    return path


def plane(path: Path, values: np.ndarray) -> Path:
    """An 8-bit PNG of these values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(path)
    return path


def text(path: Path, *lines: str) -> Path:
    """A text file of these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
