"""Names that are unique, printable and the same in every run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

MAX_NAME: Final = 400
"""Characters."""


@dataclass(slots=True)
class Names:
    """The names of one listing."""

    _taken: dict[str, int] = field(default_factory=dict)
    """Names, and how often each was wanted."""

    def give(self, wanted: str) -> str:
        """``wanted``, readable, and with a number where it was given before."""
        name = shown = safe(wanted)
        while name in self._taken:
            self._taken[shown] += 1
            name = f"{shown} #{self._taken[shown]}"
        self._taken[name] = 1
        return name


def safe(text: str) -> str:
    """On one line, without characters that cannot be seen or reorder others; never empty."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text).strip()
    if len(shown) > MAX_NAME:
        digest = hashlib.sha256(shown.encode()).hexdigest()[:12]
        shown = f"{shown[: MAX_NAME - 16]}...{digest}"
    return shown or "unnamed"
