"""What things are called and how they are said: terms, reasons, sentences."""

from __future__ import annotations

import re
from functools import lru_cache

from pydantic import Field

from cxr_agent.knowledge.files import Entry, entry, lines, load, malformed, text
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
    critical: bool = False
    words: tuple[str, ...] = ()
    """Words in a sentence that speak of this term."""


class Wording(Entry):
    """The sentences that a code can be put into."""

    decimals: int = Field(default=2, ge=0)
    """Digits after the point of the numbers in them."""
    variants: dict[str, str]


@lru_cache(maxsize=1)
def vocabulary() -> dict[str, Term]:
    """``kb/vocabulary.toml`` and the structures of ``kb/structures.toml``, by code."""
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
    return terms | regions


@lru_cache(maxsize=1)
def reasons() -> dict[str, str]:
    """``kb/reasons.toml``: what a reason code means, in words."""
    return {code: text(code, words) for code, words in load("reasons").items()}


@lru_cache(maxsize=1)
def sentences() -> dict[str, Wording]:
    """``kb/sentences.toml`` by code."""
    return {code: _wording(code, raw) for code, raw in load("sentences").items()}


@lru_cache(maxsize=1)
def plain_words() -> frozenset[str]:
    """``kb/words.toml``: words that claim nothing by themselves."""
    return frozenset(
        word for name, words in load("words").items() for word in text(name, words).split()
    )


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


def _wording(code: str, raw: object) -> Wording:
    if not isinstance(raw, dict):
        raise malformed(code)
    variants = {name: words for name, words in raw.items() if name != "decimals"}
    decimals = {"decimals": raw["decimals"]} if "decimals" in raw else {}
    return entry(Wording, code, {**decimals, "variants": variants})
