"""A reader's word on a finding, taken through the same door as the chat's ``/correct finding``."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxr_agent.chat.corrections import Correction, correct_finding
from cxr_agent.chat.rebuild import rebuild
from cxr_agent.errors import UsageError
from cxr_agent.evidence import Polarity, Side
from cxr_agent.knowledge import vocabulary
from cxr_agent.planning.privacy import Privacy
from cxr_agent.reading import Agent
from cxr_agent.reading.run import Run
from cxr_agent.trace import Event, StudyLoaded, TraceWriter


class Word(BaseModel):
    """What a reader says of a finding."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    film: str = Field(min_length=1, max_length=64)
    code: str = Field(min_length=1, max_length=64)
    polarity: Polarity
    side: Side | None = None
    who: str = Field(min_length=1, max_length=200)
    why: str = Field(min_length=1, max_length=500)


def word_of(body: bytes) -> Word:
    """What a page sent; raises UsageError ``bad_correction``."""
    try:
        word = Word.model_validate_json(body)
    except (ValidationError, RecursionError):
        word = None
    if word is None or not word.who.strip() or not word.why.strip():
        raise UsageError(
            "bad_correction",
            "a correction needs a film, a finding, present, absent or uncertain, who and why",
        )
    if word.code not in findings():
        raise UsageError("unknown_finding", "there is no such finding")
    return word


def findings() -> dict[str, str]:
    """Codes that can be corrected, and their names."""
    return {code: term.name for code, term in vocabulary().items() if term.kind == "finding"}


def correct(run: Run, word: Word) -> Correction:
    """Put a reader's word in the place of the tools'; raises as ``correct_finding``."""
    return correct_finding(
        run, word.film, word.code, word.polarity, side=word.side, who=word.who, why=word.why
    )


class Desk:
    """Records corrections, one at a time.

    Parameters
    ----------
    traces
        Folder of the runs.
    config
        As for a reading; its thresholds word the report anew.
    privacy
        What the trace keeps of the reason.
    """

    def __init__(self, traces: Path, config: Path | None, privacy: Privacy | str) -> None:
        # No language model: a correction is worded by rule, and nothing leaves the machine.
        self._agent = Agent(
            traces=traces, device="cpu", config=config, model="none", privacy=privacy
        )
        self._lock = threading.Lock()

    def correct(self, directory: Path, word: Word) -> Correction:
        """Go on with a run for one correction; the films need not be there.

        Raises
        ------
        UsageError
            ``unknown_film``.
        TraceError
            ``trace_damaged``, ``session_without_report``.
        OutputError
            ``trace_in_use`` while another process writes the run.
        """
        with self._lock:
            writer, trace = TraceWriter.resume(directory)
            with writer:
                _on_a_film(trace.events, word)
                chat = rebuild(writer, trace, self._agent.setup, None)
                try:
                    return correct(chat.run, word)
                finally:
                    chat.run.finish()

    def close(self) -> None:
        """Let go of what a reading holds."""
        self._agent.close()


def _on_a_film(events: Iterable[Event], word: Word) -> None:
    """Refuse before the run goes on: a run that is resumed for nothing would say so for good."""
    loaded = (event for event in events if isinstance(event, StudyLoaded))
    if word.film not in {image.handle for event in loaded for image in event.images}:
        raise UsageError("unknown_film", "there is no such film in the run")
