"""A request for a chest film as it is dictated, typed or spoken, in a closed form.

After spoken dialogue for prescriptions (Kocabiyikoglu et al., 2023): words fill slots, and what is
still missing is asked for. By rule: nothing is guessed, and a slot that was not named stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from cxr_agent.errors import UsageError
from cxr_agent.evidence import Side
from cxr_agent.knowledge.dictation import dictation_lexicon
from cxr_agent.questions.lexicon import MOST_CHARACTERS, find, has, normalised
from cxr_agent.questions.understand import asked_in
from cxr_agent.study import View

REQUEST_SCHEMA_VERSION: Final = 1
_DENIED: Final = ("no ", "not ", "without ")
_CLAUSE: Final = re.compile(r"[,;.\n]+")
_EDGES: Final = " :-?!"

Slot = Literal["examination", "views", "priority", "indication"]


class DictatedRequest(BaseModel):
    """What was ordered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = REQUEST_SCHEMA_VERSION
    examination: Literal["chest_radiograph"] | None = None
    views: tuple[View, ...] = ()
    portable: bool | None = None
    priority: Literal["stat", "urgent", "routine"] | None = None
    comparison: bool = False
    """Whether earlier films are to be looked at."""
    indication: str = ""
    """Why, in the words that were dictated: what ``read --indication`` takes."""
    asked: tuple[str, ...] = ()
    """Codes of the findings that it asks about."""
    also_asked: tuple[str, ...] = ()
    """Findings that no tool here looks for."""
    side: Side | None = None

    @property
    def missing(self) -> tuple[Slot, ...]:
        """What has to be asked for."""
        lacking: dict[Slot, bool] = {
            "examination": self.examination is None,
            "views": not self.views,
            "priority": self.priority is None,
            "indication": not self.indication,
        }
        return tuple(slot for slot, empty in lacking.items() if empty)

    def questions(self) -> tuple[str, ...]:
        """The same as questions to whoever dictates."""
        return tuple(dictation_lexicon().ask[slot] for slot in self.missing)


def dictated(text: str) -> DictatedRequest:
    """Read a dictation; what is said later goes before what was said earlier.

    An answer to a question of :meth:`DictatedRequest.questions` is read by putting it after the
    dictation, with a full stop between.

    Raises
    ------
    UsageError
        ``nothing_said`` for a text without a word, ``dictation_too_long``.
    """
    if len(text) > MOST_CHARACTERS:
        raise UsageError(
            "dictation_too_long",
            f"the dictation has {len(text):,} characters, and {MOST_CHARACTERS:,} are read",
            hint="Dictate one request at a time.",
        )
    plain = normalised(text)
    if not plain:
        raise UsageError("nothing_said", "the dictation holds no words", hint="Say what is wanted.")
    lexicon = dictation_lexicon()
    place = _last(plain, lexicon.place)
    views = _all(plain, lexicon.view)
    indication = _reason(text)
    question = asked_in(indication)
    return DictatedRequest.model_validate(
        {
            "examination": _last(plain, lexicon.examination),
            "views": tuple(view for view in lexicon.view if view in views),
            "portable": None if place is None else place == "portable",
            "priority": _last(plain, lexicon.priority),
            "comparison": bool(_all(plain, lexicon.comparison)),
            "indication": indication,
            "asked": question.subjects,
            "also_asked": question.elsewhere,
            "side": question.side,
        }
    )


def _all(plain: str, phrases: Mapping[Any, tuple[str, ...]]) -> list[str]:
    """What is named and not denied, in the order of the text.

    One phrase may stand for several: "two views" are both.
    """
    wanted: dict[str, tuple[str, ...]] = {}
    for code, names in phrases.items():
        for name in names:
            wanted[name] = (*wanted.get(name, ()), code)
    return [
        code
        for hit in find(plain, {name: (name,) for name in wanted})
        if not plain[: hit.start].endswith(_DENIED)
        for code in wanted[hit.code]
    ]


def _last(plain: str, phrases: Mapping[Any, tuple[str, ...]]) -> str | None:
    return next(reversed(_all(plain, phrases)), None)


def _reason(text: str) -> str:
    """The words that say why: clauses without an order, and of others what follows a cue."""
    kept = [part for clause in _CLAUSE.split(text) for part in _reasons_of(clause)]
    return ", ".join(kept)


def _reasons_of(clause: str) -> Iterator[str]:
    words = clause.split()
    plain = normalised(clause)
    if not plain:
        return
    if not any(has(plain, names) for slot in _slots() for names in slot.values()):
        yield _trimmed(" ".join(words))
        return
    cues = dictation_lexicon().reason["begins"]
    for start in range(len(words)):
        # The longest cue that begins here, in the words as they were dictated.
        length = next(
            (n for n in (3, 2, 1) if normalised(" ".join(words[start : start + n])) in cues), 0
        )
        rest = " ".join(words[start + length :])
        if length and rest and not _is_order(rest):
            yield _trimmed(rest)
            return


def _slots() -> tuple[Mapping[Any, tuple[str, ...]], ...]:
    """All but the reason."""
    lexicon = dictation_lexicon()
    return lexicon.examination, lexicon.view, lexicon.place, lexicon.priority, lexicon.comparison


def _is_order(text: str) -> bool:
    """Whether what follows a cue is itself no reason: "with lateral", "for comparison"."""
    left = normalised(text)
    for slot in _slots():
        for hit in reversed(
            find(left, {name: (name,) for names in slot.values() for name in names})
        ):
            left = f"{left[: hit.start]} {left[hit.end :]}"
    return not re.sub(r"\b(?:and|or|view|please|only)\b", " ", left).strip()


def _trimmed(text: str) -> str:
    """Without a cue at its beginning that says nothing: "for cough", "reason cough"."""
    words = text.strip(_EDGES).split()
    while len(words) > 1 and words[0].strip(_EDGES).lower() in ("for", "indication", "reason"):
        words = words[1:]
    return " ".join(words).strip(_EDGES)
