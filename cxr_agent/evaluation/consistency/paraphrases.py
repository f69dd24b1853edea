"""The same thing asked in other words: ``kb/paraphrases.toml``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from itertools import combinations

from pydantic import BaseModel, ConfigDict, Field

from cxr_agent.evaluation.metrics.shares import Share, share
from cxr_agent.knowledge.files import Entry, entry, load
from cxr_agent.questions import Question, asked_in, understand
from cxr_agent.report.model import Sentence


class Ways(Entry):
    """Wordings of one thing."""

    ways: tuple[str, ...] = Field(min_length=2)


class Paraphrases(Entry):
    """The whole file."""

    question: dict[str, Ways]
    indication: dict[str, Ways]


@lru_cache(maxsize=1)
def paraphrases() -> Paraphrases:
    """Read the file. Raises ConfigError ``bad_definition``."""
    return entry(Paraphrases, "paraphrases", load("paraphrases"))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GroupConsistency(_Part):
    """One thing in all its wordings."""

    group: str
    wordings: int
    with_most: Share
    """Wordings that are taken as most are."""
    pairs: Share
    """Pairs of wordings that are taken alike: what two users can expect."""
    others: tuple[str, ...]
    """Wordings that are taken otherwise than most."""


class ParaphraseConsistency(_Part):
    """All groups of one kind."""

    kind: str
    groups: tuple[GroupConsistency, ...]
    with_most: Share
    pairs: Share


Answered = Callable[[str], Sequence[Sentence]]
"""A question to the sentences that answer it."""


def questions_understood() -> ParaphraseConsistency:
    """Whether wordings of a question are understood alike: intent, subjects, side."""
    return _scored("questions as understood", paraphrases().question, _terms_of(understand))


def indications_understood() -> ParaphraseConsistency:
    """Whether wordings of an indication ask for the same."""
    return _scored("indications as understood", paraphrases().indication, _terms_of(asked_in))


def questions_answered(ask: Answered) -> ParaphraseConsistency:
    """Whether wordings of a question get the same answer on one film.

    Parameters
    ----------
    ask
        As :meth:`cxr_agent.chat.chat.Chat.ask` answers; each question by itself.
    """
    return _scored("questions as answered", paraphrases().question, _told_by(ask))


def indications_answered(answer: Answered) -> ParaphraseConsistency:
    """Whether a film is read with the same answer whichever way it was asked for."""
    return _scored("indications as answered", paraphrases().indication, _told_by(answer))


def _terms_of(read: Callable[[str], Question]) -> Callable[[str], Hashable]:
    def terms(text: str) -> Hashable:
        taken = read(text)
        return taken.intent, frozenset(taken.subjects), taken.side, frozenset(taken.elsewhere)

    return terms


def _told_by(ask: Answered) -> Callable[[str], Hashable]:
    """What is said, whatever evidence ids it has and in whatever order."""
    return lambda text: frozenset(sentence.text for sentence in ask(text))


def _scored(
    kind: str, groups: dict[str, Ways], taken: Callable[[str], Hashable]
) -> ParaphraseConsistency:
    found = tuple(
        group_consistency(name, [(text, taken(text)) for text in one.ways])
        for name, one in groups.items()
    )
    return ParaphraseConsistency(
        kind=kind,
        groups=found,
        with_most=_together(one.with_most for one in found),
        pairs=_together(one.pairs for one in found),
    )


def group_consistency(name: str, taken: Sequence[tuple[str, Hashable]]) -> GroupConsistency:
    """Score one group of wordings, each with what it was taken for."""
    most, count = Counter(meaning for _, meaning in taken).most_common(1)[0]
    pairs = list(combinations([meaning for _, meaning in taken], 2))
    return GroupConsistency(
        group=name,
        wordings=len(taken),
        with_most=share(count, len(taken)),
        pairs=share(sum(one == other for one, other in pairs), len(pairs)),
        others=tuple(text for text, meaning in taken if meaning != most),
    )


def _together(shares: Iterable[Share]) -> Share:
    every = list(shares)
    return share(sum(one.count for one in every), sum(one.of for one in every))
