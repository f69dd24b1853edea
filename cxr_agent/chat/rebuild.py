"""A session made anew from its trace: what counts, what was tried, what a reader put right."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from cxr_agent.chat.chat import Chat
from cxr_agent.errors import CxrAgentError, TraceError
from cxr_agent.evidence import Evidence
from cxr_agent.knowledge import structures, thresholds_changed
from cxr_agent.planning.planner import Tried
from cxr_agent.questions import Intent, Question
from cxr_agent.reading.run import Run
from cxr_agent.reading.setup import Setup
from cxr_agent.report.model import Report
from cxr_agent.study import FloatImage, Image, PixelSpacing, SpacingKind, Study, View
from cxr_agent.toolbox.answer import answer_of
from cxr_agent.toolbox.arguments import ToolCall, bind
from cxr_agent.toolbox.artifacts import mask_plane, shows_mask
from cxr_agent.toolbox.contract import Abstain, Mask
from cxr_agent.toolbox.execute import Outcome
from cxr_agent.toolbox.registry import Registry
from cxr_agent.trace import (
    Answered,
    Asked,
    Corrected,
    EvidenceAdded,
    ImageRecord,
    ReportIssued,
    RunFinished,
    StudyLoaded,
    ToolCalled,
    ToolReturned,
    Trace,
    TraceWriter,
    Withdrawn,
)

_SPEAKERS: Final = "session"


def rebuild(writer: TraceWriter, trace: Trace, setup: Setup, study: Study | None) -> Chat:
    """Go on with a session.

    Parameters
    ----------
    writer, trace
        Of :meth:`cxr_agent.trace.TraceWriter.resume`.
    study
        The films, read again; without them nothing new can be looked at.

    Raises
    ------
    TraceError
        ``session_without_report`` for a run that was cut off before its report;
        ``session_film_changed`` when the films are not those of the run.
    OutputError
        When the trace cannot be written.
    """
    events = trace.events
    report = _report(trace)
    loaded = [r for event in events if isinstance(event, StudyLoaded) for r in event.images]
    if study is None:
        setup = replace(setup, registry=Registry(), model=None)
        study = _display_only(trace, loaded)
    else:
        _check(study, loaded)
    run = Run(study, setup, writer)
    stated = [Evidence.model_validate(e.evidence) for e in events if isinstance(e, EvidenceAdded)]
    gone = {i for event in events if isinstance(event, Withdrawn) for i in event.evidence}
    outcomes = _outcomes(trace, stated)
    run.toolbox.go_on(outcomes, stated, _last_step(trace, stated))
    evidence = tuple(item for item in stated if item.id not in gone)
    alive = {item.provenance.step for item in evidence}
    tried = tuple(
        Tried(place, _SPEAKERS, outcome.call, outcome)
        for place, outcome in enumerate(outcomes, 1)
        if not outcome.evidence or outcome.step in alive
    )
    with thresholds_changed(setup.changed):
        _lay_out(run, trace, outcomes)
    run.go_on(
        films=report.films, tried=tried, evidence=evidence, asked=_asked(trace), report=report
    )
    turns = [event for event in events if isinstance(event, Asked)]
    answers = [event for event in events if isinstance(event, Answered)]
    return Chat(
        run,
        turn=max((event.turn for event in turns), default=0),
        before=_question(turns[-1]) if turns else None,
        cited=_cited(answers[-1]) if answers else (),
    )


def _report(trace: Trace) -> Report:
    kept = [
        event.report_sha256
        for event in trace.events
        if isinstance(event, ReportIssued | RunFinished) and event.report_sha256 is not None
    ]
    if not kept:
        raise TraceError(
            "session_without_report",
            "the session was cut off before its first report",
            hint="read the film again",
        )
    report = Report.model_validate_json(trace.artifact(kept[-1]))
    return report.model_copy(update={"trace": str(trace.directory)})


def _check(study: Study, loaded: Sequence[ImageRecord]) -> None:
    here = {handle: study.image(handle).sha256 for handle in study.handles}
    if here != {record.handle: record.sha256 for record in loaded}:
        raise TraceError(
            "session_film_changed",
            "the films are not those that the session read",
            hint="give the same FILEs, or start a new session",
        )


def _display_only(trace: Trace, loaded: Sequence[ImageRecord]) -> Study:
    """The study with what the trace has of its films: for the eye, not for tools."""
    films = []
    for record in loaded:
        spacing = record.spacing
        films.append(
            Image(
                handle=record.handle,
                pixels=_pixels(trace.artifact(record.display), (record.rows, record.columns)),
                sha256=record.sha256,
                view=View(record.view),
                view_source="trace",
                spacing=PixelSpacing(spacing.row_mm, spacing.column_mm, SpacingKind(spacing.kind))
                if spacing is not None
                else None,
                days_before=record.days_before,
            )
        )
    return Study(
        tuple(film for film in films if not film.is_prior),
        tuple(film for film in films if film.is_prior),
    )


def _pixels(png: bytes, shape: tuple[int, int]) -> FloatImage:
    from PIL import Image as Pillow

    with Pillow.open(io.BytesIO(png), formats=("PNG",)) as picture:
        grey = picture.convert("L").resize((shape[1], shape[0]))
    return (np.asarray(grey, dtype=np.float32) / 255).astype(np.float32)


def _outcomes(trace: Trace, stated: list[Evidence]) -> list[Outcome]:
    called = {event.step: event for event in trace.events if isinstance(event, ToolCalled)}
    return [
        Outcome(
            step=event.step,
            call=ToolCall(event.tool, dict(_plain(called[event.step]))),
            status=event.outcome,
            codes=event.codes,
            evidence=tuple(item for item in stated if item.provenance.step == event.step),
            seconds=event.seconds,
        )
        for event in trace.events
        if isinstance(event, ToolReturned) and event.step in called
    ]


def _plain(called: ToolCalled) -> dict[str, str | bool]:
    return {n: v for n, v in called.arguments.items() if isinstance(v, str | bool)}


def _last_step(trace: Trace, stated: list[Evidence]) -> int:
    steps = [item.provenance.step for item in stated]
    steps += [e.step for e in trace.events if isinstance(e, ToolCalled | Corrected)]
    return max(steps, default=0)


def _lay_out(run: Run, trace: Trace, outcomes: list[Outcome]) -> None:
    """Outlines and landmarks as they lay on the bench."""
    returned = {e.step: e for e in trace.events if isinstance(e, ToolReturned)}
    for outcome in outcomes:
        event = returned[outcome.step]
        kept = {n: sha for n, sha in event.artifacts.items() if n in structures()}
        handle = str(outcome.call.arguments.get("film"))
        if kept and handle in run.study.handles:
            run.bench.put_masks(handle, _outlined_again(run, outcome.call, kept, trace))
    for corrected in (e for e in trace.events if isinstance(e, Corrected)):
        if corrected.kind == "mask":
            plane = mask_plane(trace.artifact(corrected.artifacts[corrected.target]))
            run.bench.correct_mask(corrected.film, Mask(corrected.target, plane, None, None))
        elif corrected.kind == "landmark":
            x, y = corrected.value["x"], corrected.value["y"]
            assert isinstance(x, int | float)
            assert isinstance(y, int | float)
            run.bench.place(corrected.film, corrected.target, (float(x), float(y)))


def _outlined_again(
    run: Run, call: ToolCall, kept: dict[str, str], trace: Trace
) -> dict[str, Mask]:
    """The outlines of a call, with their repeats where the tool draws the very same again."""
    spec = run.setup.registry.get(call.tool)
    if spec is not None:
        try:
            masks = answer_of(spec, bind(spec, call, run.bench)).result.masks
        except (Abstain, CxrAgentError):
            masks = {}
        if masks.keys() == kept.keys() and all(
            shows_mask(trace, kept[name], mask.plane) for name, mask in masks.items()
        ):
            return masks
    model = spec.model or spec.pretrained if spec is not None else None
    return {
        name: Mask(name, mask_plane(trace.artifact(sha256)), None, model)
        for name, sha256 in kept.items()
    }


def _asked(trace: Trace) -> Question | None:
    started = trace.started
    codes = started.config.get("asked") if started is not None else None
    if not isinstance(codes, dict):
        return None
    named = {
        name: tuple(str(code) for code in found) if isinstance(found, list) else ()
        for name, found in codes.items()
    }
    subjects, elsewhere = named.get("subjects", ()), named.get("elsewhere", ())
    intent = Intent.PRESENCE if subjects or elsewhere else Intent.UNKNOWN
    return Question(intent, subjects, elsewhere=elsewhere)


def _question(event: Asked) -> Question | None:
    try:
        return Question(Intent(event.intent), event.subjects)
    except ValueError:
        return None


def _cited(event: Answered) -> tuple[str, ...]:
    found: list[str] = []
    for sentence in event.sentences:
        cited = sentence.get("evidence")
        found += [str(identity) for identity in cited] if isinstance(cited, list) else []
    return tuple(dict.fromkeys(found))
