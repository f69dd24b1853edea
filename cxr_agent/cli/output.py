"""Names of results, and names as a terminal may show them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_MAX_NAME_BYTES: Final = 255
"""Of a file's name, on every usual file system."""


class Names:
    """Names for results, after the films' own; no two films of a run share one."""

    def __init__(self, ending: str = "") -> None:
        self._ending = ending
        self._taken: set[str] = set()

    def take(self, film: Path) -> str:
        """The film's name with our ending in place of its own, numbered from the second on."""
        name, count = _fitting(film.stem, self._ending), 1
        while name.casefold() in self._taken:
            count += 1
            name = _fitting(film.stem, f"-{count}{self._ending}")
        self._taken.add(name.casefold())
        return name


def _fitting(stem: str, rest: str) -> str:
    """``stem`` with ``rest`` behind it, cut where a file system allows no longer name."""
    room = _MAX_NAME_BYTES - len(rest)
    raw = os.fsencode(stem)
    return (stem if len(raw) <= room else raw[:room].decode(errors="ignore")) + rest


def shown_name(path: Path | str) -> str:
    """A file name as typed, safe for a terminal: control characters are shown, not obeyed."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(path))
