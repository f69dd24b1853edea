"""What a worker of a batch does with a study: decode it, read it, write its reports."""

from __future__ import annotations

import os
import time
import traceback
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from cxr_agent.batch.inputs import digest_of, facts_of
from cxr_agent.batch.layout import CACHE, TRACES, UNACCEPTED, traces_of
from cxr_agent.batch.listing import fetched
from cxr_agent.batch.rows import rows_of
from cxr_agent.batch.work import Ending, FileFacts, Outcome, StudyResult, Task
from cxr_agent.errors import CxrAgentError, InputError, OutputError, RemoteError
from cxr_agent.output import write_whole
from cxr_agent.reading.agent import Agent
from cxr_agent.reading.recipe import Recipe
from cxr_agent.reading.unfinished import Unfinished
from cxr_agent.report.model import Report
from cxr_agent.study import Study

_OF_THE_DISK: Final = ("disk_full", "trace_not_writable", "output_not_writable")
"""Errors of writing that the next study would meet too."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A decoded study, and the files that it came from."""

    study: Study
    files: tuple[FileFacts, ...]
    inputs: str
    notes: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class StudyReaderSource:
    """Makes a :class:`StudyReader` where it is called; a
    :class:`~cxr_agent.batch.work.StagedSource`."""

    recipe: Recipe
    folder: Path
    threads: int | None
    keep_results: bool
    html: bool
    language: str

    @property
    def device(self) -> str:
        """What the models are to run on."""
        return self.recipe.device

    def __call__(self) -> StudyReader:
        return StudyReader(self)

    def loader(self) -> StudyLoader:
        """Make what decodes: an agent that no GPU is asked of, and that loads no model."""
        return StudyLoader(
            replace(self, keep_results=False, recipe=replace(self.recipe, device="cpu"))
        )


class StudyLoader(AbstractContextManager[Any]):
    """An agent that decodes the films of a batch.

    Raises
    ------
    CxrAgentError
        As :class:`Agent`.
    """

    def __init__(self, source: StudyReaderSource) -> None:
        self._source = source
        cache = source.folder / CACHE if source.keep_results else None
        self._agent: Agent = source.recipe.made(source.folder / TRACES, source.threads, cache)

    def load(self, task: Task) -> _Loaded | StudyResult:
        """As :meth:`cxr_agent.batch.work.Reader.load`."""
        began = time.monotonic()
        films = tuple(map(facts_of, task.films))
        priors = tuple(map(facts_of, task.priors))
        count = len(films)
        inputs = digest_of(
            [one.sha256 for one in films], [one.sha256 for one in priors], task.indication
        )
        notes: list[str] = []
        try:
            with fetched((*task.films, *task.priors)) as paths:
                study = self._agent.load(
                    paths[:count],
                    priors=paths[count:],
                    indication=task.indication,
                    on_unfit_prior=lambda error: notes.append(error.code),
                )
        except Exception as error:
            return _result_of(error, began, inputs, (*films, *priors))
        seconds = time.monotonic() - began
        return _Loaded(study, (*films, *priors), inputs, tuple(notes), seconds)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._agent.close()


class StudyReader(StudyLoader):
    """An agent that reads into the folder of a batch."""

    def read(self, task: Task, loaded: Any) -> StudyResult | Ending:
        """As :meth:`cxr_agent.batch.work.Reader.read`."""
        began = time.monotonic() - loaded.seconds
        try:
            read = self._agent.examine(
                loaded.study, traces=traces_of(self._source.folder, task.number), run_id=task.run
            )
        except Exception as error:
            return _result_of(error, began, loaded.inputs, loaded.files)
        return lambda: self._ended(task, loaded, read, began)

    def _ended(self, task: Task, loaded: Any, read: Unfinished, began: float) -> StudyResult:
        """Put trace and reports on the disk; what there is to tell then."""
        try:
            report = read.finish()
            suffixes = self._write(report, task.run)
        except Exception as error:
            return _result_of(error, began, loaded.inputs, loaded.files)
        return StudyResult(
            outcome=Outcome.READ,
            code="partial_reading" if report.status == "partial" else "",
            seconds=time.monotonic() - began,
            inputs=loaded.inputs,
            files=loaded.files,
            rows=rows_of(report.evidence, {film.handle: film.days_before for film in report.films}),
            suffixes=suffixes,
            device=str(self._agent.runtime.device),
            notes=loaded.notes,
        )

    def _write(self, report: Report, run: str) -> tuple[str, ...]:
        """Put the reports among the unaccepted, on the disk; who keeps the ledger places them."""
        from cxr_agent.report.render import to_html, to_json
        from cxr_agent.report.translate import in_language
        from cxr_agent.trace import read_trace
        from cxr_agent.trace.durable import sync_files

        made = {".json": to_json(report).encode()}
        if self._source.html:
            assert report.trace is not None
            told = in_language(report, self._source.language)
            made[".html"] = to_html(told, read_trace(Path(report.trace)).artifact).encode()
        files = {
            self._source.folder / UNACCEPTED / f"{run}{suffix}": data
            for suffix, data in made.items()
        }
        for file, data in files.items():
            write_whole(file, data)
        sync_files(files)
        return tuple(made)


def _result_of(
    error: Exception, began: float, inputs: str, files: tuple[FileFacts, ...]
) -> StudyResult:
    """An error as what came of the study. No text out of a file is among the family's messages."""
    code, message = "internal_error", type(error).__name__
    if isinstance(error, CxrAgentError):
        code, message = error.code, error.message
    elif isinstance(error, MemoryError):
        code = "out_of_memory"
    if os.environ.get("CXR_AGENT_DEBUG"):
        traceback.print_exception(error)
    return StudyResult(
        outcome=Outcome.REFUSED if isinstance(error, InputError) else Outcome.FAILED,
        code=code,
        message=message,
        seconds=time.monotonic() - began,
        inputs=inputs,
        files=files,
        stops=isinstance(error, OutputError) and code in _OF_THE_DISK,
        again=isinstance(error, RemoteError) or not isinstance(error, CxrAgentError),
    )
