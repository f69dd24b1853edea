"""A batch in a process of its own, to be killed: says what is settled, as soon as it is."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.batch.fake import fake_batch, studies_in


def main() -> None:
    """``python -m tests.batch.killed OUT TEXTS SECONDS``."""
    out, texts, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    with fake_batch(out, studies_in(texts), seconds=seconds, workers=2) as batch:
        print("workers", flush=True)
        for one in batch.fresh():
            print("settled", one.study.name, one.run, flush=True)
        print("end", flush=True)


if __name__ == "__main__":
    main()
