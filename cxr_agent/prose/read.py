"""From a sentence to its claims."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final

from cxr_agent.evidence import Change, Location, Severity, Side
from cxr_agent.knowledge import certainty_levels, report_lexicon
from cxr_agent.prose.claims import Claim, Status
from cxr_agent.prose.phrases import Mention, Table, mentions, table_of, words_of
from cxr_agent.prose.quantities import Quantity, quantities
from cxr_agent.prose.scope import Chunk, Layout

MOST_CHARACTERS: Final = 1_000
"""Of a sentence; what comes after is kept as text and not read."""
_MIDLINE: Final = ("Cardiovascular",)
"""Sections whose findings have no side."""
_WHOLE: Final = ("negation_before", "negation_after", "doubt_before", "doubt_after")
_CUES: Final = {
    "recommend": ("recommend",),
    "compared": ("compared",),
    "limits": ("limits",),
    "past": ("past",),
    "doubt": ("doubt_before", "doubt_after"),
}
_NOT_CHANGE: Final = (
    "increased opacity",
    "increased density",
    "increased lucency",
    "increased interstitial",
    "increased markings",
    "increased opacification",
    "increased attenuation",
    "increased retrosternal",
    "increased ap diameter",
    "decreased lung volume",
    "reduced lung volume",
    "better seen",
    "increased kyphosis",
)
"""What is denser than it should be, not than it was."""
_INERT: Final = table_of((("", _NOT_CHANGE),))


@dataclass(frozen=True, slots=True)
class ReadSentence:
    """A sentence, its claims, and what else was recognised in it."""

    text: str
    claims: tuple[Claim, ...]
    places: tuple[Mention, ...]
    """Anatomy that is named, by the codes of the lexicon."""
    sides: tuple[Mention, ...]
    """Sides that are named."""
    cues: frozenset[str]
    """Kinds of cue that it holds: ``recommend``, ``compared``, ``limits``, ``past``, ``doubt``."""
    static: tuple[str, ...] = ()
    """Phrases that say what is denser or larger than it should be, not than it was."""


def words_read(read: ReadSentence) -> frozenset[str]:
    """The words of a sentence that its claims account for, so that none of them says more."""
    if not read.claims:
        return frozenset()
    lower = read.text.lower()
    found = list(read.places)
    if any(claim.kind == "normal" for claim in read.claims):
        found += mentions(lower, _cue_table("normal"))
    told = [claim for claim in read.claims if claim.kind == "finding"]
    for claim in told:
        found += mentions(lower, _seen_as(claim.code))
    for group, wanted in (
        ("side", any(claim.side is not None for claim in read.claims)),
        ("severity", any(claim.severity for claim in told)),
        ("change", any(claim.change is not None for claim in read.claims)),
    ):
        if wanted:
            found += mentions(lower, _tables()[group])
    if told:
        found += mentions(lower, _INERT)
        for kind in (*_WHOLE, "framing"):
            found += mentions(lower, _cue_table(kind))
    named = {
        word
        for claim in read.claims
        for word in words_of(lower[claim.start : claim.end])
        if {word, word.removesuffix("s"), word.removesuffix("es")} & _named(claim.kind, claim.code)
    }
    return frozenset(named.union(*(words_of(lower[one.start : one.end]) for one in found)))


@lru_cache(maxsize=512)
def _named(kind: str, code: str) -> frozenset[str]:
    """The words of the phrases for a claim; what stands in a phrase's gap is none of them."""
    phrases = dict(_tables()["anatomy" if kind == "normal" else kind].phrases)[code]
    return frozenset().union(*map(words_of, phrases))


@lru_cache(maxsize=8192)
def read_sentence(text: str) -> ReadSentence:
    """Read one sentence; what it does not claim is left out, never guessed."""
    return _Reader(text[:MOST_CHARACTERS].lower().ljust(1)).read(text)


