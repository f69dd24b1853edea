"""A report in a closed form, as a language model told it."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cxr_agent.evidence import Change, Polarity, Severity
from cxr_agent.knowledge import report_lexicon
from cxr_agent.prose import Status
from cxr_agent.prose.structure import HEADINGS, SECTIONS

TOLD_SCHEMA_VERSION: Final = 1
_MOST_FINDINGS: Final = 20
"""Of one sentence: who claims more has left the rails."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToldFinding(_Part):
    """One claim on one finding."""

    code: str
    """Of ``kb/report_lexicon.toml``."""
    status: Status
    certainty: Literal["definitive", "tentative"] = "definitive"
    side: Literal["right", "left", "bilateral"] | None = None
    severity: Severity | None = None
    change: Change | None = None

    @field_validator("code")
    @classmethod
    def _known(cls, code: str) -> str:
        if code not in report_lexicon().finding:
            raise ValueError("no such finding")
        return code

    @property
    def polarity(self) -> Polarity:
        """As claims that were read by rule: what is in doubt is uncertain."""
        if self.status is Status.NEGATIVE:
            return Polarity.ABSENT
        return Polarity.UNCERTAIN if self.certainty == "tentative" else Polarity.PRESENT


class AnsweredSentence(_Part):
    """What the model answers on one sentence, which it names by its number."""

    n: int
    section: str
    heading: str | None = None
    findings: tuple[ToldFinding, ...] = Field(default=(), max_length=_MOST_FINDINGS)

    @field_validator("section")
    @classmethod
    def _section(cls, name: str) -> str:
        if name not in SECTIONS:
            raise ValueError("no such section")
        return name

    @field_validator("heading")
    @classmethod
    def _heading(cls, name: str | None) -> str | None:
        if name is not None and name not in HEADINGS:
            raise ValueError("no such heading")
        return name


class Answer(_Part):
    """The whole answer."""

    sentences: tuple[AnsweredSentence, ...]


class ToldSentence(_Part):
    """A sentence where it belongs; its words are those of the report."""

    id: str
    text: str
    start: int
    end: int
    section: str
    heading: str | None
    findings: tuple[ToldFinding, ...]


class ToldReport(_Part):
    """A report of any language. What it says of the patient is what the report said, no more."""

    schema_version: int = TOLD_SCHEMA_VERSION
    sentences: tuple[ToldSentence, ...]
    model: str
    prompt: str
    """Id of the prompt: ``structure/1``."""
    repaired: bool = False
    """Whether the first answer was out of form."""

    def of(self, section: str) -> tuple[ToldSentence, ...]:
        return tuple(one for one in self.sentences if one.section == section)
