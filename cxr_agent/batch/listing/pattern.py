"""Patterns of paths like ``films/**/*.dcm``."""

from __future__ import annotations

import fnmatch
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from cxr_agent.batch.listing.walk import Steps

_MAGIC: Final = re.compile(r"[*?[]")
_ANY_DEPTH: Final = "**"


def is_pattern(text: str) -> bool:
    """Whether a text holds something to be filled in."""
    return bool(_MAGIC.search(text))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A folder, and what the steps of a path from there on look like."""

    root: Path
    steps: tuple[re.Pattern[str] | None, ...]
    """None stands for any number of folders."""

    @classmethod
    def of(cls, text: str) -> Pattern:
        """The pattern of a text in which :func:`is_pattern` found one."""
        parts = PurePath(text).parts
        first = next(n for n, part in enumerate(parts) if is_pattern(part))
        steps = [
            None if part == _ANY_DEPTH else re.compile(fnmatch.translate(os.path.normcase(part)))
            for part in parts[first:]
        ]
        if steps[-1] is None:  # whatever lies there
            steps.append(re.compile(r"(?s:.*)"))
        return cls(Path(*parts[:first]), tuple(steps))

    def takes(self, path: Steps) -> bool:
        """Whether the pattern fits a file."""
        return len(self.steps) in self._reached(path)

    def enters(self, path: Steps) -> bool:
        """Whether the pattern may fit something below a folder."""
        return any(at < len(self.steps) for at in self._reached(path))

    def _reached(self, path: Steps) -> set[int]:
        """How many steps of the pattern a path can have used up."""
        at = self._beyond({0})
        for name in path:
            after = set()
            for n in at:
                if n == len(self.steps):
                    continue
                step = self.steps[n]
                if step is None:
                    after.add(n)
                elif step.fullmatch(os.path.normcase(name)):
                    after.add(n + 1)
            at = self._beyond(after)
        return at

    def _beyond(self, at: set[int]) -> set[int]:
        """With the places that are reached by taking ``**`` for no folder."""
        reached = set(at)
        for n in sorted(at):
            while n < len(self.steps) and self.steps[n] is None:
                n += 1
                reached.add(n)
        return reached
