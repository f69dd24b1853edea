"""Leaving out what a reasoning model thinks aloud: it is no answer and never becomes evidence.

Servers that know the model put its thoughts into a field of their own, which nobody here reads.
Others leave them in the text between ``<think>`` and ``</think>``, as Qwen3, DeepSeek-R1 and
X-Reasoner write them; where the prompt's template has opened them, the end alone is written.
"""

from __future__ import annotations

from typing import Final

_OPEN: Final = "<think>"
_CLOSE: Final = "</think>"


class Thoughts:
    """Takes a reply piece by piece and keeps what is said aloud."""

    def __init__(self) -> None:
        self._held = ""
        """What may be the beginning of a mark."""
        self._inside = False
        self.said = ""
        """All that was not thought, as far as it is known yet."""
        self.size = 0
        """Characters of everything, thoughts as well."""

    def take(self, piece: str) -> str:
        """Add a piece; returns what of it, and of what was held back, may be shown."""
        self.size += len(piece)
        self._held += piece
        shown = ""
        while True:
            mark = _CLOSE if self._inside else _OPEN
            start = self._held.find(mark)
            ended = -1 if self._inside else self._held.find(_CLOSE)
            if ended >= 0 and (start < 0 or ended < start):
                # The beginning stood in the prompt: all that came before was thought.
                self.said, shown = "", ""
                self._held = self._held[ended + len(_CLOSE) :]
                continue
            if start < 0:
                break
            if not self._inside:
                shown += self._held[:start]
                self.said += self._held[:start]
            self._held = self._held[start + len(mark) :]
            self._inside = not self._inside
        return shown + self._released()

    def end(self) -> str:
        """What was held back and turned out to be no mark."""
        rest = "" if self._inside else self._held
        self._held = ""
        self.said += rest
        return rest

    def _released(self) -> str:
        """What is surely no beginning of a mark."""
        kept = max(_half_mark(self._held, mark) for mark in (_OPEN, _CLOSE))
        cut = len(self._held) - kept
        free, self._held = self._held[:cut], self._held[cut:]
        if self._inside:
            return ""
        self.said += free
        return free


def _half_mark(text: str, mark: str) -> int:
    """How many last characters of a text begin a mark."""
    return next((n for n in range(len(mark) - 1, 0, -1) if text.endswith(mark[:n])), 0)
