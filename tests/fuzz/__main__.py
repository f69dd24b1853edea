"""``python -m tests.fuzz --cases 5000 --seed 77``: a campaign of any size, with other seeds.

The one of 100,000 cases is a test of ``make long``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .campaign import campaign, told


def main() -> int:
    said = argparse.ArgumentParser(prog="python -m tests.fuzz")
    said.add_argument("--cases", type=int, default=5000)
    said.add_argument("--seed", type=int, default=1, help="of the first round")
    said.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    said.add_argument("--log", type=Path)
    said.add_argument("--keep", type=Path, help="folder for files that made trouble")
    given = said.parse_args()
    total = campaign(given.cases, given.seed, seconds=given.seconds, log=given.log, keep=given.keep)
    print("\n".join(told(total, given.cases, given.seed)))
    return 1 if total.troubles else 0


if __name__ == "__main__":
    raise SystemExit(main())
