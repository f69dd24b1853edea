"""How things are said in each language: the folders of ``kb/wording/``.

English is the language that the gates read; every other one says the same by the same rules.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Final

from pydantic import Field

from cxr_agent.errors import UsageError
from cxr_agent.knowledge.added import added_reasons, added_words, follows_words
from cxr_agent.knowledge.files import Entry, entry, load, malformed, text
from cxr_agent.knowledge.questions import other_findings
from cxr_agent.knowledge.words import vocabulary

ENGLISH: Final = "en"


class Wording(Entry):
    """The sentences that a code can be put into."""

    decimals: int = Field(default=2, ge=0)
    """Digits after the point of the numbers in them."""
    variants: dict[str, str]


class Name(Entry):
    """What a code is called."""

    name: str
    gender: str = "any"
    """Chooses the word for "no"; ``any`` where the language has one for all."""


class Language(Entry):
    """``language.toml``: what a report is made of beside its sentences."""

    name: str
    decimal: str
    """The decimal mark."""
    small_names: bool
    """Whether names are written small inside a sentence."""
    no: dict[str, str]
    """By gender."""
    phrase: dict[str, str]
    side: dict[str, str]
    unit: dict[str, str]
    """Units as they stand behind a number, by UCUM code."""
    certainty: dict[str, str]
    title: dict[str, str]
    heading: dict[str, str]
    text: dict[str, str]
    label: dict[str, str]
    statement: dict[str, str]
    status: dict[str, str]
    view: dict[str, str]
    form: dict[str, str]
    """Texts of renderers with fields in them."""
    location: dict[str, str] = Field(default_factory=dict)
    """Chest ImaGenome's locations, where the language has other names for them."""
    cue: dict[str, tuple[str, ...]]
    """Words by which a translation is checked."""

    def number(self, value: float, decimals: int) -> str:
        """A number as this language writes it."""
        return f"{value:.{decimals}f}".replace(".", self.decimal)


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """The codes of all languages, English first."""
    folder = resources.files("cxr_agent.kb") / "wording"
    found = sorted(one.name for one in folder.iterdir() if one.is_dir() and one.name[0] != "_")
    return (ENGLISH, *(code for code in found if code != ENGLISH))


def checked_language(code: str) -> str:
    """The code itself.

    Raises
    ------
    UsageError
        ``unknown_language``.
    """
    if code not in languages():
        raise UsageError(
            "unknown_language",
            f"there are no words for the language {code!r}",
            hint=f"Choose one of: {', '.join(languages())}.",
        )
    return code


@lru_cache(maxsize=8)
def language(code: str = ENGLISH) -> Language:
    """How a language writes numbers, sides, titles. Raises ConfigError ``bad_definition``."""
    return entry(Language, f"language {code}", load(f"wording/{code}/language"))


@follows_words
@lru_cache(maxsize=8)
def reasons(code: str = ENGLISH) -> dict[str, str]:
    """What a reason code means, in words; those of plug-ins are English in every language."""
    shipped = {name: text(name, words) for name, words in load(f"wording/{code}/reasons").items()}
    return added_reasons() | shipped


@follows_words
@lru_cache(maxsize=8)
def sentences(code: str = ENGLISH) -> dict[str, Wording]:
    """Sentences by code of the vocabulary; those of plug-ins are English in every language."""
    brought = {
        name: Wording(decimals=one.decimals, variants=dict(one.sentences))
        for name, one in added_words().items()
    }
    shipped = load(f"wording/{code}/sentences").items()
    return brought | {name: _wording(name, raw) for name, raw in shipped}


@follows_words
@lru_cache(maxsize=8)
def names(code: str = ENGLISH) -> dict[str, Name]:
    """What codes are called; in English as the vocabulary has it."""
    if code == ENGLISH:
        known = {name: Name(name=term.name) for name, term in vocabulary().items()}
        return known | {name: Name(name=words) for name, words in other_findings().items()}
    brought = {name: Name(name=one.name) for name, one in added_words().items()}
    shipped = load(f"wording/{code}/names").items()
    return brought | {name: entry(Name, name, raw) for name, raw in shipped}


def _wording(code: str, raw: object) -> Wording:
    if not isinstance(raw, dict):
        raise malformed(code)
    variants = {name: words for name, words in raw.items() if name != "decimals"}
    decimals = {"decimals": raw["decimals"]} if "decimals" in raw else {}
    return entry(Wording, code, {**decimals, "variants": variants})
