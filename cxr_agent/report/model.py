"""The report: sentences with the evidence that they rest on, and that evidence itself.

Sections and headers follow SRR (Delbrouck et al., "Automated Structuring of Radiology
Reports", 2025): Exam Type, History, Technique, Comparison, Findings, Impression.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from cxr_agent.evidence import Evidence
from cxr_agent.knowledge import ENGLISH, language

REPORT_SCHEMA_VERSION: Final = 4
"""2 added the answer to the clinical question; 3 critical findings, and the language; 4 similar
films, and the prior that a comparison is made against."""
NOTICE: Final = language().text["notice"]
_SYNTHETIC: Final = "synthetic"
"""The code of :class:`cxr_agent.study.Notice`, whose module would load NumPy."""


class Heading(StrEnum):
    """Headers under Findings, in the order of a report."""

    LUNGS = "Lungs and Airways"
    PLEURA = "Pleura"
    CARDIOVASCULAR = "Cardiovascular"
    MEDIASTINUM = "Hila and Mediastinum"
    DEVICES = "Tubes, Catheters, and Support Devices"
    CHEST_WALL = "Musculoskeletal and Chest Wall"
    ABDOMINAL = "Abdominal"
    OTHER = "Other"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sentence(_Part):
    """One sentence and the ids of the evidence that supports it."""

    text: str = Field(min_length=1)
    evidence: tuple[str, ...] = Field(min_length=1)
    heading: Heading | None = None
    """Only under Findings."""
    tier: int | None = None
    """Of a critical finding: 1 within minutes, 2 within hours (``kb/critical_findings.toml``)."""


class Dropped(_Part):
    """A sentence that a gate did not let out, and why."""

    text: str
    evidence: tuple[str, ...]
    reason: str


class FilmSummary(_Part):
    """What a report says about a film: nothing of who, when or where."""

    handle: str
    rows: int
    columns: int
    view: str
    spacing_mm: tuple[float, float] | None
    """Row and column spacing."""
    spacing_kind: str | None
    sha256: str
    notices: tuple[str, ...]
    days_before: int | None = None
    display: str
    """SHA-256 of the 8-bit copy in the trace."""


def notice_of(films: Iterable[FilmSummary], code: str = ENGLISH) -> str:
    """What opens a report on these films, in a language of ``kb/wording/``.

    Of synthetic films it says first that they are, and are evidence about nobody.
    """
    text = language(code).text
    synthetic = any(_SYNTHETIC in film.notices for film in films)
    return f"{text['synthetic']} {text['notice']}" if synthetic else text["notice"]


class Report(_Part):
    """A reading of one study."""

    schema_version: int = REPORT_SCHEMA_VERSION
    run_id: str
    program_version: str
    planner: str
    status: Literal["complete", "partial"]
    """Partial when a tool failed or a budget ran out; the text then says what is missing."""
    notice: str = NOTICE
    language: str = ENGLISH
    """Of the sentences: a folder of ``kb/wording/``."""
    exam: str
    history: str = ""
    """The indication as given; quoted text, never evidence."""
    answer: tuple[Sentence, ...] = ()
    """To the clinical question, or why there is none."""
    technique: tuple[Sentence, ...] = ()
    comparison: tuple[Sentence, ...] = ()
    findings: tuple[Sentence, ...] = ()
    impression: tuple[Sentence, ...] = ()
    context: tuple[Sentence, ...] = ()
    """What is known of similar films of others: context, which nothing rests on."""
    limitations: tuple[Sentence, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    films: tuple[FilmSummary, ...]
    evidence: tuple[Evidence, ...]
    trace: str | None = None
    """Folder of the trace on this machine."""

    @property
    def critical(self) -> tuple[Sentence, ...]:
        """What must not wait, most urgent first: it opens the impression."""
        return tuple(sentence for sentence in self.impression if sentence.tier is not None)

    def sentences(self) -> tuple[Sentence, ...]:
        """All sentences, in the order of the report."""
        return (
            *self.answer,
            *self.technique,
            *self.comparison,
            *self.findings,
            *self.impression,
            *self.context,
            *self.limitations,
        )

    def record(self) -> bytes:
        """As a trace keeps it: JSON with names in order, so that equal reports are equal bytes."""
        told = self.model_dump(mode="json")
        return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)

    def cited(self, identity: str) -> Evidence:
        """Evidence by id; raises :class:`KeyError` for an unknown one."""
        for evidence in self.evidence:
            if evidence.id == identity:
                return evidence
        raise KeyError(identity)
