"""Findings as read by rule against the MeSH tags of Open-i (Demner-Fushman et al., 2016).

The tags were given by people to the report as a whole: they leave out much that a report says with
doubt, and name with one word what the report names with another. Agreement is with them, no truth.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from cxr_agent.errors import InputError
from cxr_agent.evidence import Polarity
from cxr_agent.given_files import MIB, parsed_json, read_given
from cxr_agent.knowledge import report_lexicon
from cxr_agent.prose.structure import structure

_SECTIONS: Final = ("comparison", "indication", "findings", "impression")
_MOST_BYTES: Final = 256 * MIB
_SAID: Final = (Polarity.PRESENT, Polarity.UNCERTAIN)
"""As F1-CheXbert counts: what may be there is said to be there."""


class Label(BaseModel):
    """One finding: how often text and tags agree on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    both: int
    text_only: int
    tag_only: int

    @property
    def tagged(self) -> int:
        return self.both + self.tag_only

    @property
    def precision(self) -> float:
        return self.both / max(1, self.both + self.text_only)

    @property
    def recall(self) -> float:
        return self.both / max(1, self.tagged)

    @property
    def f1(self) -> float:
        return 2 * self.both / max(1, 2 * self.both + self.text_only + self.tag_only)


class Agreement(BaseModel):
    """All findings, the most frequent first, and all together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reports: int
    sentences: int
    labels: tuple[Label, ...]
    micro: Label


def label_agreement(reports: Iterable[Mapping[str, Any]], half: int | None = None) -> Agreement:
    """Agreement of text and tags.

    Parameters
    ----------
    reports
        As lines of Open-i have them: ``id``, ``mesh``, and the sections as text.
    half
        0 for the reports that the lexicon was tuned on, 1 for the others (by the SHA-256 of the
        id); all where none is given.
    """
    counts: dict[str, Counter[str]] = {}
    read = sentences = 0
    for report in reports:
        if half is not None and half_of(str(report["id"])) != half:
            continue
        one = compared(report)
        read += 1
        sentences += one.sentences
        for code in one.said | one.tagged:
            both = code in one.said and code in one.tagged
            kind = "both" if both else "tag_only" if code in one.tagged else "text_only"
            counts.setdefault(code, Counter())[kind] += 1
    labels = [_label(code, one) for code, one in counts.items()]
    whole: Counter[str] = sum(counts.values(), Counter())
    return Agreement(
        reports=read,
        sentences=sentences,
        labels=tuple(sorted(labels, key=lambda one: -one.tagged)),
        micro=_label("all", whole),
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """One report: the findings that its text says, and those that its tags name."""

    said: frozenset[str]
    tagged: frozenset[str]
    sentences: int


def judged() -> tuple[str, ...]:
    """The findings that have tags, and so can be compared."""
    return tuple(code for code, words in report_lexicon().finding.items() if words.mesh)


def compared(report: Mapping[str, Any]) -> Compared:
    """Read a report by rule, and its tags."""
    found = structure(report_text(report))
    codes = frozenset(judged())
    said = {
        claim.code
        for sentence in found.sentences
        for claim in sentence.claims
        if claim.kind == "finding" and claim.polarity in _SAID
    }
    lexicon = report_lexicon().finding
    tagged = frozenset(
        code
        for code in codes
        if any(_is_tagged(tag, one) for tag in report["mesh"] for one in lexicon[code].mesh)
    )
    return Compared(codes & said, tagged, len(found.sentences))


def report_text(report: Mapping[str, Any]) -> str:
    """A report of Open-i as a text with titles."""
    return "\n".join(f"{name.upper()}: {report[name]}" for name in _SECTIONS if report.get(name))


def read_reports(path: Path) -> list[dict[str, Any]]:
    """Lines of JSON, gzipped or not.

    Raises
    ------
    InputError
        ``unreadable_report``.
    """
    try:
        raw = read_given(path, _MOST_BYTES)
        text = _inflated(raw) if raw[:2] == b"\x1f\x8b" else raw
        found = [parsed_json(line) for line in text.splitlines() if line.strip()]
        if not all(isinstance(one, dict) for one in found):
            raise ValueError
        return found
    except (OSError, EOFError, ValueError) as error:
        raise InputError(
            "unreadable_report",
            f"the reports cannot be read: {type(error).__name__}",
            hint="Give Open-i's reports as lines of JSON.",
        ) from None


def _inflated(raw: bytes) -> bytes:
    with gzip.open(io.BytesIO(raw)) as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError
    return data


def _label(code: str, counts: Counter[str]) -> Label:
    return Label(
        code=code,
        both=counts["both"],
        text_only=counts["text_only"],
        tag_only=counts["tag_only"],
    )


def half_of(identity: str) -> int:
    """0 for a report that the lexicon was tuned on, 1 for another."""
    return int(hashlib.sha256(identity.encode()).hexdigest(), 16) % 2


def _is_tagged(tag: str, pattern: str) -> bool:
    """Whether a tag, as ``Opacity/lung/base``, begins as a pattern and has all its parts."""
    first, *rest = (part.strip() for part in tag.split("/"))
    wanted, *others = pattern.split("/")
    return first == wanted and set(others) <= set(rest)