@dataclass(frozen=True)
class _Reader:
    text: str
    _found: dict[str, list[Mention]] = field(default_factory=dict)
    """Cues by their kind: each is asked for several times."""

    def read(self, original: str) -> ReadSentence:
        claims = [*self._findings(), *self._normal(), *self._measurements()]
        return ReadSentence(
            text=original,
            claims=tuple(sorted(claims, key=lambda claim: (claim.start, claim.end))),
            places=tuple(self.places),
            sides=tuple(self.sides),
            static=tuple(self.text[one.start : one.end] for one in (*self._inert, *self.findings)),
            cues=frozenset(
                kind for kind, made_by in _CUES.items() if any(map(self._cues, made_by))
            ),
        )

    # What stands in the sentence.

    @cached_property
    def findings(self) -> list[Mention]:
        return mentions(self.text, _tables()["finding"])

    @cached_property
    def places(self) -> list[Mention]:
        return mentions(self.text, _tables()["anatomy"])

    @cached_property
    def sides(self) -> list[Mention]:
        return mentions(self.text, _tables()["side"])

    @cached_property
    def severities(self) -> list[Mention]:
        return mentions(self.text, _tables()["severity"])

    @cached_property
    def _inert(self) -> list[Mention]:
        return mentions(self.text, _INERT)

    @cached_property
    def changes(self) -> list[Mention]:
        found = mentions(self.text, _tables()["change"])
        return [one for one in found if not any(one.overlaps(other) for other in self._inert)]

    @cached_property
    def numbers(self) -> list[Quantity]:
        return quantities(self.text)

    @cached_property
    def layout(self) -> Layout:
        openers = [*self.sides, *self.severities]
        cues = [one for kind in _WHOLE for one in self._cues(kind)]  # "consistent with" is one cue
        ends = [
            one for one in self._cues("ends") if not any(one.within(c.start, c.end) for c in cues)
        ]
        return Layout(self.text, ends, openers, self.findings, cues)

    def _cues(self, kind: str) -> list[Mention]:
        if kind not in self._found:
            self._found[kind] = mentions(self.text, _cue_table(kind))
        return self._found[kind]

    @cached_property
    def _negations(self) -> list[tuple[Mention, int, int]]:
        """Each with the offsets that it reaches from and to."""
        inert = self._cues("not_negation")
        return self._reaching("negation_before", "negation_after", inert)

    @cached_property
    def _doubts(self) -> list[tuple[Mention, int, int]]:
        return self._reaching("doubt_before", "doubt_after", ())

    def _reaching(
        self, before: str, after: str, inert: Sequence[Mention]
    ) -> list[tuple[Mention, int, int]]:
        found = [(cue, cue.start, self.layout.forward(cue)) for cue in self._cues(before)]
        for cue in self._cues(after):
            chunk = self.layout.chunk_of(cue)
            if not any(one.start >= cue.end and chunk.holds(one) for one in self.findings):
                found.append((cue, self.layout.backward(cue), cue.end))
        return [one for one in found if not any(one[0].overlaps(other) for other in inert)]

    # Findings.

    def _findings(self) -> Iterable[Claim]:
        advice = min((cue.start for cue in self._cues("recommend")), default=len(self.text))
        for mention in self.findings:
            if mention.start < advice:
                yield self._finding(mention)

    def _finding(self, mention: Mention) -> Claim:
        chunks = self._around(mention)
        words = report_lexicon().finding[mention.code]
        status, level = self._status(mention)
        side = None if words.section in _MIDLINE else self._side(mention, chunks)
        places = self._within(self.places, chunks)
        return Claim(
            kind="finding",
            code=mention.code,
            text=self.text[mention.start : mention.end],
            start=mention.start,
            end=mention.end,
            status=status,
            level=level,
            side=side,
            locations=_locations(places, side),
            places=tuple(dict.fromkeys(place.code for place in places)),
            severity=self._severity(mention, chunks),
            change=self._change(mention, chunks),
            quantities=tuple(
                one for one in self.numbers if any(c.start <= one.start < c.end for c in chunks)
            ),
            morphology=self._modifiers("morphology", chunks),
            distribution=self._modifiers("distribution", chunks),
            onset=self._modifiers("onset", chunks),
            past=any(cue.end <= mention.start for cue in self._cues("past")),
        )

    def _status(self, mention: Mention) -> tuple[Status, str | None]:
        def over(cue: tuple[Mention, int, int]) -> bool:
            # "heart ~ enlarged" has its negation inside it.
            return cue[1] <= mention.start < cue[2] or cue[0].within(mention.start, mention.end)

        denied = any(map(over, self._negations))
        doubts = [cue for cue, *_ in filter(over, self._doubts)]
        if not doubts:
            return (Status.NEGATIVE if denied else Status.POSITIVE), None
        nearest = min(doubts, key=lambda cue: abs(cue.start - mention.start))
        level = _level_of(self.text[nearest.start : nearest.end])
        if denied and level in ("very_likely", "probable"):
            level = "unlikely"
        negative = denied or level in ("less_likely", "unlikely")
        return (Status.NEGATIVE if negative else Status.POSITIVE), level

    def _around(self, mention: Mention) -> list[Chunk]:
        """The mention's chunk, and those beside it that speak of nothing else."""
        home = self.layout.chunk_of(mention)
        clause = [c for c in self.layout.chunks if c.clause == home.clause]
        holding = [c for c in clause if any(c.holds(one) for one in self.findings)]
        # A mention may reach over a chunk's end.
        covered = [c for c in clause if mention.start < c.end and c.start < mention.end]
        owned = [
            c
            for c in clause
            if c not in holding
            and (
                max((h for h in holding if h.start < c.start), default=None, key=_start)
                or min(holding, key=_start)
            )
            is home
        ]
        return list(dict.fromkeys((*covered, home, *owned)))

    def _within(self, found: Sequence[Mention], chunks: Sequence[Chunk]) -> list[Mention]:
        return [one for one in found if any(chunk.holds(one) for chunk in chunks)]

    def _side(self, mention: Mention, chunks: Sequence[Chunk]) -> Side | None:
        named = {one.code for one in self._within(self.sides, chunks)}
        if not named and len(self.findings) == 1:
            named = {one.code for one in self.sides}
        if "bilateral" in named or {"right", "left"} <= named:
            return Side.BILATERAL
        return Side(named.pop()) if named else None

    def _severity(self, mention: Mention, chunks: Sequence[Chunk]) -> tuple[Severity, ...]:
        """Every degree that is named; of "mild change without fracture" the fracture has none."""
        denials = [cue.start for cue, *_ in self._negations if cue.start <= mention.start]
        found = self._within(self.severities, chunks)
        found = [one for one in found if one.start >= max(denials, default=0)]
        return tuple(dict.fromkeys(Severity(one.code) for one in found))

    def _change(self, mention: Mention, chunks: Sequence[Chunk]) -> Change | None:
        outside = [
            one
            for one in self.changes
            if not any(one.within(f.start, f.end) for f in self.findings)
        ]
        here = self._within(outside, chunks)
        if not here:
            clause = self.layout.chunk_of(mention).clause
            same = [one for one in outside if self.layout.chunk_of(one).clause == clause]
            here = same if len({one.code for one in same}) == 1 else []
        return Change(here[-1].code) if here else None

    def _modifiers(self, group: str, chunks: Sequence[Chunk]) -> tuple[str, ...]:
        found = self._within(mentions(self.text, _tables()[group]), chunks)
        return tuple(dict.fromkeys(self.text[one.start : one.end] for one in found))

    # Normal statements.

    def _normal(self) -> Iterable[Claim]:
        told: set[tuple[str, int]] = set()
        for cue in self._cues("normal_whole"):
            chunk_end = self.layout.forward(cue)
            if any(cue.start <= one.start < chunk_end for one in self.findings):
                continue
            places = [one for one in self.places if cue.start <= one.start < chunk_end]
            for place in places or [Mention("chest", cue.start, cue.end)]:
                told.add((place.code, place.start))
                yield self._normal_claim(place)
        for cue in self._cues("normal"):
            if any(
                start <= cue.start < end and c.end <= cue.start for c, start, end in self._negations
            ):
                continue
            sized = self.text[cue.start : cue.end].endswith(("size", "sized"))
            for place in self._subjects(cue):
                if sized and place.code == "heart":
                    place = Mention("heart_size", place.start, place.end)
                if (place.code, place.start) not in told:
                    told.add((place.code, place.start))
                    yield self._normal_claim(place)

    def _subjects(self, cue: Mention) -> list[Mention]:
        """The places that are said to be normal."""
        if any(cue.within(one.start, one.end) for one in self.findings):
            return []
        if self._frees_of_finding(cue):
            return []
        after = [one for one in self.places if cue.end <= one.start]
        if after and not self.text[cue.end : after[0].start].strip():
            return after[:1]  # "normal heart size and clear lungs"
        begin = self.layout.backward(cue)
        before = [one for one in self.places if begin <= one.start and one.end <= cue.start]
        between = [one for one in self.findings if begin <= one.start and one.end <= cue.start]
        if before:
            return [] if between else before
        chunk = self.layout.chunk_of(cue)
        after = [one for one in self.places if cue.end <= one.start and chunk.holds(one)]
        found = [one for one in self.findings if cue.end <= one.start and chunk.holds(one)]
        return [] if found else after

    def _frees_of_finding(self, cue: Mention) -> bool:
        """Whether it is a denial of one finding: "clear of effusion"."""
        words = self.text[cue.start :]
        end = self.layout.forward(cue)
        return bool(re.match(r"(?:clear|free) of\b", words)) and any(
            cue.start < one.start < end for one in self.findings
        )

    def _normal_claim(self, place: Mention) -> Claim:
        chunks = [self.layout.chunk_of(place)]
        side = self._side(place, chunks)
        return Claim(
            kind="normal",
            code=place.code,
            text=self.text[place.start : place.end],
            start=place.start,
            end=place.end,
            status=Status.POSITIVE,
            side=side,
            locations=_locations([place], side),
            places=(place.code,),
            change=self._change(place, chunks),
        )

    # Measurements.

    def _measurements(self) -> Iterable[Claim]:
        named = mentions(self.text, _tables()["measurement"])
        for place, mention in enumerate(named):
            stop = named[place + 1].start if place + 1 < len(named) else len(self.text)
            chunks = [self.layout.chunk_of(mention)]
            told = [one for one in self.numbers if mention.end <= one.start < stop]
            told += [one for one in self.numbers if one.start < mention.start < one.end]
            if place == 0 and not told:
                told = [one for one in self.numbers if one.end <= mention.start][-1:]
            if not told:
                continue
            side = self._side(mention, chunks)
            yield Claim(
                kind="measurement",
                code=mention.code,
                text=self.text[mention.start : mention.end],
                start=mention.start,
                end=mention.end,
                status=Status.POSITIVE,
                side=side,
                change=self._change(mention, chunks),
                quantities=tuple(told),
            )


