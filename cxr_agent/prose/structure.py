"""Free text to the sections and headers of a structured report; no sentence is lost.

Sections and headers follow SRR (Delbrouck et al., 2025).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel, ConfigDict

from cxr_agent.errors import UsageError
from cxr_agent.knowledge import report_lexicon, vocabulary
from cxr_agent.prose.attributes import FindingRow, rows_of
from cxr_agent.prose.claims import Claim
from cxr_agent.prose.graph import Entity, Relation, graph_of
from cxr_agent.prose.read import ReadSentence, read_sentence
from cxr_agent.prose.sections import passages_of
from cxr_agent.prose.sentences import sentence_spans

STRUCTURE_SCHEMA_VERSION: Final = 1
MOST_TEXT: Final = 200_000
"""Characters of a report: a hundred times the longest real one."""
SECTIONS: Final = (
    "exam",
    "history",
    "technique",
    "comparison",
    "findings",
    "impression",
    "limitations",
    "unlabelled",
)
HEADINGS: Final = (
    "Lungs and Airways",
    "Pleura",
    "Cardiovascular",
    "Hila and Mediastinum",
    "Tubes, Catheters, and Support Devices",
    "Musculoskeletal and Chest Wall",
    "Abdominal",
    "Other",
)
_READ: Final = ("findings", "impression", "unlabelled")
"""Sections that make claims on the film; a history or a technique makes none."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StructuredSentence(_Part):
    """A sentence where it belongs."""

    id: str
    """``s1``, ``s2`` ... in the order of the text."""
    text: str
    """As it stands in the text."""
    start: int
    end: int
    section: str
    heading: str | None
    """Of findings alone."""
    claims: tuple[Claim, ...]
    codes: dict[str, dict[str, str]]
    """RadLex, SNOMED CT and CheXpert names of what is claimed, where there are any."""
    rows: tuple[FindingRow, ...]
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    recommends: bool
    """It advises something, which is no claim on the film."""


class StructuredReport(_Part):
    """A text as a structured report."""

    schema_version: int = STRUCTURE_SCHEMA_VERSION
    sentences: tuple[StructuredSentence, ...]
    titles: tuple[str, ...]
    """The titles as they stand in the text."""

    def of(self, section: str) -> tuple[StructuredSentence, ...]:
        return tuple(one for one in self.sentences if one.section == section)

    def headed(self) -> Iterator[tuple[str, tuple[StructuredSentence, ...]]]:
        """Findings by header, in the order of a report; headers without a sentence are left out."""
        for heading in HEADINGS:
            under = tuple(one for one in self.of("findings") if one.heading == heading)
            if under:
                yield heading, under


def structure(text: str) -> StructuredReport:
    """Structure a free text.

    Raises
    ------
    UsageError
        ``report_too_long`` beyond 200,000 characters.
    """
    if len(text) > MOST_TEXT:
        raise UsageError(
            "report_too_long",
            f"the report has {len(text):,} characters, and {MOST_TEXT:,} are read",
            hint="Give one report per file.",
        )
    passages = passages_of(text)
    alone = {passage.section for passage in passages} <= {"unlabelled"}
    found: list[StructuredSentence] = []
    for passage in passages:
        # A text without any title is a report's findings.
        section = "findings" if alone else passage.section
        for start, end in sentence_spans(text, *passage.body):
            found.append(_sentence(f"s{len(found) + 1}", text[start:end], start, end, section))
    return StructuredReport(
        sentences=tuple(found),
        titles=tuple(text[slice(*p.title)] for p in passages if p.title.start < p.title.end),
    )


def _sentence(identity: str, text: str, start: int, end: int, section: str) -> StructuredSentence:
    read = read_sentence(text)
    if section not in _READ:
        read = ReadSentence(text, (), (), (), read.cues)
    entities, relations = graph_of(read)
    return StructuredSentence(
        id=identity,
        text=text,
        start=start,
        end=end,
        section=section,
        heading=heading_of(read) if section == "findings" else None,
        claims=read.claims,
        codes={claim.code: codes for claim in read.claims if (codes := _codes(claim.code))},
        rows=rows_of(read, entities, relations),
        entities=entities,
        relations=relations,
        recommends="recommend" in read.cues,
    )


def heading_of(read: ReadSentence) -> str:
    """The header that most of the claims belong under; the first one of those on par."""
    lexicon = report_lexicon()
    sections = [
        lexicon.finding[claim.code].section
        if claim.kind == "finding"
        else lexicon.anatomy[claim.code].section
        if claim.kind == "normal"
        else vocabulary()[claim.code].section
        for claim in read.claims
    ]
    sections = sections or [lexicon.anatomy[place.code].section for place in read.places]
    known = [section for section in sections if section in HEADINGS and section != "Other"]
    return Counter(known).most_common(1)[0][0] if known else "Other"


def _codes(code: str) -> dict[str, str]:
    term = vocabulary().get(code)
    if term is None:
        return {}
    names = {"radlex": term.radlex, "snomed": term.snomed, "chexpert": term.chexpert}
    return {system: name for system, name in names.items() if name}
