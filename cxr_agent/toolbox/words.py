"""Words that a tool brings for codes of its own, checked before any report can use them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from cxr_agent.evidence import Unit
from cxr_agent.knowledge import (
    AddedWords,
    add_words,
    added_reasons,
    added_words,
    owner_of,
    reasons,
    vocabulary,
)

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_KINDS: Final = ("measurement", "finding")
_LONGEST: Final = 80


def bring_words(
    module: str, words: Mapping[str, AddedWords], meanings: Mapping[str, str]
) -> str | None:
    """Take in what a module brings; what is wrong with it in words, else None.

    Parameters
    ----------
    meanings
        Of reason codes.
    """
    for code, one in words.items():
        if added_words().get(code) == one:
            continue  # two tools may answer the same question
        wrong = _code_taken(module, code) or _wrong(code, one)
        if wrong is not None:
            return wrong
    for code, text in meanings.items():
        if added_reasons().get(code) == text:
            continue
        wrong = _code_taken(module, code) or (None if _plain(text) else f"{code} has no plain text")
        if wrong is not None:
            return wrong
    add_words(module, words, meanings)
    return None


def _code_taken(module: str, code: str) -> str | None:
    if not _CODE.fullmatch(code):
        return f"{code[:40]!r} is no code: small letters, digits and _"
    owner = owner_of(code)
    if owner is not None:
        return None if owner == module else f"{code} already has words, from {owner}"
    return f"kb/ already has words for {code}" if code in {**vocabulary(), **reasons()} else None


def _wrong(code: str, one: AddedWords) -> str | None:
    if one.kind not in _KINDS:
        return f"{code} is of no kind that a plug-in can bring: {' or '.join(_KINDS)}"
    if one.unit is not None and one.unit not in set(Unit):
        return f"{code} has a unit that is not one of {', '.join(Unit)}"
    for text in (one.name, *one.spoken, *one.sentences.values()):
        if not _plain(text):
            return f"{code} has a name or sentence that is no plain text"
    for said in one.spoken:
        if said != said.lower() or any(character.isdigit() for character in said):
            return f"the words of {code} must be in small letters and without digits"
        known = _speaks_of(said)
        if known is not None:
            return f"the words {said!r} of {code} already speak of {known}"
    return None


def _plain(text: str) -> bool:
    short = len(text) <= _LONGEST or (" " in text and len(text) <= 4 * _LONGEST)
    return bool(text.strip()) and text.isprintable() and short


def _speaks_of(said: str) -> str | None:
    """The shipped code whose name or words hold these: its sentences would claim both."""
    pattern = re.compile(rf"\b{re.escape(said)}\b")
    brought = added_words()
    for code, term in vocabulary().items():
        if code not in brought and any(pattern.search(word) for word in (term.name, *term.words)):
            return code
    return None
