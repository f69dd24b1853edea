"""One study on the bench with its trace open: read, asked further, put right, reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from cxr_agent.errors import CxrAgentError, UnsuitableFilm
from cxr_agent.evidence import Evidence
from cxr_agent.imaging.refusal import refusal_by_pixels
from cxr_agent.planning.graph import Before, Reading, ReadingGraph
from cxr_agent.planning.planner import Consulted, Planner, Tried
from cxr_agent.planning.privacy import record
from cxr_agent.planning.protocol import calls_on_prior
from cxr_agent.planning.queue import Queue
from cxr_agent.planning.seen import names_of
from cxr_agent.planning.statements import OF_THE_RUN, about_film
from cxr_agent.questions import Question, asked_in
from cxr_agent.reading.films import exam_of, write_film, write_study
from cxr_agent.reading.setup import Setup
from cxr_agent.reading.version import program_version
from cxr_agent.report.model import FilmSummary, Report, notice_of
from cxr_agent.study import Image, Study
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.execute import Toolbox
from cxr_agent.trace import (
    ReportIssued,
    RunFinished,
    RunResumed,
    RunStarted,
    TraceWriter,
    Withdrawn,
)

_Work = Callable[[], Reading]

_HIDDEN = "[indication not kept in the trace]"


class Run:
    """A study, what is known of it, and the record of how that came about.

    Parameters
    ----------
    study
        The films.
    setup
        How they are to be read.
    trace
        Open, and closed by whoever opened it.
    toolbox
        One that goes on from an earlier process; made where none is given.
    """

    def __init__(
        self, study: Study, setup: Setup, trace: TraceWriter, toolbox: Toolbox | None = None
    ) -> None:
        self.study = study
        self.setup = setup
        self.trace = trace
        self.toolbox = toolbox or Toolbox(
            setup.registry, setup.bench_for(study), trace, setup.cache
        )
        self.asked: Question | None = asked_in(study.indication) if study.indication else None
        self.films: tuple[FilmSummary, ...] = ()
        self.tried: tuple[Tried, ...] = ()
        self.evidence: tuple[Evidence, ...] = ()
        """What counts; what was withdrawn stands in the trace alone."""
        self.report: Report | None = None
        self.tokens = 0
        """Sent to and got from a language model so far."""
        self.cost = 0.0
        """US dollars, where the price is known."""
        self._planner = setup.planner_for(self.bench, self._question())
        self._withdrawn: set[str] = set()
        self._forgotten: set[int] = set()
        """Steps whose call may be made again."""
        self._began = time.monotonic()

    @property
    def bench(self) -> Bench:
        return self.toolbox.bench

    @property
    def planner_name(self) -> str:
        return self._planner.name

    def start(self) -> None:
        """Write the first events."""
        self.trace.hold(self.started())
        self.films = write_study(self.study, self.trace, self.setup.privacy)

    def started(self) -> RunStarted:
        """The first event: all that is needed to do the run again."""
        return RunStarted(
            run_id=self.trace.run_id,
            program_version=program_version(),
            planner=self._planner.name,
            config=self.setup.config() | self._asked(),
            versions=self.setup.versions(),
        )

    def read(self) -> Report:
        """Read the study from the start.

        Raises
        ------
        UnsuitableFilm
            When every current film is nothing that this program reads.
        OutputError
            When the trace cannot be written.
        """
        reading = self._within(self._graph(self._planner).run)
        if reading.status == "refused":
            assert reading.refusal is not None
            raise refusal_by_pixels(reading.refusal)
        return self._take(reading)

    def gather(self, planner: Planner) -> str | None:
        """Let a planner look further; nobody takes its place.

        Returns
        -------
        str or None
            The reason code why a language model did not finish, where it did not.

        Raises
        ------
        OutputError
            When the trace cannot be written.
        """
        graph = self._graph(planner, alone=True)
        reading = self._within(lambda: graph.gather(Before(self.tried, self.evidence)))
        self.tried, self.evidence = reading.tried, reading.evidence
        return reading.stopped if planner.corrigible else None

    def consulted(self, consulted: Consulted) -> None:
        """Record an exchange with a language model. Raises OutputError."""
        record(self.trace, consulted, self.setup.privacy)
        self.tokens += consulted.exchange.tokens_in + consulted.exchange.tokens_out
        self.cost += consulted.exchange.cost or 0.0

    def take_in(self) -> None:
        """Let count what was recorded while something was interrupted."""
        known = {item.id for item in self.evidence} | self._withdrawn
        self.evidence += tuple(i for i in self.toolbox.stated if i.id not in known)
        made = {one.outcome.step for one in self.tried if one.outcome is not None}
        turn = max((one.turn for one in self.tried), default=0)
        self.tried += tuple(
            Tried(turn, self._planner.name, outcome.call, outcome)
            for outcome in self.toolbox.outcomes
            if outcome.step not in made and outcome.step not in self._forgotten
        )

    def restate(self) -> Report:
        """Report anew on what counts now, by rule. Raises OutputError."""
        self.withdraw(
            (item.id for item in self.evidence if item.provenance.tool == OF_THE_RUN), "restated"
        )
        graph = self._graph(self._planner, alone=True)
        return self._take(self._within(lambda: graph.report(Before(self.tried, self.evidence))))

    def withdraw(self, identities: Iterable[str], reason: str) -> tuple[str, ...]:
        """Let evidence no longer count; returns the ids that did. Raises OutputError."""
        wanted = set(identities)
        gone = tuple(item.id for item in self.evidence if item.id in wanted)
        if gone:
            self.trace.append(Withdrawn(evidence=gone, reason=reason))
            self._withdrawn |= set(gone)
            self.evidence = tuple(item for item in self.evidence if item.id not in wanted)
        return gone

    def add(self, evidence: Evidence) -> None:
        """Let further evidence, already in the trace, count."""
        self.evidence = (*self.evidence, evidence)

    def forget(self, tools: Iterable[tuple[str, str]]) -> None:
        """Let (tool, film) be called again, a comparison also where the film is the prior."""
        gone = set(tools)
        kept = []
        for one in self.tried:
            if gone.isdisjoint((one.call.tool, film) for film in one.call.films):
                kept.append(one)
            elif one.outcome is not None:
                self._forgotten.add(one.outcome.step)
        self.tried = tuple(kept)

    def remember(self, tried: Tried) -> None:
        """Take in a call that was made outside the graph, and its evidence."""
        self.tried = (*self.tried, tried)
        if tried.outcome is not None:
            self.evidence = (*self.evidence, *tried.outcome.evidence)

    def add_prior(self, film: Image) -> str:
        """Take in one more prior, look at it by the protocol, and report anew.

        Returns
        -------
        str
            Its handle.

        Raises
        ------
        UnsuitableFilm
            When it is nothing that this program reads.
        OutputError
            When the trace cannot be written.
        """
        handle = f"prior-{len(self.study.priors) + 1}"
        film = replace(film, handle=handle)
        self.study = replace(self.study, priors=(*self.study.priors, film))
        self.bench.study = self.study
        self.films = (*self.films, write_film(film, self.trace, self.setup.privacy))
        for observation in about_film(film):
            self.add(self.toolbox.state(observation, film, "imaging"))
        self.gather(Queue(self._calls_on_prior(handle), "prior_added"))
        self.restate()
        self.issue()
        return handle

    def _calls_on_prior(self, handle: str) -> list[ToolCall]:
        currents = [film.handle for film in self.study.images]
        return calls_on_prior(handle, currents, self.setup.registry)

    def go_on(
        self,
        *,
        films: tuple[FilmSummary, ...],
        tried: tuple[Tried, ...],
        evidence: tuple[Evidence, ...],
        asked: Question | None,
        report: Report,
    ) -> None:
        """Take up what an earlier process recorded, and record that. Raises OutputError."""
        self.films, self.tried, self.evidence = films, tried, evidence
        self.asked, self.report = asked, report
        stated = {item.id for item in self.toolbox.stated}
        self._withdrawn = stated - {item.id for item in evidence}
        made = {one.outcome.step for one in tried if one.outcome is not None}
        self._forgotten = {outcome.step for outcome in self.toolbox.outcomes} - made
        self.trace.append(
            RunResumed(
                program_version=program_version(),
                planner=self._planner.name,
                config=self.setup.config(),
            )
        )

    def issue(self) -> None:
        """Write that the report was given out while the run goes on. Raises OutputError."""
        assert self.report is not None
        self.trace.append(
            ReportIssued(report_sha256=self._keep(self.report), status=self.report.status)
        )

    def finish(self) -> None:
        """Write the last event. Raises OutputError."""
        assert self.report is not None
        self.trace.append(
            RunFinished(
                status=self.report.status,
                code="partial_reading" if self.report.status == "partial" else None,
                seconds=time.monotonic() - self._began,
                report_sha256=self._keep(self.report),
            )
        )

    def fail(self, error: BaseException) -> None:
        """The last event of a run without a report. The trace may be what failed: then silence."""
        if self.trace.ended:
            return  # interrupted when all was written
        refused = isinstance(error, UnsuitableFilm)
        code = "interrupted" if isinstance(error, KeyboardInterrupt) else "internal_error"
        if isinstance(error, CxrAgentError):
            code = error.code
        seconds = time.monotonic() - self._began
        try:
            self.trace.append(
                RunFinished(status="refused" if refused else "failed", code=code, seconds=seconds)
            )
        except CxrAgentError:
            return

    def _asked(self) -> dict[str, Any]:
        """The clinical question as codes, so that a run that goes on knows it."""
        if self.asked is None:
            return {}
        codes = {"subjects": self.asked.subjects, "elsewhere": self.asked.elsewhere}
        return {"asked": {name: list(named) for name, named in codes.items()}}

    def _question(self) -> str:
        """The clinical question as codes in words: the indication itself may name the patient."""
        return names_of(self.asked.subjects) if self.asked is not None else ""

    def _graph(self, planner: Planner, *, alone: bool = False) -> ReadingGraph:
        setup = self.setup
        return ReadingGraph(
            self.toolbox,
            planner,
            setup.budget,
            fallback=None if alone else setup.fallback,
            writer=None if alone else setup.writer,
            judge=None if alone else setup.judge,
            privacy=setup.privacy,
            asked=self.asked,
        )

    def _within(self, work: _Work) -> Reading:
        with _untold():
            reading = work()
        self.tokens += reading.tokens
        self.cost += reading.cost
        return reading

    def _take(self, reading: Reading) -> Report:
        self.tried, self.evidence = reading.tried, reading.evidence
        assert reading.gated is not None
        assert reading.status != "refused"
        draft = reading.gated.draft
        self.report = Report(
            run_id=self.trace.run_id,
            program_version=program_version(),
            planner=self._planner.name,
            status=reading.status,
            notice=notice_of(self.films),
            exam=exam_of(self.study),
            history=self.study.indication,
            answer=draft.answer,
            technique=draft.technique,
            comparison=draft.comparison,
            findings=draft.findings,
            impression=draft.impression,
            context=draft.context,
            limitations=draft.limitations,
            dropped=reading.gated.dropped,
            films=self.films,
            evidence=reading.evidence,
            trace=str(self.trace.directory),
        )
        return self.report

    def _keep(self, report: Report) -> str:
        # The indication may name the patient: the trace has its hash alone.
        history = _HIDDEN if report.history else ""
        portable = report.model_copy(update={"trace": None, "history": history})
        return self.trace.put(portable.record())


def _untold() -> AbstractContextManager[None]:
    """LangGraph sends its runs to LangSmith where the environment asks it to: not ours."""
    from langsmith.run_helpers import tracing_context

    return tracing_context(enabled=False)
