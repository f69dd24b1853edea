"""Reading what a language model wrote: one sentence a line, its evidence in brackets at the end.

    FINDINGS: The cardiac silhouette is enlarged. [e12]
    IMPRESSION: Enlarged cardiac silhouette, ratio 0.56. [e12, e11]

Nothing here is believed yet: a sentence that cites nothing is kept as one that cites nothing, so
that the gate can say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cxr_agent.evidence import Evidence
from cxr_agent.report.compose import heading_of
from cxr_agent.report.draft import Section
from cxr_agent.report.gates.fault import Fault
from cxr_agent.report.gates.support import fault_of
from cxr_agent.report.model import Sentence

_LINE: Final = re.compile(
    r"^\s*(?:[-*•]\s*|\d{1,2}[.)]\s+)?(?:(?P<section>findings?|impression)\s*:\s*)?(?P<text>.*?)\s*$",
    re.IGNORECASE,
)
_CITED: Final = re.compile(r"[\[(]\s*(e\d+(?:[\s,;]+(?:and\s+)?e\d+)*)\s*[\])]\s*\.?\s*$")
_SECTIONS: Final = {"f": Section.FINDINGS, "i": Section.IMPRESSION}
_MOST_LINES: Final = 60
_MOST_CHARACTERS: Final = 600


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a model: a sentence with the evidence that it names."""

    text: str
    evidence: tuple[str, ...]
    section: Section | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A line, and the sentence that came of it or the fault that kept it back."""

    line: Line
    sentence: Sentence | None
    fault: Fault | None = None


def read_lines(text: str) -> list[Line]:
    """The lines of a reply; empty ones are left out, overlong ones cut, and the rest dropped."""
    lines = (read_line(raw) for raw in text.splitlines())
    return [line for line in lines if line is not None][:_MOST_LINES]


def read_line(raw: str) -> Line | None:
    """One line; None when there is nothing in it."""
    match = _LINE.match(raw[:_MOST_CHARACTERS])
    if match is None or not any(c.isalnum() for c in match["text"]):
        return None
    text = match["text"]
    section = _SECTIONS[match["section"][0].lower()] if match["section"] else None
    cited = _CITED.search(text)
    if cited is None:
        return Line(text, (), section)
    said = text[: cited.start()].strip()
    if not any(c.isalnum() for c in said):
        return None
    return Line(said, tuple(dict.fromkeys(re.findall(r"e\d+", cited[1]))), section)


def judge(line: Line, known: Mapping[str, Evidence]) -> Judged:
    """Let a line through the evidence gate."""
    if not line.evidence:
        return Judged(line, None, Fault.NO_EVIDENCE)
    sentence = as_sentence(line, known)
    fault = fault_of(sentence, known)
    return Judged(line, None, fault) if fault is not None else Judged(line, sentence)


def as_sentence(line: Line, known: Mapping[str, Evidence]) -> Sentence:
    """The line as a sentence, not yet judged; it must cite something."""
    cited = [known[identity] for identity in line.evidence if identity in known]
    in_findings = line.section is Section.FINDINGS and cited
    return Sentence(
        text=line.text,
        evidence=line.evidence,
        heading=heading_of(cited[0]) if in_findings else None,
    )


def sentences_of(
    lines: Iterable[Line], section: Section, known: Mapping[str, Evidence]
) -> tuple[Sentence, ...]:
    """Those of one section that cite something."""
    return tuple(
        as_sentence(line, known) for line in lines if line.section is section and line.evidence
    )
