"""Values out of a trace, made harmless for a page that shows them as text."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Final

_KEPT: Final = frozenset("\n\t")
# Characters that turn the reading direction around can make a text say what it does not hold.
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ESCAPED: Final = {
    ord("<"): "\\u003c",
    ord(">"): "\\u003e",
    ord("&"): "\\u0026",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


def harmless(value: Any) -> Any:
    """The value with control and direction characters replaced in every text of it."""
    match value:
        case str():
            return _text(value)
        case dict():
            return {_text(str(name)): harmless(item) for name, item in value.items()}
        case list() | tuple():
            return [harmless(item) for item in value]
        case _:
            return value


def embedded(value: Any) -> str:
    """JSON that can stand in a page: it holds no character that HTML could act upon."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPED)


def _text(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if _steers(c) else c for c in text)


def _steers(character: str) -> bool:
    if character in _KEPT:
        return False
    return character in _BIDI or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
