"""Answers from evidence by rule: the same question on the same evidence, the same answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cxr_agent.chat.answer import Noted
from cxr_agent.chat.sources import calls_for, why_not
from cxr_agent.evidence import Evidence, EvidenceKind, Observation, Side
from cxr_agent.knowledge import measured_for
from cxr_agent.planning.queue import Queue
from cxr_agent.questions import Intent, Question
from cxr_agent.reading.run import Run
from cxr_agent.report.compose import answers, sentence_of
from cxr_agent.report.draft import Section
from cxr_agent.report.model import Sentence
from cxr_agent.report.phrasing import quoted
from cxr_agent.toolbox.arguments import ToolCall

CAN: Final = (
    "I can say whether a finding is there, how large something was measured, how the film was "
    "taken, what a statement rests on, where it is on the film, and how values compare with a "
    "prior; /help lists the commands."
)
_MAIN: Final = ("cardiothoracic_ratio", "cardiomegaly", "pleural_effusion", "pulmonary_edema")
"""What films are compared by where nothing is named."""
_SPEAKER: Final = "protocol"
_SIMILAR: Final = "find_similar"


@dataclass(frozen=True, slots=True)
class Answered:
    """Sentences by rule, and what is to be explained or drawn with them."""

    sentences: tuple[Sentence, ...]
    notes: tuple[Noted, ...] = ()
    explained: tuple[str, ...] = ()
    """Ids of evidence whose origin is to be told."""
    shown: tuple[str, ...] = ()
    """Ids of evidence that is to be drawn."""


class ByRule:
    """Answers questions on one run; calls a tool where that would bring the evidence."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def answer(self, question: Question, before: Sequence[str]) -> Answered:
        """Answer one question.

        Parameters
        ----------
        before
            Evidence that the answer before cited, for "why?".
        """
        match question.intent:
            case Intent.PRESENCE | Intent.SIZE:
                return self._told(question)
            case Intent.QUALITY:
                return self._quality(question)
            case Intent.COMPARE:
                return self._compared(question)
            case Intent.WHY:
                return self._why(question, before)
            case Intent.SHOW:
                return self._shown(question, before)
            case Intent.SUMMARY:
                return self._summary()
            case Intent.SIMILAR:
                return self._similar()
            case _:
                note = Noted("not_understood", f"I did not understand that. {CAN}")
                return Answered((), (note,))

    def _told(self, question: Question) -> Answered:
        run = self._run
        if not question.subjects and not question.elsewhere:
            return self._stated(_measured(run.evidence, question.side))
        items = _on(question.side, answers(run.evidence, question.subjects))
        missing = [code for code in question.subjects if not any(i.code == code for i in items)]
        calls = tuple(calls_for(run, missing))
        if calls:
            run.gather(Queue(calls))
            items = _on(question.side, answers(run.evidence, question.subjects))
        for code in question.subjects:
            if not any(item.code == code for item in items):
                items.append(self._state(why_not(code, run)))
        if question.elsewhere:
            items.append(self._elsewhere(question.elsewhere))
        return self._stated(items)

    def _quality(self, question: Question) -> Answered:
        run = self._run
        wanted = set(question.subjects)
        codes = {name for code in wanted for name in _ALSO.get(code, (code,))}
        calls = tuple(calls_for(run, sorted(codes)))
        if calls:
            run.gather(Queue(calls))
        about = [
            item
            for item in run.evidence
            if not item.of_prior and (item.code in codes or "film_quality" in codes)
        ]
        items = [
            item
            for item in about
            if item.kind is EvidenceKind.QUALITY
            or (item.kind is EvidenceKind.LIMITATION and item.code in codes)
        ]
        for code in sorted(wanted - {"film_quality"}):
            if not any(item.code in _ALSO.get(code, (code,)) for item in items):
                items.append(self._state(why_not(code, run)))
        return self._stated(items)

    def _compared(self, question: Question) -> Answered:
        run = self._run
        if not run.study.priors:
            return self._stated([self._unanswered("prior_comparison", "no_prior")])
        codes = [_MEASURED.get(code, code) for code in question.subjects] or _MAIN
        asked = {*question.subjects, *(codes if question.subjects else ())}
        asked |= {one.code for code in asked if (one := measured_for(code)) is not None}
        items = [
            item
            for item in run.evidence
            if item.kind is EvidenceKind.COMPARISON and (not asked or item.code in asked)
        ]
        items += [
            item
            for code in codes
            for item in run.evidence
            if item.code == code and item.kind not in (EvidenceKind.REGION, EvidenceKind.COMPARISON)
        ]
        items += [
            item
            for item in run.evidence
            if (item.code == "prior_film" and item.of_prior) or item.code == "prior_comparison"
        ]
        return self._stated(items)

    def _similar(self) -> Answered:
        run = self._run
        if run.setup.registry.get(_SIMILAR) is None:
            return self._stated([self._unanswered("similar_cases", "no_store")])
        made = {one.call.films for one in run.tried if one.call.tool == _SIMILAR}
        films = [film.handle for film in run.study.images if (film.handle,) not in made]
        if films:
            run.gather(Queue([ToolCall(_SIMILAR, {"film": film}) for film in films]))
        items = [item for item in run.evidence if item.provenance.tool == _SIMILAR]
        stated = self._stated(items)
        quotes = tuple(Noted("quoted_report", quoted(item)) for item in items if item.quote)
        return Answered(stated.sentences, (*stated.notes, *quotes))

    def _why(self, question: Question, before: Sequence[str]) -> Answered:
        items = self._meant(question, before)
        if not items:
            return Answered((), (Noted("nothing_to_explain", _NOTHING),))
        stated = self._stated(items)
        return Answered(stated.sentences, stated.notes, explained=tuple(i.id for i in items))

    def _shown(self, question: Question, before: Sequence[str]) -> Answered:
        items = self._meant(question, before)
        if not items:
            return Answered((), (Noted("nothing_to_show", _NOTHING),))
        stated = self._stated(items)
        return Answered(stated.sentences, stated.notes, shown=tuple(i.id for i in items))

    def _summary(self) -> Answered:
        report = self._run.report
        assert report is not None
        return Answered((*report.answer, *report.impression), ())

    def _meant(self, question: Question, before: Sequence[str]) -> list[Evidence]:
        """The evidence that a question points to: by id, by step, by code, or that of before."""
        run = self._run
        found: list[Evidence] = []
        for subject in question.subjects or tuple(before):
            names = {"lungs": ("right_lung", "left_lung")}.get(subject, (subject,))
            step = int(subject[1:]) if subject[0] == "s" and subject[1:].isdigit() else None
            found += [
                item
                for item in run.evidence
                if item.id == subject or item.provenance.step == step or item.code in names
            ]
        found = _on(question.side, found) or found
        if not any(item.id in question.subjects for item in found):
            # A prior is meant only where it is named.
            found = [item for item in found if not item.of_prior] or found
        return list({item.id: item for item in found}.values())

    def _stated(self, items: Iterable[Evidence]) -> Answered:
        run = self._run
        several = len(run.study.images) > 1
        sentences = tuple(
            sentence_of(item, Section.ANSWER, several=several)
            for item in {item.id: item for item in items}.values()
        )
        return Answered(tuple(dict.fromkeys(sentences)), ())

    def _unanswered(self, code: str, reason: str) -> Evidence:
        return self._state(Observation(kind=EvidenceKind.LIMITATION, code=code, reasons=(reason,)))

    def _elsewhere(self, codes: tuple[str, ...]) -> Evidence:
        return self._state(
            Observation(
                kind=EvidenceKind.LIMITATION,
                code="clinical_question",
                category="elsewhere",
                reasons=codes,
            )
        )

    def _state(self, observation: Observation) -> Evidence:
        """State something, unless the run has said it already."""
        run = self._run
        for item in run.evidence:
            if (item.code, item.reasons) == (observation.code, observation.reasons):
                return item
        evidence = run.toolbox.state(observation, run.study.images[0], _SPEAKER)
        run.add(evidence)
        return evidence


_NOTHING: Final = "Nothing of this run is about that. /evidence lists what is known."
_MEASURED: Final = {"heart": "cardiothoracic_ratio"}
_ALSO: Final = {
    "projection": ("projection", "projection_from_pixels", "projection_from_scapulae"),
    "inspiration": ("inspiration", "lung_height"),
    "orientation": ("orientation", "heart_side"),
}
"""Stand-ins that are told with a quality."""


def _measured(evidence: Sequence[Evidence], side: Side | None) -> list[Evidence]:
    """Every number of the current films: what "measure it" asks for where nothing is named."""
    values = [item for item in evidence if item.kind is EvidenceKind.MEASUREMENT]
    return _on(side, [item for item in values if not item.of_prior])


def _on(side: Side | None, items: Sequence[Evidence]) -> list[Evidence]:
    """Those that fit the side; what has no side fits both."""
    if side is None or side is Side.BILATERAL:
        return list(items)
    return [item for item in items if item.side in (None, side, Side.BILATERAL)]
