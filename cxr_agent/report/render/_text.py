"""Text that came from data, made harmless for a screen, a page or a Markdown file."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# A whole escape sequence goes, not only its first byte: "[31m" left behind would be noise.
_ESCAPES: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\x9c|$)"  # OSC, DCS and kin: titles, hyperlinks
    r"|\x1b[ -/]*[0-~]"  # two-byte escapes
    r"|\x9b[0-?]*[ -/]*[@-~]",  # CSI as one byte
    re.DOTALL,
)
# Characters that turn the reading direction around can make a text say what it does not hold.
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKS: Final = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_SPACES: Final = re.compile(r"\s+")

_INTRAWORD: Final = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_PUNCTUATION: Final = re.compile(r"([\\`*\[\]{}|~$#])")
_LINE_START: Final = re.compile(r"^([-+=]|\d+(?=[.)](?:\s|$)))")


def lines(text: str) -> list[str]:
    """The lines of a text without control characters, each with single spaces."""
    text = _ESCAPES.sub("", text)
    return [_line(part) for part in _BREAKS.split(text)]


def clean(text: str) -> str:
    """The text on one line, without control characters."""
    return " ".join(part for part in lines(text) if part)


def markdown(text: str) -> str:
    """The text cleaned and escaped, so that Markdown shows it as it stands.

    HTML is escaped by entities, which every renderer understands; addresses are broken so that
    no renderer makes links of them. An underscore within a word means nothing and stays.
    """
    text = clean(text)
    text = _PUNCTUATION.sub(r"\\\1", text)
    text = _INTRAWORD.sub(r"\\_", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = text.replace("://", "\\://").replace("@", "\\@")
    text = re.sub(r"(?i)\bwww\.", lambda found: found[0][:-1] + "\\.", text)
    return _LINE_START.sub(_escape_start, text)


def _escape_start(found: re.Match[str]) -> str:
    mark = found[0]
    # "1." starts a list and a digit takes no backslash.
    return f"&#{ord(mark[0])};{mark[1:]}" if mark[0].isdigit() else f"\\{mark}"


def _line(text: str) -> str:
    kept = "".join(
        " " if character == "\t" else character
        for character in text
        if character == "\t"
        or (unicodedata.category(character) not in {"Cc", "Cs"} and character not in _BIDI)
    )
    return _SPACES.sub(" ", kept).strip()
