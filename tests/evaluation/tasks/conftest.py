"""A small set of drawn films, as a user would lay out their own."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.testing.phantom import PhantomSpec, draw

RATIOS = (0.42, 0.46, 0.6, 0.63)
REPORTS = (
    "The lungs are clear. The heart size is normal.",
    "No pleural effusion. The cardiac silhouette is not enlarged.",
    "The heart is enlarged. No pneumothorax.",
    "Cardiomegaly. Small left pleural effusion.",
)


@pytest.fixture(scope="session")
def own_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four films of three patients, with ratio, label, report, and days for two of them."""
    folder = tmp_path_factory.mktemp("own")
    with (folder / "cases.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "patient", "view", "days", "ctr", "cardiomegaly", "report"])
        for place, (ratio, text) in enumerate(zip(RATIOS, REPORTS, strict=True)):
            pixels = draw(PhantomSpec(cardiothoracic_ratio=ratio), 384).pixels
            name = f"film-{place}.png"
            Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(folder / name)
            (folder / f"{place}.txt").write_text(text)
            patient = "MARTHA" if place in (0, 2) else f"patient-{place}"
            days = {0: "0", 2: "40"}.get(place, "")
            rows.writerow([name, patient, "PA", days, ratio, int(ratio > 0.5), f"{place}.txt"])
    return folder
