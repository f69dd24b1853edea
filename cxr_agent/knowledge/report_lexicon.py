"""How radiological English is read: ``kb/report_lexicon.toml``."""

from __future__ import annotations

from functools import lru_cache

from cxr_agent.knowledge.added import follows_words
from cxr_agent.knowledge.files import Entry, entry, load
from cxr_agent.knowledge.words import vocabulary


class FindingWords(Entry):
    """What names a finding in a text."""

    phrases: tuple[str, ...]
    name: str = ""
    section: str = "Other"
    is_a: tuple[str, ...] = ()
    """Findings that a sentence of this one speaks of as well."""
    seen_as: tuple[str, ...] = ()
    """Words for what it looks like: beside it they say no more."""
    mesh: tuple[str, ...] = ()
    """Tags of Open-i that stand for it, by their first part."""
    chexpert: str = ""


class AnatomyWords(Entry):
    """What names a place in a text."""

    phrases: tuple[str, ...]
    section: str
    locations: tuple[str, ...]
    """In Chest ImaGenome's terms; ``{side}`` is the side that is named with it."""
    means_absent: tuple[str, ...]
    """Findings that a normal statement on it denies."""
    narrow: bool = False
    """A place of its own that no location stands for: no evidence can be at it."""


class Phrases(Entry):
    """Phrases alone."""

    phrases: tuple[str, ...]


class ReportLexicon(Entry):
    """The whole file."""

    finding: dict[str, FindingWords]
    anatomy: dict[str, AnatomyWords]
    measurement: dict[str, Phrases]
    cue: dict[str, tuple[str, ...]]
    severity: dict[str, tuple[str, ...]]
    change: dict[str, tuple[str, ...]]
    side: dict[str, tuple[str, ...]]
    morphology: dict[str, tuple[str, ...]]
    distribution: dict[str, tuple[str, ...]]
    onset: dict[str, tuple[str, ...]]
    section: dict[str, tuple[str, ...]]


@follows_words
@lru_cache(maxsize=1)
def report_lexicon() -> ReportLexicon:
    """``kb/report_lexicon.toml``; what the vocabulary knows has its name and section from there.

    Raises
    ------
    ConfigError
        ``bad_definition``.
    """
    lexicon = entry(ReportLexicon, "report_lexicon", load("report_lexicon"))
    known = vocabulary()
    findings = {
        code: words.model_copy(
            update={
                "name": known[code].name,
                "section": known[code].section,
                "chexpert": known[code].chexpert,
            }
        )
        if code in known
        else words
        for code, words in lexicon.finding.items()
    }
    return lexicon.model_copy(update={"finding": findings})
