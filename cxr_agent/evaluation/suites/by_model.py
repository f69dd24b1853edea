"""A language model answers a question of a benchmark, with the program's tools or without any.

Pictures of the films go with the question where they may leave, and then to both.

Both are asked by the same prompt and held to the same closed form of a reply. What stands in the
data set goes into one JSON object, as text, cut and, to a server that is not on this machine, with
every word hidden that is in no list of everyday and radiological words.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import ModelError
from cxr_agent.evaluation.suites.question import LETTERS, Question, cut
from cxr_agent.evaluation.suites.replies import option_in, words_in
from cxr_agent.imaging.burned_in import BoolMask, picture_to_send
from cxr_agent.language import LanguageModel, Message, load_prompt, masked
from cxr_agent.planning.llm import LlmPlanner, Pictures, with_pictures
from cxr_agent.planning.pictures import pictures_of
from cxr_agent.planning.planner import Consulted
from cxr_agent.planning.privacy import Privacy, record
from cxr_agent.planning.seen import evidence_lines, film_lines
from cxr_agent.planning.situation import facts_of
from cxr_agent.questions import understand
from cxr_agent.reading import Agent
from cxr_agent.reading.run import Run
from cxr_agent.reading.version import program_version
from cxr_agent.study import Study
from cxr_agent.trace import Answered, Asked, RunFinished, RunStarted, TraceWriter

NO_TOOLS: Final = "no-tools"
SeenFilm = tuple[str, bytes]
"""Handle and PNG of a film, fit to leave."""
_LUNGS: Final = ("right_lung", "left_lung")
_CHEST: Final = (*_LUNGS, "heart")
_MASKED_AT_ONCE: Final = 1_500
"""Characters: :func:`masked` reads 2,000 of a text."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a system answered."""

    chosen: int | None = None
    """Place of an option."""
    said: str | None = None
    """An answer in words."""
    why: str = ""
    """By which rule; where nothing was answered, why not."""
    hidden: int = 0
    """Words of the data set that were kept from the model."""
    trace: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class _Put:
    """A question as it goes out."""

    data: dict[str, Any]
    hidden: int

    @property
    def question(self) -> str:
        return str(self.data["question"])


def with_tools(run: Run, model: LanguageModel, question: Question, options: Sequence[str]) -> Reply:
    """The model looks further with the tools of a run that has been read, then answers.

    Raises
    ------
    ModelError
        The reason code of an exchange that gave nothing.
    OutputError
        When the trace cannot be written.
    """
    put = _put(question, options, local=model.settings.local)
    _asked(run.trace, question, run.setup.privacy)
    pictures = pictures_of(run.bench) if run.setup.send_images else None
    planner = LlmPlanner(model, run.setup.registry, question=put.question, pictures=pictures)
    films = [film.handle for film in run.study.images] if model.takes_images else []
    trouble = run.gather(planner)
    if trouble is not None:
        raise _gave_nothing(trouble)
    known = {
        "films": film_lines(facts_of(run.study)),
        "evidence": evidence_lines(run.evidence),
    }
    seen = _seen(films, pictures) if pictures is not None else []
    consulted = _consult(model, known | put.data, options, seen)
    run.consulted(consulted)
    return _reply(consulted, options, put, run.trace)


def without_tools(
    model: LanguageModel,
    question: Question,
    options: Sequence[str],
    traces: Path,
    run_id: str,
    pictures: Sequence[SeenFilm] = (),
) -> Reply:
    """The same model is asked by the same prompt, with no tool; raises as above.

    Parameters
    ----------
    pictures
        Of the films, where they may leave; see :func:`fit_to_leave`.
    """
    put = _put(question, options, local=model.settings.local)
    began = time.monotonic()
    with TraceWriter.create(traces, run_id, sync_at_end=True) as trace:
        started = RunStarted(run_id=run_id, program_version=program_version(), planner=NO_TOOLS)
        trace.append(started)
        _asked(trace, question, Privacy.MASKED)
        consulted = _consult(model, put.data, options, pictures)
        record(trace, consulted, Privacy.MASKED)
        try:
            reply = _reply(consulted, options, put, trace)
        except ModelError as error:
            seconds = time.monotonic() - began
            trace.append(RunFinished(status="failed", code=error.code, seconds=seconds))
            raise
        trace.append(RunFinished(status="complete", seconds=time.monotonic() - began))
    return reply


