"""A study that stays open: the reading first, then question after question."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from cxr_agent.chat.answer import RULE, Answer, Noted
from cxr_agent.chat.by_model import ByModel, Told
from cxr_agent.chat.by_rule import Answered, ByRule
from cxr_agent.chat.pictures import draw
from cxr_agent.evidence import Evidence
from cxr_agent.knowledge import reasons, thresholds_changed
from cxr_agent.language import LanguageModel
from cxr_agent.questions import Intent, Question, understand
from cxr_agent.reading.run import Run
from cxr_agent.report.model import Report, Sentence
from cxr_agent.trace import Answered as AnsweredEvent
from cxr_agent.trace import Asked

_MODELS_OWN: Final = (Intent.WHY, Intent.SHOW, Intent.SIMILAR)
"""Intents that are about the record of the run: a model has nothing to add to it."""


def _nobody(_: object) -> None:
    """Told of sentences where nobody listens."""


class Chat:
    """A run that is asked questions.

    Parameters
    ----------
    run
        Read already, or rebuilt from its trace.
    turn
        How many questions were asked before.
    before
        The last of them, and the evidence that its answer cited.
    """

    def __init__(
        self,
        run: Run,
        *,
        turn: int = 0,
        before: Question | None = None,
        cited: tuple[str, ...] = (),
    ) -> None:
        self.run = run
        self.model: LanguageModel | None = run.setup.model
        """Words answers; None lets rules do it."""
        self._turn = turn
        self._before = before
        self._cited = cited

    @property
    def report(self) -> Report:
        """The report as it stands."""
        report = self.run.report
        assert report is not None
        return report

    def evidence(self, identity: str) -> Evidence | None:
        """Evidence that counts, by id."""
        return next((item for item in self.run.evidence if item.id == identity), None)

    def ask(self, text: str, told: Told | None = None) -> Answer:
        """Answer one question; it is recorded before it is answered.

        Parameters
        ----------
        told
            Takes each sentence as soon as it may be seen.

        Raises
        ------
        OutputError
            When the trace cannot be written.
        """
        told = told or _nobody
        question = understand(text, self._before)
        tokens, cost = self.run.tokens, self.run.cost
        self._turn += 1
        self._record_question(text, question)
        with thresholds_changed(self.run.setup.changed):
            try:
                answer = self._answer(text, question, told)
            except KeyboardInterrupt:
                self.run.take_in()
                self._record_answer((), "interrupted", 0)
                raise
        answer = replace(answer, tokens=self.run.tokens - tokens, cost=self.run.cost - cost)
        self._record_answer(answer.sentences, answer.worded_by, answer.unsupported)
        if question.intent is not Intent.UNKNOWN:
            self._before = question
        self._cited = tuple(dict.fromkeys(i for s in answer.sentences for i in s.evidence))
        return answer

    def _answer(self, text: str, question: Question, told: Told) -> Answer:
        notes: tuple[Noted, ...] = ()
        unsupported = 0
        if self.model is not None and question.intent not in _MODELS_OWN:
            said = ByModel(self.run, self.model).answer(text, told)
            unsupported = said.unsupported
            if said.sentences:
                return self._made(question, Answered(said.sentences), self.model.name, unsupported)
            notes = (_by_rule_instead(said.trouble),)
        answered = ByRule(self.run).answer(question, self._cited)
        for sentence in answered.sentences:
            told(sentence)
        return self._made(question, answered, RULE, unsupported, notes)

    def _made(
        self,
        question: Question,
        answered: Answered,
        worded_by: str,
        unsupported: int,
        notes: tuple[Noted, ...] = (),
    ) -> Answer:
        known = {item.id: item for item in self.run.evidence}
        cited = [i for s in answered.sentences for i in s.evidence if i in known]
        return Answer(
            turn=self._turn,
            question=question,
            sentences=answered.sentences,
            steps={i: known[i].provenance.step for i in cited},
            worded_by=worded_by,
            unsupported=unsupported,
            notes=(*notes, *answered.notes),
            explained=answered.explained,
            pictures=self.overlays(answered.shown),
        )

    def overlays(self, identities: tuple[str, ...]) -> tuple[Path, ...]:
        """Draw evidence over its films; one picture per film, kept beside the trace.

        Raises
        ------
        OutputError
            When a picture cannot be written.
        """
        items = [item for item in map(self.evidence, identities) if item is not None]
        return draw(self.run, items)

    def _record_question(self, text: str, question: Question) -> None:
        self.run.trace.append(
            Asked(
                turn=self._turn,
                sha256=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
                text=self.run.setup.privacy.kept(_printable(text)),
                intent=question.intent.value,
                subjects=question.subjects,
            )
        )

    def _record_answer(self, sentences: Sequence[Sentence], by: str, unsupported: int) -> None:
        self.run.trace.append(
            AnsweredEvent(
                turn=self._turn,
                sentences=tuple({"text": s.text, "evidence": list(s.evidence)} for s in sentences),
                worded_by=by,
                unsupported=unsupported,
            )
        )


def _by_rule_instead(trouble: str | None) -> Noted:
    if trouble is None:
        return Noted("answered_by_rule", "The model said nothing that the evidence supports.")
    why = reasons().get(trouble, trouble.replace("_", " "))
    return Noted("answered_by_rule", f"The language model gave no answer ({why}): by rule instead.")


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
