"""How far a negation or a doubt reaches in a sentence.

After NegEx (Chapman et al., 2001): a cue reaches over a list of nouns, and ends where a new
statement begins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cxr_agent.prose.phrases import Mention

_SEPARATOR: Final = re.compile(
    r"[;:]|\.(?=\s)|,\s*(?:and|or|but|nor)\b|,(?!\d)|\b(?:and|or|but|nor|with)\b(?!\s*/)"
)
_SEEN: Final = (
    r"seen|identified|noted|present|evident|visuali[sz]ed|demonstrated|detected|appreciated"
    r"|observed|found|suspected|apparent|visible|suggested|possible|excluded|likely|probable"
)
_PREDICATE: Final = re.compile(
    r"\b(?:is|are|was|were|has|have|remains?|appears?|shows?|demonstrates?|measures?|contains?)\b"
    rf"(?!\s+(?:\w+ly\s+)?(?:{_SEEN})\b)"
)
_VERB: Final = re.compile(
    r"\b(?:is|are|was|were|has|have|had|remains?|appears?|shows?|demonstrates?|measures?"
    r"|contains?|represents?|may|might|could)\b"
)
_HARD: Final = re.compile(r"[;.]|\bbut\b")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a sentence between commas, conjunctions and the like."""

    start: int
    end: int
    separator: str
    """What stands before it."""
    clause: int
    """Number of the statement that it belongs to."""

    def holds(self, mention: Mention) -> bool:
        return self.start <= mention.start < self.end


class Layout:
    """The chunks of one sentence, and how far a cue in one of them reaches.

    Parameters
    ----------
    text
        In lower case.
    ends
        Words after which nothing before them reaches.
    openers
        Sides and degrees: after a lone comma they begin something new, if it has a finding.
    kept
        Findings: a separator inside does not cut them.
    cues
        Words of negation and doubt, which are not cut either.
    """

    def __init__(
        self,
        text: str,
        ends: Sequence[Mention],
        openers: Sequence[Mention],
        kept: Sequence[Mention],
        cues: Sequence[Mention] = (),
    ) -> None:
        self._text = text
        self._ends = sorted(one.start for one in ends)
        self._openers = {one.start for one in openers}
        self._kept = kept
        self._uncut = (*kept, *cues)
        self.chunks = self._cut()

    def _cut(self) -> list[Chunk]:
        edges = [
            (match.start(), match.end(), match.group())
            for match in _SEPARATOR.finditer(self._text)
            if not any(one.start < match.start() and match.end() <= one.end for one in self._uncut)
        ]
        edges = sorted([*edges, *((end, end, ";") for end in self._ends)])
        starts = [(0, ""), *((end, separator) for _, end, separator in edges)]
        stops = [*(start for start, *_ in edges), len(self._text)]
        chunks: list[Chunk] = []
        clause = 0
        for (start, separator), stop in zip(starts, stops, strict=True):
            so_far = [c for c in chunks if c.clause == clause]
            said = any(_VERB.search(self._text[c.start : c.end]) for c in so_far)
            if chunks and (_HARD.search(separator) or self._opens(start, stop, separator, said)):
                clause += 1
            chunks.append(Chunk(start, stop, separator, clause))
        return chunks

    def _opens(self, start: int, stop: int, separator: str, said: bool) -> bool:
        """Whether a chunk makes a statement of its own.

        With "and" before it, only where the clause has its verb already: "cardiomegaly and left
        effusion are unchanged" is one statement.
        """
        part = self._text[start:stop]
        if separator == "with":
            return False
        predicate = _PREDICATE.search(part)
        if predicate is not None and part[: predicate.start()].strip():
            return said or separator == ","
        first = start + len(part) - len(part.lstrip())
        named = any(start <= one.start < stop for one in self._kept)
        lone = (
            named
            and separator == ","
            and not re.search(r"\b(?:or|and|nor)\b|/", self._text[start:])
        )
        return lone and first in self._openers

    def chunk_of(self, mention: Mention) -> Chunk:
        """The chunk that a mention begins in."""
        return next((c for c in self.chunks if c.holds(mention)), self.chunks[-1])

    def forward(self, cue: Mention) -> int:
        """The offset up to which a cue reaches over what follows."""
        home = self.chunk_of(cue)
        stop = len(self._text)
        for chunk in self.chunks:
            if chunk.start > home.start and (
                chunk.clause != home.clause or chunk.separator == "with"
            ):
                stop = chunk.start
                break
        return min([stop, *(end for end in self._ends if end >= cue.end)])

    def backward(self, cue: Mention) -> int:
        """The offset from which a cue reaches back from."""
        home = self.chunk_of(cue)
        begin = home.start
        for chunk in reversed(self.chunks[: self.chunks.index(home)]):
            if chunk.clause != home.clause or _VERB.search(self._text[chunk.start : chunk.end]):
                break
            begin = chunk.start
        return max([begin, *(end for end in self._ends if end < cue.start)])
