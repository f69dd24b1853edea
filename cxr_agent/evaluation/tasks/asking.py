"""Who answers the questions of a benchmark: this program, and what stands beside it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cxr_agent.chat.opening import chat_in
from cxr_agent.errors import UnsuitableFilm
from cxr_agent.evaluation.suites.by_evidence import answer, choose
from cxr_agent.evaluation.suites.by_model import (
    NO_TOOLS,
    Reply,
    SeenFilm,
    fit_to_leave,
    with_tools,
    without_tools,
)
from cxr_agent.evaluation.suites.by_text import choose_by_text
from cxr_agent.evaluation.suites.question import Question, Shown
from cxr_agent.evaluation.suites.without_film import (
    at_random,
    by_words,
    in_words,
    most_frequent,
)
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.planners import LLM
from cxr_agent.evaluation.tasks.reader import FilmReader
from cxr_agent.evidence import Evidence
from cxr_agent.language import LanguageModel, configured_model
from cxr_agent.trace import TraceWriter

PROGRAM: Final = "cxr-agent"
QUESTION_ONLY: Final = "question-only"
RANDOM: Final = "random"


class Askers:
    """The systems of a benchmark of questions.

    ``cxr-agent`` reads the films anew for each question and answers by rule, or with ``--planner
    llm`` lets the model look further and choose; where several planners are compared there is one
    for each. ``no-tools`` is the same model without films and tools; without a model
    ``question-only`` takes its place, a rule that sees the words alone. ``random`` guesses.

    Parameters
    ----------
    questions
        All of them: what most answers are is taken from these.
    films
        Whether any question has films; a model that is asked about texts alone has no tools, so
        that ``no-tools`` would be itself.

    Raises
    ------
    UsageError
        ``no_model``, ``bad_model_name``.
    """

    def __init__(self, options: TaskOptions, questions: Sequence[Question], *, films: bool) -> None:
        self._reader = FilmReader(options)
        self._seed = options.seed
        self._send_images = options.send_images
        self._planners = programs(self._reader)
        settings = (
            configured_model(options.model, options.api_base, options.config)
            if options.model
            else None
        )
        self._model = LanguageModel(settings) if settings is not None else None
        self._frequent = most_frequent(questions)
        self._beside = NO_TOOLS if self._model is not None and films else QUESTION_ONLY

    @property
    def systems(self) -> tuple[str, ...]:
        return (*self._planners, self._beside, RANDOM)

    @property
    def settings(self) -> dict[str, Any]:
        return self._reader.settings

    def ask(self, system: str, question: Question, options: Shown, traces: Path) -> Reply:
        """One question to one system; nothing of an earlier one is known to it.

        A film that the program refuses to read is a question that it does not answer.

        Raises
        ------
        InputError
            When a film cannot be read as a picture.
        ModelError
            When the language model gives nothing.
        """
        if system in self._planners:
            return self._by_program(self._planners[system], question, options, traces)
        if system == NO_TOOLS:
            return self._without_tools(question, options, traces)
        return self._without_film(system, question, options)

    def _by_program(self, planner: str, question: Question, options: Shown, traces: Path) -> Reply:
        led = planner == LLM and self._model is not None
        if not question.films:
            if led:
                assert self._model is not None
                run_id = _run_id(PROGRAM)
                return without_tools(self._model, question, options.options, traces, run_id)
            chosen, why = choose_by_text(question, options.options)
            return Reply(chosen, why=why)
        agent = self._reader.agent(planner)
        name = _run_id(planner.partition(":")[0])
        try:
            study = agent.load(list(question.films))
            with (
                TraceWriter.create(traces, name, sync_at_end=True) as trace,
                chat_in(trace, agent, study) as chat,
            ):
                if led:
                    assert chat.model is not None
                    return with_tools(chat.run, chat.model, question, options.options)
                chat.ask(question.text)  # calls the tools that the question needs
                return _by_rule(question, options, chat.run.evidence, name)
        except UnsuitableFilm as refusal:
            return Reply(why=refusal.code, trace=name if (traces / name).is_dir() else "")

    def _without_tools(self, question: Question, options: Shown, traces: Path) -> Reply:
        assert self._model is not None
        pictures: list[SeenFilm] = []
        if self._send_images and self._model.takes_images:
            agent = self._reader.agent(LLM)
            try:
                pictures = fit_to_leave(agent, agent.load(list(question.films)))
            except UnsuitableFilm:
                pictures = []  # asked all the same, by the words alone
        return without_tools(
            self._model, question, options.options, traces, _run_id(NO_TOOLS), pictures
        )

    def _without_film(self, system: str, question: Question, options: Shown) -> Reply:
        if question.options:
            if system == QUESTION_ONLY:
                return Reply(by_words(question, options), why="words")
            return Reply(at_random(question, options, self._seed), why="random")
        if system == QUESTION_ONLY:
            said = in_words(question)
            return Reply(said=said, why="words" if said else "not_understood")
        return Reply(said=self._frequent.get(bool(question.closed)), why="most_frequent")

    def close(self) -> None:
        self._reader.close()


def programs(reader: FilmReader) -> dict[str, str]:
    """Planners by what they are called as systems: ``cxr-agent`` where there is one alone.

    Raises
    ------
    UsageError
        ``no_model``.
    """
    names = reader.systems
    return {PROGRAM if len(names) == 1 else f"{PROGRAM} {name}": name for name in names}


def _by_rule(question: Question, options: Shown, evidence: Sequence[Evidence], trace: str) -> Reply:
    if question.options:
        choice = choose(question.text, options.options, evidence)
        return Reply(choice.chosen, why=choice.why, trace=trace)
    said, why = answer(question.text, evidence)
    return Reply(said=said, why=why, trace=trace)


def _run_id(system: str) -> str:
    # Not after the case: a kill may have left a trace of that name.
    return f"{system}-{secrets.token_hex(6)}"
