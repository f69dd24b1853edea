"""A batch: every study of a listing read once, whatever crashes, with its folder as its state."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from cxr_agent.batch.cleaning import remove_orphans, remove_trace
from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.layout import SUFFIXES, UNACCEPTED, report_file, study_id, traces_of
from cxr_agent.batch.ledger import COMPLAINTS, Ledger, Settled, State, Waiting
from cxr_agent.batch.manifest import write_manifest
from cxr_agent.batch.progress import Progress
from cxr_agent.batch.rows import Table
from cxr_agent.batch.tables import frame_of, write_tables
from cxr_agent.batch.work import (
    Finished,
    Lost,
    Outcome,
    Returned,
    Runner,
    StudyResult,
    Task,
    Update,
)
from cxr_agent.errors import CxrAgentError, OutputError, UsageError
from cxr_agent.trace.durable import sync_folder

if TYPE_CHECKING:
    from cxr_agent.report.model import Report
    from cxr_agent.trace import Trace

_ATTEMPTS: Final = 3
"""Workers that one study may take along: the first might be chance, the last was alone with it."""
_ATTEMPTS_AT_AN_ERROR: Final = 2
_CRASHES: Final = 6
"""Times that everything may end while a study is read, before it is what everything ends of."""


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """What came of one study."""

    study: BatchStudy
    id: str
    """What reports, traces and tables call it."""
    outcome: Outcome
    code: str
    """Why it was refused or failed; ``partial_reading`` of a report that lacks something."""
    message: str
    seconds: float
    run: str
    """Name of the trace; empty where there is none."""
    folder: Path
    """Of the batch."""
    _number: int

    @property
    def report_path(self) -> Path | None:
        """The report as JSON, where there is one."""
        path = report_file(self.folder, self._number, ".json")
        return path if self.outcome is Outcome.READ and path.is_file() else None

    def report(self) -> Report:
        """The report.

        Raises
        ------
        UsageError
            ``no_report``: the study was refused or failed.
        """
        from cxr_agent.report.model import Report

        path = self.report_path
        if path is None:
            raise UsageError("no_report", f"there is no report of {self.id}: {self.code}")
        return Report.model_validate_json(path.read_bytes())

    def trace(self) -> Trace:
        """The trace of its reading; raises as :func:`cxr_agent.trace.read_trace`."""
        from cxr_agent.trace import read_trace

        return read_trace(traces_of(self.folder, self._number) / self.run)


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a session ends before all is read."""

    studies: int | None = None
    """At most so many are read now; the rest waits for the next session."""
    failures: int | None = None
    """With more failed studies than this in one session, it stops."""


