"""MAIRA-2's grounded text: sentences with boxes, in tokens.

``<obj>There is a nodule.<box><x10><y20><x30><y40></box></obj><obj>No effusion.</obj>``: a sentence
stands between ``<obj>`` and ``</obj>`` and may end in boxes whose corners are the middles of bins
over the picture (Bannur et al., "MAIRA-2: Grounded Radiology Report Generation", arXiv 2406.04449).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from cxr_agent.evidence import Box
from cxr_agent.models.adapters.pixels import Frame

_BINS: Final = 100
_ROUNDING: Final = 1e-6
"""Of a pixel: an edge on a border between two stays there."""
_SENTENCE: Final = re.compile(r"<obj>(.*?)</obj>", re.DOTALL)
_BOX: Final = re.compile(r"<box>\s*<x(\d+)>\s*<y(\d+)>\s*<x(\d+)>\s*<y(\d+)>\s*</box>")
_MARK: Final = re.compile(r"</?(?:obj|box)>|<[xy]\d+>")


@dataclass(frozen=True, slots=True)
class GroundedSentence:
    """One sentence, and where on the film it points."""

    text: str
    boxes: tuple[Box, ...]
    """Film pixels; empty where the sentence points nowhere."""


@dataclass(frozen=True, slots=True)
class Grounded:
    """A parsed text."""

    sentences: tuple[GroundedSentence, ...]
    malformed: bool
    """Something was not in the form above. The words are kept, boxes in doubt are not."""


def parse(text: str, frame: Frame, side: int) -> Grounded:
    """Sentences with boxes on the film.

    Parameters
    ----------
    text
        What the model wrote.
    frame
        Where its picture lies on the film.
    side
        Of that square picture, in pixels.
    """
    sentences: list[GroundedSentence] = []
    malformed = False
    end = 0
    for found in _SENTENCE.finditer(text):
        malformed |= _outside(text[end : found.start()], sentences)
        sentence, broken = _sentence(found[1], frame, side)
        malformed |= broken
        if sentence.text:
            sentences.append(sentence)
        end = found.end()
    marked = end > 0 or _MARK.search(text) is not None
    rest = text[end:]
    if marked:
        malformed |= _outside(rest, sentences)
    elif rest.strip():
        sentences.append(GroundedSentence(rest.strip(), ()))
    return Grounded(tuple(sentences), malformed)


def _outside(text: str, sentences: list[GroundedSentence]) -> bool:
    """Keep the words of what stands outside any sentence; whether there was anything."""
    words = " ".join(_MARK.sub(" ", text).split())
    if words:
        sentences.append(GroundedSentence(words, ()))
    return bool(text.strip())


def _sentence(inside: str, frame: Frame, side: int) -> tuple[GroundedSentence, bool]:
    boxes = []
    broken = False
    for corners in _BOX.findall(inside):
        box = _box([int(corner) for corner in corners], frame, side)
        if box is None:
            broken = True
        else:
            boxes.append(box)
    left = _BOX.sub(" ", inside)
    broken |= _MARK.search(left) is not None
    words = " ".join(_MARK.sub(" ", left).split())
    return GroundedSentence(words, tuple(boxes)), broken or not words


def _box(bins: list[int], frame: Frame, side: int) -> Box | None:
    left, top, right, bottom = ((number + 0.5) / _BINS * side for number in bins)
    if max(bins) >= _BINS or left > right or top > bottom:
        return None
    rows, columns = frame.film_shape
    x0, x1 = _pixels(frame.to_film(left, 0)[0], frame.to_film(right, 0)[0], columns)
    y0, y1 = _pixels(frame.to_film(0, top)[1], frame.to_film(0, bottom)[1], rows)
    return x0, y0, x1, y1


def _pixels(low: float, high: float, count: int) -> tuple[int, int]:
    """First pixel and the one after the last, at least one pixel and all on the film."""
    first = min(count - 1, max(0, math.floor(low + _ROUNDING)))
    return first, min(count, max(first + 1, math.ceil(high - _ROUNDING)))