def _put(question: Question, options: Sequence[str], *, local: bool) -> _Put:
    hidden = 0

    def out(text: str) -> str:
        nonlocal hidden
        text = cut(text)
        if local:
            return text
        pieces = [masked(piece) for piece in _pieces(text)]
        hidden += sum(piece.hidden for piece in pieces)
        return " ".join(piece.text for piece in pieces)

    data: dict[str, Any] = {}
    if question.context:
        data["context"] = out(question.context)
    data["question"] = out(question.text)
    if options:
        data["options"] = {letter: out(one) for letter, one in zip(LETTERS, options, strict=False)}
    return _Put(data, hidden)


def _pieces(text: str) -> list[str]:
    """A text cut between words into pieces that are masked whole."""
    pieces, piece = [], ""
    for word in text.split():
        if piece and len(piece) + len(word) >= _MASKED_AT_ONCE:
            pieces.append(piece)
            piece = ""
        piece = f"{piece} {word}".strip()
    return [*pieces, piece]


def fit_to_leave(agent: Agent, study: Study) -> list[SeenFilm]:
    """The films of a study as pictures, without writing and without what is no chest.

    One whose lungs are not outlined is left out, as in a reading.
    """
    model = agent.setup.shelf.anatomy()
    seen = []
    for film in study.images:
        anatomy = model.segment(film.pixels)
        planes: dict[str, BoolMask] = {
            name: anatomy.outlines[name].plane
            for name in _CHEST
            if name in anatomy.outlines and anatomy.outlines[name].plane.any()
        }
        if model.is_film(anatomy) and set(_LUNGS) & planes.keys():
            seen.append((film.handle, picture_to_send(film.pixels, planes)))
    return seen


def _seen(handles: Sequence[str], pictures: Pictures) -> list[SeenFilm]:
    found = ((handle, pictures(handle)) for handle in handles)
    return [(handle, picture) for handle, picture in found if picture is not None]


def _consult(
    model: LanguageModel,
    data: dict[str, Any],
    options: Sequence[str],
    pictures: Sequence[SeenFilm],
) -> Consulted:
    prompt = load_prompt("choose" if options else "short")
    messages: tuple[Message, ...] = (
        {"role": "system", "content": prompt.text},
        {"role": "user", "content": with_pictures(json.dumps(data), pictures)},
    )
    return Consulted(
        "answer", prompt, messages, model.ask(messages), len(pictures), of_film=bool(pictures)
    )


def _reply(consulted: Consulted, options: Sequence[str], put: _Put, trace: TraceWriter) -> Reply:
    exchange = consulted.exchange
    if not exchange.fine:
        raise _gave_nothing(exchange.outcome)
    chosen, said = None, None
    if options:
        chosen, why = option_in(exchange.text, len(options))
    else:
        said, why = words_in(exchange.text)
    told = LETTERS[chosen] if chosen is not None else (said or "")
    sentences = ({"text": told, "evidence": []},) if told else ()
    trace.append(Answered(turn=1, sentences=sentences, worded_by=exchange.model))
    tokens = exchange.tokens_in + exchange.tokens_out
    return Reply(chosen, said, why, put.hidden, trace.run_id, tokens)


def _asked(trace: TraceWriter, question: Question, privacy: Privacy) -> None:
    understood = understand(question.text)
    data = question.text.encode("utf-8", "replace")
    trace.append(
        Asked(
            turn=1,
            sha256=hashlib.sha256(data).hexdigest(),
            text=privacy.kept(data.decode()),
            intent=understood.intent.value,
            subjects=understood.subjects,
        )
    )


def _gave_nothing(code: str) -> ModelError:
    return ModelError(
        code, "the language model gave no answer", hint="Run it again with --retry-failed."
    )
