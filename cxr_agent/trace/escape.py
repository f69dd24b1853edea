"""Data on a terminal: a trace holds text that others wrote, which must not steer the screen."""

from __future__ import annotations

import json
import unicodedata
from typing import Final

from pydantic import JsonValue

_LONGEST: Final = 240
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that move the cursor, turn the writing direction, or show nothing."""


def visible(text: str, longest: int = _LONGEST) -> str:
    """``text`` on one line, with every control or invisible character spelled out.

    Parameters
    ----------
    text
        Any text.
    longest
        Characters shown; what is cut is marked with its length.
    """
    shown = "".join(_spelled(character) for character in text[:longest])
    cut = len(text) - longest
    return f"{shown}... ({cut} more)" if cut > 0 else shown


def compact(value: JsonValue, longest: int = _LONGEST) -> str:
    """JSON on one line, as :func:`visible` text."""
    return visible(json.dumps(value, ensure_ascii=False, sort_keys=True), longest)


def _spelled(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    number = ord(character)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
