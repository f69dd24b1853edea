"""All stages in order, from data to the shipped files.

    python -m training.anatomy --shared ../shared --extra DIR

About two hours on two cores;
``--scale 0.02`` runs everything in minutes to see that it works.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from training.anatomy.data import FOLDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path, required=True)
    parser.add_argument("--scale", type=float, default=1.0, help="of all training times")
    chosen = parser.parse_args()
    shared = ["--shared", str(chosen.shared)]
    extra = ["--extra", str(chosen.extra)]

    def run(module: str, *arguments: str) -> None:
        subprocess.run([sys.executable, "-m", f"training.anatomy.{module}", *arguments], check=True)

    def train(name: str, minutes: float, seed: int, *arguments: str) -> None:
        run(
            "train", "--name", name, "--minutes", str(minutes * chosen.scale),
            "--seed", str(seed), *shared, *arguments,
        )  # fmt: skip

    # The first stage is also the honest figure for a strange hospital: it sees JSRT alone.
    train("base", 42, 1)
    both = ("--sources", "jsrt,wingspan", "--start", "base", "--peak", "1e-3", *extra)
    for fold in range(FOLDS):
        train(f"fold{fold}", 9, 10 + fold, *both, "--hold-out", str(fold))
    train("final", 14, 21, *both)
    run("export", "--name", "final")
    run("evaluate", *shared, *extra)
    run("measured", *shared)
    run("card")


if __name__ == "__main__":
    main()
