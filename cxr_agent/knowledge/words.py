"""What things are called: the vocabulary, and words that claim nothing."""

from __future__ import annotations

import re
from functools import lru_cache

from cxr_agent.knowledge.added import added_words, follows_words
from cxr_agent.knowledge.descriptors import descriptors
from cxr_agent.knowledge.files import Entry, entry, lines, load, text
from cxr_agent.knowledge.questions import question_lexicon
from cxr_agent.knowledge.structures import structures


class Term(Entry):
    """A code of the vocabulary, with its names elsewhere."""

    name: str
    """As a report writes it."""
    kind: str
    radlex: str = ""
    snomed: str = ""
    chexpert: str = ""
    section: str = "Other"
    words: tuple[str, ...] = ()
    """Words in a sentence that speak of this term."""


@follows_words
@lru_cache(maxsize=1)
def vocabulary() -> dict[str, Term]:
    """``kb/vocabulary.toml``, structures, descriptors and what plug-ins brought, by code."""
    terms = {code: entry(Term, code, raw) for code, raw in load("vocabulary").items()}
    regions = {
        code: Term(
            name=structure.name,
            kind="region",
            radlex=structure.radlex,
            section=structure.section,
            words=(structure.name,),
        )
        for code, structure in structures().items()
    }
    signs = {
        code: Term(name=one.name, kind="descriptor", section=terms[one.finding].section)
        for code, one in descriptors().items()
    }
    brought = {
        code: Term(name=one.name, kind=one.kind, section=one.section, words=one.spoken)
        for code, one in added_words().items()
    }
    return brought | terms | regions | signs


@lru_cache(maxsize=1)
def plain_words() -> frozenset[str]:
    """``kb/words.toml``: words that claim nothing by themselves."""
    return frozenset(
        word for name, words in load("words").items() for word in text(name, words).split()
    )


@follows_words
@lru_cache(maxsize=1)
def everyday_words() -> frozenset[str]:
    """Words that name nobody: those of ``kb/everyday_words.txt`` and of every definition."""
    named = [word for term in vocabulary().values() for word in (term.name, *term.words)]
    lexicon = question_lexicon()
    named += [
        p for many in (lexicon.phrases, lexicon.other_findings) for n in many.values() for p in n
    ]
    named += [cue for one in lexicon.intent for cue in one.cues]
    listed = lines("everyday_words")
    return (
        plain_words()
        | frozenset(listed)
        | frozenset(word for name in named for word in re.findall(r"[a-z]+", name.lower()))
    )
