"""A folder for temporary files, of which everything is kept that was ever in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_EVERY_S = 0.01


@contextmanager
def watched(folder: Path) -> Iterator[dict[str, bytes]]:
    """The content of each file, by path, as it was when it was seen last."""
    seen: dict[str, bytes] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(_EVERY_S):
            _look(folder, seen)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
        _look(folder, seen)


def _look(folder: Path, seen: dict[str, bytes]) -> None:
    try:
        for path in folder.rglob("*"):
            name = str(path.relative_to(folder))
            if path.is_file():
                seen[name] = path.read_bytes()
            else:
                seen.setdefault(name, b"")
    except OSError:  # it went away meanwhile
        return
