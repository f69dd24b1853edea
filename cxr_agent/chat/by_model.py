"""Answers in a language model's words: each sentence passes the evidence gate before it is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cxr_agent.language import LanguageModel, load_prompt, masked
from cxr_agent.planning.llm import LlmPlanner
from cxr_agent.planning.pictures import pictures_of
from cxr_agent.planning.planner import Consulted
from cxr_agent.planning.seen import evidence_lines, film_lines
from cxr_agent.planning.situation import facts_of
from cxr_agent.reading.run import Run
from cxr_agent.report.model import Sentence
from cxr_agent.report.written import judge, read_line

Told = Callable[[Sentence], None]
"""Takes each sentence as soon as it has passed."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of asking."""

    sentences: tuple[Sentence, ...]
    unsupported: int
    trouble: str | None = None
    """Reason code why the model gave nothing."""


class ByModel:
    """Lets a language model look further and word an answer."""

    def __init__(self, run: Run, model: LanguageModel) -> None:
        self._run = run
        self._model = model
        self._prompt = load_prompt("answer")

    def answer(self, typed: str, told: Told) -> Said:
        """Answer what was typed; words that are nobody's business are masked on the way out."""
        run, setup = self._run, self._run.setup
        question = masked(typed).text
        pictures = pictures_of(run.bench) if setup.send_images else None
        planner = LlmPlanner(self._model, setup.registry, question=question, pictures=pictures)
        trouble = run.gather(planner)
        if trouble is not None:
            return Said((), 0, trouble)
        return self._worded(question, told)

    def _worded(self, question: str, told: Told) -> Said:
        run = self._run
        brief = "\n".join(
            [
                "Films:",
                *film_lines(facts_of(run.study)),
                "",
                "Evidence:",
                *evidence_lines(run.evidence),
                "",
                "Question:",
                question,
            ]
        )
        messages = (
            {"role": "system", "content": self._prompt.text},
            {"role": "user", "content": brief},
        )
        lines = _Lines(run, told)
        exchange = self._model.ask(messages, heard=lines.hear)
        lines.end()
        run.consulted(Consulted("answer", self._prompt, messages, exchange))
        trouble = None if exchange.fine or lines.passed else exchange.outcome
        return Said(tuple(lines.passed), lines.unsupported, trouble)


class _Lines:
    """Pieces of a reply put together to lines, and lines to sentences that pass the gate."""

    def __init__(self, run: Run, told: Told) -> None:
        self.passed: list[Sentence] = []
        self.unsupported = 0
        self._known = {item.id: item for item in run.evidence}
        self._told = told
        self._rest = ""

    def hear(self, piece: str) -> None:
        self._rest += piece
        *whole, self._rest = self._rest.split("\n")
        for raw in whole:
            self._take(raw)

    def end(self) -> None:
        self._take(self._rest)
        self._rest = ""

    def _take(self, raw: str) -> None:
        line = read_line(raw)
        if line is None or line.text.upper().startswith(_NOT_KNOWN):
            return
        judged = judge(line, self._known)
        if judged.sentence is None:
            self.unsupported += 1
        elif judged.sentence not in self.passed:
            self.passed.append(judged.sentence)
            self._told(judged.sentence)


_NOT_KNOWN = "NOT KNOWN"
