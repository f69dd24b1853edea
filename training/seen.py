"""Write ``kb/training_films.txt``: training films that no name and no split gives away.

    python -m training.seen

wingspan's films are numbered, and all of them were trained on; an evaluation knows them by their
content.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from training.anatomy import data

LISTED = Path("kb/training_films.txt")
_HEAD = """\
# Films that the shipped anatomy model was trained on and that nothing else gives away: the first 16
# digits of the SHA-256 of each file of wingspan (Dong et al., 2018, 512 px PNG). Written by
# `python -m training.seen`.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    shared = parser.parse_args().shared
    films = [film for fold in data.wingspan(shared) for film in fold]
    digests = sorted(hashlib.sha256(film.image.read_bytes()).hexdigest()[:16] for film in films)
    LISTED.write_text(_HEAD + "".join(f"{one}\n" for one in digests), encoding="utf-8")


if __name__ == "__main__":
    main()
