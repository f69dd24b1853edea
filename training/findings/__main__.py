"""All stages of the findings classifier in order, from data to the shipped files.

    python -m training.findings --extra DIR

After ``python -m training.pretrain``. About 55 minutes on two cores;
``--scale 0.02`` runs everything in minutes to see that it works.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.findings.train import FOLDER
from training.runs import keep_log, stages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path, required=True)
    parser.add_argument("--scale", type=float, default=1.0, help="of all training times")
    chosen = parser.parse_args()
    run = stages("findings", chosen.shared, chosen.extra)

    def train(name: str, minutes: float, seed: int, sources: str) -> None:
        run(
            "train", "--name", name, "--minutes", str(minutes * chosen.scale),
            "--seed", str(seed), "--sources", sources,
        )  # fmt: skip
        keep_log(FOLDER, name, Path("training/findings/logs"))

    # The first two see some sets alone: how far a figure falls on the others is their test.
    train("nih", 11, 1, "nih")
    train("tuberculosis", 3, 1, "jsrt,montgomery,shenzhen")
    train("final", 25, 2, "nih,jsrt,montgomery,shenzhen")
    run("evaluate")
    run("card", data=False)


if __name__ == "__main__":
    main()
