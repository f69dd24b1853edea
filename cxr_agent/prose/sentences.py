"""Where sentences begin and end; no character that is not white space is lost."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_END: Final = re.compile(
    r"[.?!]+[\"')\]]*(?=\s|$)|(?<=[a-z]{3})\.(?=[A-Z][a-z])|\n\s*\n|\n(?=\s*(?:[-*•]|\d{1,2}[.)])\s)"
)
_ABBREVIATION: Final = re.compile(
    r"(?:^|\W)(?:dr|mr|mrs|ms|st|vs|e\.g|i\.e|etc|approx|p\.a|a\.p|no|cf|fig|resp|incl)\.$",
    re.IGNORECASE,
)
_MARK: Final = re.compile(r"\s*(?:[-*•]|\(?\d{1,2}[.)])$")
"""A bullet or a number before a sentence is no sentence."""


class Span(NamedTuple):
    """A part of a text, from ``start`` to before ``end``."""

    start: int
    end: int


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """The sentences of ``text[start:end]`` in order, without the white space around them.

    Together they hold every character that is not white space, each exactly once.
    """
    end = len(text) if end is None else end
    spans: list[Span] = []
    begun = start
    for match in _END.finditer(text, start, end):
        if _is_boundary(text[begun : match.end()], match.group()):
            spans.append(Span(begun, match.end()))
            begun = match.end()
    spans.append(Span(begun, end))
    stripped = (_stripped(text, span) for span in spans)
    return _with_marks(text, [span for span in stripped if span.start < span.end])


def _is_boundary(so_far: str, ending: str) -> bool:
    if ending.strip() == "":
        return True
    return not (ending == "." and (_ABBREVIATION.search(so_far) or _MARK.fullmatch(so_far)))


def _stripped(text: str, span: Span) -> Span:
    part = text[span.start : span.end]
    lead = len(part) - len(part.lstrip())
    return Span(span.start + lead, span.start + len(part.rstrip()) if part.strip() else span.start)


def _with_marks(text: str, spans: list[Span]) -> list[Span]:
    """Points and marks without a word go with the sentence before them, or after the first."""
    joined: list[Span] = []
    for span in spans:
        if joined and not (_tells(text, span) and _tells(text, joined[-1])):
            joined[-1] = Span(joined[-1].start, span.end)
        else:
            joined.append(span)
    return joined


def _tells(text: str, span: Span) -> bool:
    return any(c.isalnum() for c in text[span.start : span.end])
