"""How readers ask: what is wanted, what things are called, what is known by name alone."""

from __future__ import annotations

from functools import lru_cache

from pydantic import Field

from cxr_agent.knowledge.added import added_words, follows_words
from cxr_agent.knowledge.files import Entry, entry, load

Phrases = tuple[str, ...]
"""Words in lower case without punctuation; ``~`` stands for up to four words."""


class IntentCues(Entry):
    """What shows that something is wanted."""

    name: str
    cues: Phrases = Field(min_length=1)


class FollowUp(Entry):
    """What shows that a question goes on from the one before."""

    openings: Phrases
    pronouns: Phrases


class QuestionLexicon(Entry):
    """``kb/questions.toml``."""

    ordinary: tuple[str, ...]
    """Words that are no slip of a word of the lexicon."""
    shared: tuple[str, ...]
    """Nouns that stand once for two: "the ascending or the descending aorta"."""
    silent: tuple[str, ...]
    """Words that tell nothing, in questions and phrases alike."""
    passing: Phrases
    """What names a thing in passing when it stands before it: "after the drain"."""
    ignored: Phrases
    """Phrases whose words mean nothing that they would mean elsewhere."""
    intent: tuple[IntentCues, ...]
    """In order of precedence."""
    measured_by: dict[str, str]
    found_by: dict[str, str]
    """Finding that is meant where a structure is compared or asked a reason for."""
    paired: dict[str, tuple[str, str]]
    """The right and the left structure of what is named without a side."""
    phrases: dict[str, Phrases]
    """By code of the vocabulary, or by structure."""
    follow_up: FollowUp
    abbreviations: dict[str, tuple[str, ...]]
    other_findings: dict[str, Phrases]
    """Findings that nothing here looks for; the first phrase is the name."""


@follows_words
@lru_cache(maxsize=1)
def question_lexicon() -> QuestionLexicon:
    """Read and check ``kb/questions.toml``; what plug-ins brought is asked for by its words."""
    lexicon = entry(QuestionLexicon, "questions", load("questions"))
    brought = {code: one.spoken for code, one in added_words().items()}
    return lexicon.model_copy(update={"phrases": brought | lexicon.phrases})


def other_findings() -> dict[str, str]:
    """Names of findings that the program knows by name alone, by code."""
    return {code: names[0] for code, names in question_lexicon().other_findings.items()}
