"""What a check finds, in the categories of CheXprompt and GREEN.

Both take over the six kinds of error of the radiologists' protocol of ReXVal (Yu et al., 2023):
A to F of CheXprompt (Zambrano Chaves et al., 2024) are (a) to (f) of GREEN (Ostmeier et al., 2024).
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from cxr_agent.evidence import Evidence
from cxr_agent.report.model import NOTICE

CHECK_SCHEMA_VERSION: Final = 1


class Kind(StrEnum):
    """The kinds of error; the last four are told apart here and have no letter elsewhere."""

    FALSE_FINDING = "false_finding"
    OMISSION = "omission"
    LOCATION = "wrong_location"
    SEVERITY = "wrong_severity"
    SPURIOUS_COMPARISON = "spurious_comparison"
    OMITTED_COMPARISON = "omitted_comparison"
    NUMBER = "wrong_number"
    UNIT = "wrong_unit"
    CERTAINTY = "wrong_certainty"
    CONTRADICTION = "contradiction"


CATEGORIES: Final = {
    Kind.FALSE_FINDING: ("A", "a", "a finding that is not there"),
    Kind.OMISSION: ("B", "b", "a finding that is left out or denied"),
    Kind.LOCATION: ("C", "c", "a wrong side or place"),
    Kind.SEVERITY: ("D", "d", "a wrong degree"),
    Kind.SPURIOUS_COMPARISON: ("E", "e", "a comparison that nothing bears out"),
    Kind.OMITTED_COMPARISON: ("F", "f", "a change that is left out"),
    Kind.NUMBER: ("", "", "a number that was not measured"),
    Kind.UNIT: ("", "", "a wrong unit"),
    Kind.CERTAINTY: ("", "", "more or less certain than the evidence"),
    Kind.CONTRADICTION: ("", "", "the report contradicts itself"),
}
"""Letter of CheXprompt, letter of GREEN, and what it means."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Remark(_Part):
    """One error."""

    kind: Kind
    significant: bool
    """Whether it could change what is done: CheXprompt's and GREEN's distinction."""
    sentence: str | None
    """``s3``; None for what no sentence says."""
    text: str
    """The sentence, or empty."""
    code: str
    """The finding or measurement that it is about."""
    evidence: tuple[str, ...] = ()
    against: str
    """What stands against it: the evidence in its own words, or another sentence."""


class Verdict(_Part):
    """What became of one claim."""

    sentence: str
    code: str
    text: str
    verdict: Literal["supported", "contradicted", "unsupported"]
    """``unsupported``: no tool of the reading looks for it, so it is neither true nor false."""
    missing: str = ""
    """What the evidence says nothing of: ``finding``, ``side``, ``location``, ``severity``."""
    evidence: tuple[str, ...] = ()


class CheckedReport(_Part):
    """A report with what is wrong in it."""

    schema_version: int = CHECK_SCHEMA_VERSION
    notice: str = NOTICE
    run_id: str | None = None
    """The reading that it was checked against; None where it was checked against itself alone."""
    sentences: int
    claims: tuple[Verdict, ...]
    errors: tuple[Remark, ...]
    evidence: tuple[Evidence, ...] = ()

    def counts(self) -> dict[Kind, tuple[int, int]]:
        """Significant and other errors of every kind."""
        found = Counter((error.kind, error.significant) for error in self.errors)
        return {kind: (found[kind, True], found[kind, False]) for kind in Kind}
