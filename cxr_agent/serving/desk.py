"""The studies that another agent has open: opened, read, looked at with single tools, explained."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from cxr_agent.errors import CxrAgentError, ToolError, UsageError
from cxr_agent.evidence import Evidence
from cxr_agent.knowledge import thresholds_changed
from cxr_agent.planning.planner import Tried
from cxr_agent.reading import Agent
from cxr_agent.reading.run import Run
from cxr_agent.serving.answers import (
    Drawn,
    ExplainAnswer,
    FilmFacts,
    OpenAnswer,
    ReadAnswer,
    Statement,
    Support,
    ToolAnswer,
)
from cxr_agent.serving.folders import Folders
from cxr_agent.toolbox.arguments import ToolCall, refusal_of
from cxr_agent.toolbox.artifacts import LINES
from cxr_agent.toolbox.contract import ToolSpec
from cxr_agent.toolbox.execute import Outcome
from cxr_agent.trace import Event, ToolReturned, TraceWriter, read_artifact

SCHEME: Final = "cxr-agent"
_MOST_OPEN: Final = 8
_CALLER: Final = "outside"
"""Who asked for a call, as a run remembers it."""
Listener = Callable[[Event], None]
"""Told of what goes on; to end a reading it raises :class:`Cancelled`."""


class Cancelled(KeyboardInterrupt):
    """Raised by a listener when nobody waits for the answer any more."""


def unheard(_: Event) -> None:
    """The listener that nobody is."""


@dataclass(slots=True)
class _Open:
    """One open study."""

    name: str
    run: Run
    ending: ExitStack
    listener: Listener = unheard
    returned: dict[int, ToolReturned] = field(default_factory=dict)
    """By step."""
    drawn: dict[str, str] = field(default_factory=dict)
    """Media type by the hash of what was offered."""
    unsaid: bool = True
    """Whether something was found since the report."""

    def hear(self, event: Event) -> None:
        if isinstance(event, ToolReturned):
            self.returned[event.step] = event
        self.listener(event)


class Desk:
    """Opens studies for another agent and answers about them; may be used from many threads.

    One thing is done at a time. Of more than eight open studies the oldest is closed.

    Parameters
    ----------
    agent
        Who reads; closed by whoever opened it.
    folders
        Where the films lie that may be named.
    """

    def __init__(self, agent: Agent, folders: Folders) -> None:
        self.agent = agent
        self._folders = folders
        self._open: dict[str, _Open] = {}
        self._numbers = count(1)
        self._lock = threading.Lock()

    def open_study(self, films: Sequence[str], priors: Sequence[str] = ()) -> OpenAnswer:
        """Open a study, with nothing looked at yet.

        Raises
        ------
        UsageError
            ``outside_films``, ``no_film``.
        InputError, UnsuitableFilm
            When a file cannot be read or is no adult frontal chest film.
        OutputError
            When the trace cannot be written.
        """
        with self._lock:
            study = self._begin(films, priors, "", unheard)
            return OpenAnswer(
                study=study.name,
                films=tuple(
                    FilmFacts(
                        handle=one.handle,
                        rows=one.rows,
                        columns=one.columns,
                        view=one.view,
                        days_before=one.days_before,
                    )
                    for one in study.run.films
                ),
            )

    def read(
        self,
        films: Sequence[str],
        priors: Sequence[str] = (),
        indication: str = "",
        heard: Listener = unheard,
    ) -> ReadAnswer:
        """Read a study and leave it open; raises as :meth:`open_study`, and Cancelled."""
        with self._lock:
            study = self._begin(films, priors, indication, heard)
            try:
                with thresholds_changed(self.agent.setup.changed):
                    report = study.run.read()
                    study.run.issue()
            except BaseException as error:
                self._drop(study, error)
                raise
            study.listener, study.unsaid = unheard, False
            return ReadAnswer.of(study.name, report)

    def use(self, spec: ToolSpec, study: str, arguments: Mapping[str, str | bool]) -> ToolAnswer:
        """Run one tool on a study, and before it those that outline what it looks at.

        Raises
        ------
        UsageError
            ``unknown_study``.
        ToolError
            ``bad_arguments``.
        OutputError
            When the trace cannot be written.
        """
        with self._lock:
            opened = self._find(study)
            call = ToolCall(spec.name, dict(arguments))
            if refusal_of(spec, call, opened.run.study) is not None:
                raise ToolError(
                    "bad_arguments",
                    f"{spec.name} takes handles of films of the study alone",
                    hint="open_study and read give them.",
                )
            film = str(call.arguments.get(spec.film_parameter.name))
            with thresholds_changed(self.agent.setup.changed):
                before = [self._call(opened, one) for one in self._outlining(opened, spec, film)]
                outcome = self._call(opened, call)
            returned = opened.returned[outcome.step]
            drawn = self._drawn(opened, spec, returned)
            return ToolAnswer(
                study=opened.name,
                film=film,
                tool=spec.name,
                version=spec.version,
                step=outcome.step,
                outcome=outcome.status,
                codes=outcome.codes,
                first_ran=tuple(one.call.tool for one in before),
                result=dict(returned.result) if outcome.status == "ok" else None,
                evidence=tuple(map(Statement.of, outcome.evidence)),
                drawn=drawn,
            )

    def explain(self, study: str, sentence: str) -> ExplainAnswer:
        """What a sentence of a report rests on.

        Raises
        ------
        UsageError
            ``unknown_study``, ``no_report``, ``unknown_sentence``.
        """
        with self._lock:
            opened = self._find(study)
            report = opened.run.report
            if report is None:
                raise UsageError("no_report", f"{study} was opened and not read", hint="Use read.")
            sentences = {f"s{n}": one for n, one in enumerate(report.sentences(), 1)}
            if sentence not in sentences:
                raise UsageError("unknown_sentence", "the report has no such sentence")
            said = sentences[sentence]
            return ExplainAnswer(
                study=study,
                sentence=sentence,
                text_of_sentence=said.text,
                rests_on=tuple(_support(report.cited(one)) for one in said.evidence),
            )

    def artifact(self, uri: str) -> tuple[bytes, str]:
        """What a tool drew, and its media type.

        Raises
        ------
        UsageError
            ``unknown_resource``.
        """
        study, _, sha256 = uri.removeprefix(f"{SCHEME}://").partition("/drawn/")
        with self._lock:
            opened = self._open.get(study)
            if opened is None or sha256 not in opened.drawn:
                raise UsageError("unknown_resource", "there is no such resource")
            return read_artifact(opened.run.trace.directory, sha256), opened.drawn[sha256]

    def close(self) -> None:
        """Close all studies; their traces end."""
        with self._lock:
            while self._open:
                self._finish(next(iter(self._open.values())))

    def _begin(
        self, films: Sequence[str], priors: Sequence[str], indication: str, heard: Listener
    ) -> _Open:
        study = self.agent.load(
            self._folders.films(films), priors=self._folders.films(priors), indication=indication
        )
        while len(self._open) >= _MOST_OPEN:
            self._finish(next(iter(self._open.values())))
        with ExitStack() as stack:
            trace = stack.enter_context(TraceWriter.create(self.agent.traces))
            run = Run(study, self.agent.setup, trace)
            opened = _Open(f"study-{next(self._numbers)}", run, stack.pop_all(), heard)
        self._open[opened.name] = opened
        trace.on_event = opened.hear
        try:
            run.start()
            trace.flush()
        except BaseException as error:
            self._drop(opened, error)
            raise
        return opened

    def _find(self, study: str) -> _Open:
        if study not in self._open:
            raise UsageError(
                "unknown_study", "no study of that name is open", hint="Use open_study or read."
            )
        return self._open[study]

    def _outlining(self, opened: _Open, spec: ToolSpec, film: str) -> list[ToolCall]:
        """The calls, not made before, that outline what a tool looks at."""
        run = opened.run
        missing = {name for name in spec.looks_at if run.bench.mask(film, name) is None}
        made = {one.call.tool for one in run.tried if film in one.call.films}
        return [
            ToolCall(one.name, {one.film_parameter.name: film})
            for one in self.agent.setup.registry
            if missing.intersection(one.provides) and one.name not in made and not one.looks_at
        ]

    @staticmethod
    def _call(opened: _Open, call: ToolCall) -> Outcome:
        outcome = opened.run.toolbox.run(call)
        opened.run.remember(Tried(outcome.step, _CALLER, call, outcome))
        opened.unsaid = True
        return outcome

    @staticmethod
    def _drawn(opened: _Open, spec: ToolSpec, returned: ToolReturned) -> tuple[Drawn, ...]:
        """Outlines and lines alone: whatever else a tool draws may show the film itself."""
        offered = [
            Drawn(
                name=name,
                uri=f"{SCHEME}://{opened.name}/drawn/{sha256}",
                media_type="image/svg+xml" if name == LINES else "image/png",
            )
            for name, sha256 in returned.artifacts.items()
            if name == LINES or name in spec.provides
        ]
        opened.drawn |= {one.uri.rpartition("/")[2]: one.media_type for one in offered}
        return tuple(offered)

    def _drop(self, opened: _Open, error: BaseException) -> None:
        """End a run that has failed."""
        opened.listener = unheard
        del self._open[opened.name]
        with opened.ending:
            opened.run.fail(error)

    def _finish(self, opened: _Open) -> None:
        """End a run with a report on all that is known."""
        del self._open[opened.name]
        opened.listener = unheard
        with opened.ending:
            try:
                if opened.unsaid:
                    with thresholds_changed(self.agent.setup.changed):
                        opened.run.restate()
                opened.run.finish()
            except CxrAgentError as error:
                opened.run.fail(error)


def _support(item: Evidence) -> Support:
    known = item.provenance
    return Support(
        evidence=Statement.of(item),
        step=known.step,
        tool=known.tool,
        tool_version=known.tool_version,
        model=known.model,
        weights_sha256=known.weights_sha256,
        film=item.image,
        image_sha256=known.image_sha256,
    )
