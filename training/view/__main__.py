"""All stages of the view model in order, from data to the shipped files.

    python -m training.view --extra DIR

About 15 minutes on two cores;
``--scale 0.02`` runs everything in minutes to see that it works.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.runs import keep_log, stages
from training.view.train import FOLDER


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path, required=True)
    parser.add_argument("--scale", type=float, default=1.0, help="of all training times")
    chosen = parser.parse_args()
    run = stages("view", chosen.shared, chosen.extra)
    run("train", "--minutes", str(8 * chosen.scale))
    keep_log(FOLDER, "view", Path("training/view/logs"))
    run("evaluate")
    run("card", data=False)


if __name__ == "__main__":
    main()