def _start(chunk: Chunk) -> int:
    return chunk.start


def _locations(places: Iterable[Mention], side: Side | None) -> tuple[Location, ...]:
    """Chest ImaGenome's names of the places, where the side that they need is known."""
    sides = {Side.BILATERAL: ("right", "left"), None: ()}.get(side, (str(side),))
    found: dict[Location, None] = {}
    for place in places:
        for template in report_lexicon().anatomy[place.code].locations:
            for name in (
                [template.format(side=one) for one in sides] if "{" in template else [template]
            ):
                found[Location(name)] = None
    return tuple(found)


def _level_of(words: str) -> str:
    """The level of certainty that a cue stands for."""
    plain = " ".join(words.split())
    levels = mentions(plain, _levels())
    return levels[0].code if levels else "possible"


@lru_cache(maxsize=1)
def _levels() -> Table:
    return _table({name: level.words for name, level in certainty_levels().items()})


@lru_cache(maxsize=128)
def _seen_as(code: str) -> Table:
    return table_of(((code, report_lexicon().finding[code].seen_as),))


@lru_cache(maxsize=32)
def _cue_table(kind: str) -> Table:
    return table_of(((kind, report_lexicon().cue[kind]),))


@lru_cache(maxsize=1)
def _tables() -> dict[str, Table]:
    lexicon = report_lexicon()
    return {
        "finding": _table({code: words.phrases for code, words in lexicon.finding.items()}),
        "anatomy": _table({code: words.phrases for code, words in lexicon.anatomy.items()}),
        "measurement": _table({code: words.phrases for code, words in lexicon.measurement.items()}),
        "side": _table(lexicon.side),
        "severity": _table(lexicon.severity),
        "change": _table(lexicon.change),
        "morphology": _table(lexicon.morphology),
        "distribution": _table(lexicon.distribution),
        "onset": _table(lexicon.onset),
    }


def _table(phrases: Mapping[str, Iterable[str]]) -> Table:
    return table_of(tuple((code, tuple(many)) for code, many in phrases.items()))
