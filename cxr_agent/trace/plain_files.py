"""PNG and SVG files down to what is drawn: no words, dates or scripts beside it."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_DRAWN: Final = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
"""Chunks that hold pixels."""
_COLOUR: Final = 2
"""Bit of the colour type in a PNG's header."""
_SVG: Final = "{http://www.w3.org/2000/svg}"
_ELEMENTS: Final = frozenset(("svg", "g", "line", "polyline", "polygon", "path", "circle", "title"))
_NUMBERS: Final = re.compile(r"[MLHVCSQTAZmlhvcsqtaz0-9eE.,\s+-]*")
_PLAIN: Final = re.compile(r"#[0-9a-fA-F]{3,8}|none|round|butt|square|miter|bevel")
_NAME: Final = "data-name"


def is_png(data: bytes) -> bool:
    return data.startswith(_PNG)


def coloured(png: bytes) -> bool:
    """Whether a PNG has colours: then a film shows through under what is drawn."""
    return len(png) > 25 and bool(png[25] & _COLOUR)


def plain_png(data: bytes) -> bytes:
    """The PNG with the chunks alone that hold pixels; raises ValueError for a broken one."""
    kept, at = [_PNG], len(_PNG)
    while at < len(data):
        if at + 12 > len(data):
            raise ValueError("cut off")
        (length,) = struct.unpack(">I", data[at : at + 4])
        end = at + 12 + length
        kind = data[at + 4 : at + 8]
        if end > len(data):
            raise ValueError("cut off")
        if kind in _DRAWN:
            kept.append(data[at:end])
        if kind == b"IEND":
            return b"".join(kept)  # what follows is no part of the picture
        at = end
    raise ValueError("no end")


def plain_svg(data: bytes, said: Callable[[str], str]) -> bytes:
    """The SVG's lines, its titles and names through ``said``; raises ValueError for what is none.

    Written anew from the few elements and kinds of values that this program draws with.
    """
    # No document type, so no entities, and no comments; nor UTF-16, where they are not seen.
    if b"<!" in data or b"\0" in data:
        raise ValueError("more than drawn lines")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - it declares no entities, see above
    except ElementTree.ParseError:
        raise ValueError("no XML") from None
    if root.tag != f"{_SVG}svg":
        raise ValueError("no SVG")
    return _element(root, said, ' xmlns="http://www.w3.org/2000/svg"').encode()


def _element(element: ElementTree.Element, said: Callable[[str], str], more: str = "") -> str:
    tag = element.tag.removeprefix(_SVG)
    if tag not in _ELEMENTS:
        raise ValueError("an element that is not drawn with here")
    kept = more
    for name, value in element.attrib.items():
        if name == _NAME:
            value = said(value)
        elif not (_NUMBERS.fullmatch(value) or _PLAIN.fullmatch(value)):
            continue
        kept += f' {name}="{escape(value, {chr(34): "&quot;"})}"'
    text = escape(said(element.text)) if tag == "title" and element.text else ""
    inner = "".join(_element(child, said) for child in element)
    return f"<{tag}{kept}>{text}{inner}</{tag}>"