class Batch(AbstractContextManager["Batch"]):
    """Reads the studies that wait in a ledger; iterate over it to have them read.

    Parameters
    ----------
    ledger
        With its listing made; closed with this batch.
    runner
        Who reads.
    setup
        Digest of tools, weights and options: results of another one are made anew.
    limits
        Where to stop before the end.
    facts
        What the manifest says of how the batch was made.

    Examples
    --------
    >>> with agent.batch("films/", out="results") as batch:  # doctest: +SKIP
    ...     for one in batch:
    ...         print(one.study.name, one.outcome)
    ...     findings = batch.to_frame("findings")
    """

    def __init__(
        self,
        ledger: Ledger,
        runner: Runner,
        setup: str,
        limits: Limits | None = None,
        facts: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.folder = ledger.folder
        self.stopped = ""
        """Code of what ended the session early: ``limit``, ``too_many_failures``, ``asked``."""
        self._ledger = ledger
        self.runner = runner
        """Who reads."""
        """Who reads."""
        self._setup = setup
        self._limits = limits or Limits()
        self._facts = facts or {}
        self._unwritten = True
        """Whether the tables lack something that the ledger has."""
        self._failures = 0
        self._handed_out = 0
        self._next = 0
        self._ready: deque[Waiting] = deque()
        self._again: deque[Waiting] = deque()
        self._flying: dict[int, Waiting] = {}
        self._given_up: deque[Settled] = deque()
        counts = ledger.counts()
        waiting = counts[State.WAITING]
        self.progress = Progress(
            total=sum(counts.values()),
            settled=sum(counts.values()) - waiting,
            refused=counts[State.REFUSED],
            failed=counts[State.FAILED],
            to_do=min(waiting, self._limits.studies or waiting),
        )

    # Having it read.

    def __iter__(self) -> Iterator[StudyOutcome]:
        """What came of each study: first those of earlier sessions, then each when it is settled.

        Ending the iteration ends the workers; what is settled stays so.

        Raises
        ------
        OutputError
            ``disk_full`` and others of the family: run it again and it goes on.
        CxrAgentError
            What keeps every worker from reading.
        """
        for settled in self._ledger.settled():
            yield self._outcome(settled.number, settled)
        yield from self.fresh()

    def fresh(self) -> Iterator[StudyOutcome]:
        """As iterating, without what earlier sessions settled."""
        remove_orphans(self._ledger)
        updates = self.runner.run(self._take)
        try:
            for update in updates:
                settled = self._taken_in(update)
                if settled is not None:
                    yield self._outcome(settled.number, settled)
            while self._given_up:
                settled = self._given_up.popleft()
                yield self._outcome(settled.number, settled)
            self.write_up()
        finally:
            close = getattr(updates, "close", None)
            if close is not None:
                close()
            # Stopped in good order: none of them is to blame for anything.
            for number in self._flying:
                with contextlib.suppress(OutputError):
                    self._ledger.take_back(number)
            self._flying.clear()

    async def __aiter__(self) -> AsyncIterator[StudyOutcome]:
        """As iterating, while the event loop goes on."""
        outcomes = iter(self)
        try:
            while (one := await asyncio.to_thread(next, outcomes, None)) is not None:
                yield one
        finally:
            await asyncio.to_thread(outcomes.close)  # type: ignore[attr-defined]

    def run(self) -> Progress:
        """Have everything read, without looking at it; raises as iterating."""
        for _ in self.fresh():
            pass
        return self.progress

    def stop(self, code: str = "asked") -> None:
        """Begin no other study; what is being read comes to its end. May be called by a signal."""
        self.stopped = self.stopped or code

    # What there is.

    def write_up(self) -> None:
        """Write tables and manifest anew; done when all is read, and when this batch is left.

        Raises
        ------
        OutputError
            ``disk_full``, ``batch_not_writable``, ``output_not_writable``.
        """
        if not self._unwritten:
            return
        write_tables(self._ledger)
        write_manifest(
            self._ledger,
            facts=self._facts,
            runner=self.runner.record(),
            progress=self.progress,
            stopped=self.stopped,
        )
        self._unwritten = False

    def reasons(self) -> dict[tuple[str, str], int]:
        """How many studies there are by outcome and code, the most first."""
        return self._ledger.reasons()

    def to_frame(self, table: str = Table.FINDINGS) -> Any:
        """One of the tables as a pandas ``DataFrame``.

        Parameters
        ----------
        table
            ``studies``, ``findings``, ``measurements``, ``comparisons`` or ``limitations``.

        Raises
        ------
        ConfigError
            ``pandas_missing``.
        UsageError
            ``unknown_table``.
        """
        return frame_of(self._ledger, table)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            with contextlib.nullcontext() if kind is None else contextlib.suppress(CxrAgentError):
                self.write_up()
        finally:
            self.close()

    def close(self) -> None:
        """Let another process go on with the batch."""
        self._ledger.close()

    # What is next.

    def _take(self) -> Task | None:
        if not self.stopped and self._handed_out >= (self._limits.studies or self.progress.total):
            self.stopped = "limit" if self._waits() else ""
        if self.stopped:
            return None
        while (waiting := self._next_waiting()) is not None:
            if waiting.begun >= _CRASHES:
                why = _failure("batch_killed", f"everything ended {waiting.begun} times with it")
                self._given_up.append(self._settle(waiting, "", why))
                continue
            return self._handed(waiting)
        return None

    def _next_waiting(self) -> Waiting | None:
        if self._again:
            return self._again.popleft()
        if not self._ready:
            self._ready.extend(self._ledger.waiting(self._next))
            if self._ready:
                self._next = self._ready[-1].number
        return self._ready.popleft() if self._ready else None

    def _waits(self) -> bool:
        return bool(self._again or self._ready or self._ledger.waiting(self._next, 1))

    def _handed(self, waiting: Waiting) -> Task:
        self._ledger.hand_out(waiting.number)
        self._flying[waiting.number] = waiting
        self._handed_out += 1
        study = waiting.study
        return Task(
            number=waiting.number,
            run=f"{study_id(waiting.number)}-{secrets.token_hex(4)}",
            films=study.films,
            priors=study.priors,
            indication=study.indication,
            # Handed out before and never heard of: everything ended while it was read.
            alone=waiting.lost > 0 or waiting.begun > 0,
        )

    # What came.

    def _taken_in(self, update: Update) -> Settled | None:
        waiting = self._flying.pop(update.task.number)
        match update:
            case Returned():
                self._ledger.take_back(waiting.number)
                self._put_back(waiting)
            case Lost(task, code, message, seconds):
                self.progress.lost += 1
                return self._lost(waiting, task, _failure(code, message, seconds), _ATTEMPTS)
            case Finished(task, result) if result.stops:
                self._remove(task)
                raise OutputError(
                    result.code,
                    result.message,
                    hint="Free space and run the same command again: it goes on.",
                )
            case Finished(task, result) if result.again:
                return self._lost(waiting, task, result, _ATTEMPTS_AT_AN_ERROR)
            case Finished(task, result):
                return self._settle(waiting, task.run, result)
        return None

    def _lost(
        self, waiting: Waiting, task: Task, result: StudyResult, attempts: int
    ) -> Settled | None:
        """An attempt went wrong: the study is read again by itself, or has failed."""
        self._remove(task)
        lost = self._ledger.lose(waiting.number)
        if lost >= attempts:
            return self._settle(waiting, "", result)
        self._put_back(Waiting(waiting.number, waiting.study, 0, lost))
        return None

    def _put_back(self, waiting: Waiting) -> None:
        self._handed_out -= 1
        self._again.append(waiting)

    def _settle(self, waiting: Waiting, run: str, result: StudyResult) -> Settled:
        """Put the reports in their places, then acknowledge: the other way round, a kill in
        between would leave a result without its report."""
        number = waiting.number
        self._publish(number, run, result.suffixes)
        before = self._ledger.settle(number, run, result, self._setup)
        self._unwritten = True
        if before and before != run:
            remove_trace(traces_of(self.folder, number) / before)
        failed = result.outcome is Outcome.FAILED
        self.progress.settle(refused=result.outcome is Outcome.REFUSED, failed=failed)
        self._failures += failed
        most = self._limits.failures
        if most is not None and self._failures > most:
            self.stop("too_many_failures")
        return next(self._ledger.settled(number - 1, at_once=1))

    def _publish(self, number: int, run: str, suffixes: tuple[str, ...]) -> None:
        """Put a study's reports where they are looked for; an older attempt's make room."""
        places = {suffix: report_file(self.folder, number, suffix) for suffix in SUFFIXES}
        try:
            for suffix, place in places.items():
                if suffix in suffixes:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    self._unaccepted(run, suffix).replace(place)
                else:
                    place.unlink(missing_ok=True)
            for folder in {places[suffix].parent for suffix in suffixes}:
                sync_folder(folder)
        except OSError as error:
            raise COMPLAINTS.unwritable(error) from None

    def _remove(self, task: Task) -> None:
        remove_trace(traces_of(self.folder, task.number) / task.run)
        for suffix in SUFFIXES:
            self._unaccepted(task.run, suffix).unlink(missing_ok=True)

    def _unaccepted(self, run: str, suffix: str) -> Path:
        return self.folder / UNACCEPTED / f"{run}{suffix}"

    def _outcome(self, number: int, settled: Settled) -> StudyOutcome:
        return StudyOutcome(
            study=settled.study,
            id=study_id(number),
            outcome=Outcome(settled.state),
            code=settled.code,
            message=settled.message,
            seconds=settled.seconds,
            run=settled.run,
            folder=self.folder,
            _number=number,
        )


def _failure(code: str, message: str, seconds: float = 0.0) -> StudyResult:
    return StudyResult(Outcome.FAILED, code, message, seconds)
