"""Whether a report bears a phrase out: by rule, or by a language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field

from cxr_agent.evaluation.texts.asking import asked
from cxr_agent.evaluation.texts.judgement import NotJudged
from cxr_agent.evaluation.texts.phrases import Phrase, plain
from cxr_agent.evaluation.texts.statements import Statement, also_said, denied_by, statements_of
from cxr_agent.evidence import Polarity, Side
from cxr_agent.language import LanguageModel

_MOST_PHRASES: Final = 200
_HEART: Final = frozenset({"heart", "heart_size"})
_NORMAL_TOO: Final = {
    "heart": _HEART,
    "heart_size": _HEART,
    "cardiomediastinum": _HEART | {"cardiomediastinum", "mediastinum"},
}
"""Places that a sentence calls normal when it calls one of these so."""
_PARTS: Final = {"cardiomediastinum": ("heart", "mediastinum")}
"""A place that is normal when all of its parts are."""


@dataclass(frozen=True, slots=True)
class Entailment:
    """Of one phrase."""

    entailed: bool
    evidence: tuple[int, ...] = ()
    """Places of the phrases that it rests on; at least one where it is entailed."""
    judged: bool = True
    """False where a model gave no answer: it then counts as not entailed, as in RadFact."""


class Entailer(Protocol):
    """Judges phrases of one report by those of another."""

    name: str

    def entail(
        self, phrases: Sequence[Phrase], premises: Sequence[Phrase]
    ) -> tuple[Entailment, ...]: ...


class RuleEntailer:
    """Compares what phrases state.

    A phrase is entailed if every statement in it is borne out by one premise: the same finding or
    a more exact one (an opacity by a consolidation), as present, absent or uncertain; no side, or
    that of the premise, or one of its two; no zone, or zones of the premise; no degree, or its
    degree; no change, or its change. A denial, or a place called normal, is borne out by a denial
    or by a place called normal; the heart is normal when it is not enlarged, the cardiomediastinum
    when heart and mediastinum are. A phrase that no rule reads is entailed by one in the same
    words.
    """

    name = "rule"

    def entail(
        self, phrases: Sequence[Phrase], premises: Sequence[Phrase]
    ) -> tuple[Entailment, ...]:
        """One entailment per phrase."""
        known = [(_stated(premise), plain(premise.text)) for premise in premises]
        return tuple(_entailment(phrase, known) for phrase in phrases)


def _stated(phrase: Phrase) -> tuple[Statement, ...]:
    return (phrase.about,) if phrase.about is not None else statements_of(phrase.text)


def _entailment(phrase: Phrase, known: Sequence[tuple[tuple[Statement, ...], str]]) -> Entailment:
    wanted = _stated(phrase)
    if not wanted:
        same = [n for n, (_, words) in enumerate(known) if words == plain(phrase.text)]
        return Entailment(bool(same), tuple(same))
    evidence: set[int] = set()
    for statement in wanted:
        found = _evidence(statement, known)
        if not found:
            return Entailment(False)
        evidence |= found
    return Entailment(True, tuple(sorted(evidence)))


def _evidence(
    statement: Statement, known: Sequence[tuple[tuple[Statement, ...], str]]
) -> frozenset[int]:
    found = frozenset(
        place
        for place, (stated, _) in enumerate(known)
        if any(bears_out(one, statement) for one in stated)
    )
    if found or statement.kind != "normal" or statement.code not in _PARTS:
        return found
    parts = [_evidence(replace(statement, code=part), known) for part in _PARTS[statement.code]]
    return frozenset().union(*parts) if all(parts) else found


def bears_out(premise: Statement, statement: Statement) -> bool:
    """Whether one statement says all that another says."""
    if statement.kind == "measurement" or premise.kind == "measurement":
        mine = (statement.kind, statement.code, statement.side)
        same = mine == (premise.kind, premise.code, premise.side)
        return same and statement.values <= premise.values
    if statement.kind == "normal":
        return _is_normal(premise, statement) and _denies_at(premise, statement)
    if statement.polarity is Polarity.ABSENT:
        return statement.code in denied_by(premise) and _denies_at(premise, statement)
    return (
        premise.polarity is statement.polarity
        and premise.kind == "finding"
        and statement.code in also_said(premise.code)
        and _at(premise, statement)
        and statement.zones <= premise.zones
        and statement.severity <= premise.severity
        and (statement.change is None or statement.change is premise.change)
        and statement.values <= premise.values
    )


def _is_normal(premise: Statement, statement: Statement) -> bool:
    if premise.kind == "normal":
        return statement.code in _NORMAL_TOO.get(premise.code, {premise.code})
    return statement.code in _HEART and denied_by(premise) == {"cardiomegaly"}


def _at(premise: Statement, statement: Statement) -> bool:
    return statement.side is None or premise.side in (statement.side, Side.BILATERAL)


def _denies_at(premise: Statement, statement: Statement) -> bool:
    """A denial for both sides holds for each, and one of any degree for every degree."""
    return (
        premise.side in (None, statement.side, Side.BILATERAL)
        and premise.zones <= statement.zones
        and premise.severity <= statement.severity
        and (premise.change is None or premise.change is statement.change)
    )


class _One(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Annotated[int, Field(ge=1)]
    entailed: bool
    evidence: list[Annotated[int, Field(ge=1)]] = Field(max_length=_MOST_PHRASES)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    phrases: list[_One] = Field(max_length=_MOST_PHRASES)


class ModelEntailer:
    """Asks a language model with ``prompts/report_entailment.md``, once per direction.

    RadFact asks once per phrase; asking for all of them at once is cheaper and lets a model confuse
    them, so an answer that lacks a phrase, repeats one or cites none for what it calls entailed is
    not believed for that phrase.

    Parameters
    ----------
    model
        Any that LiteLLM reaches. It gets the phrases whole.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.name = model.name

    def entail(
        self, phrases: Sequence[Phrase], premises: Sequence[Phrase]
    ) -> tuple[Entailment, ...]:
        """One entailment per phrase."""
        if not phrases or not premises:
            return tuple(Entailment(False) for _ in phrases)
        lost = tuple(Entailment(False, judged=False) for _ in phrases)
        if max(len(phrases), len(premises)) > _MOST_PHRASES:
            return lost
        data = {"report": _numbered(premises), "phrases": _numbered(phrases)}
        answer = asked(self._model, "report_entailment", data, _Answer)
        if isinstance(answer, NotJudged):
            return lost
        return tuple(
            _believed([one for one in answer.phrases if one.number == number], len(premises))
            for number in range(1, len(phrases) + 1)
        )


def _numbered(phrases: Sequence[Phrase]) -> list[dict[str, object]]:
    return [{"number": n, "text": phrase.text} for n, phrase in enumerate(phrases, start=1)]


def _believed(told: Sequence[_One], premises: int) -> Entailment:
    if len(told) != 1:
        return Entailment(False, judged=False)
    one = told[0]
    if not one.entailed:
        return Entailment(False)
    if not one.evidence or max(one.evidence) > premises:
        return Entailment(False, judged=False)
    return Entailment(True, tuple(sorted({number - 1 for number in one.evidence})))
