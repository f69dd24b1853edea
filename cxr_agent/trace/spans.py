"""A run as spans: run, steps, exchanges with a model and answered questions, in time.

Names and attributes are OpenInference's where it has one, and begin with ``cxr.`` elsewhere. Ids
come from the run id and the place in the run, so that sending a run twice gives the same spans.

References
----------
OpenInference semantic conventions, https://github.com/Arize-ai/openinference/tree/main/spec.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from cxr_agent.trace.events import (
    FINISH,
    Answered,
    Asked,
    Conflict,
    Corrected,
    Event,
    EvidenceAdded,
    GateVerdict,
    ModelCalled,
    Plan,
    ReportDrafted,
    ReportIssued,
    RunFinished,
    RunResumed,
    RunStarted,
    StudyLoaded,
    ToolCalled,
    ToolReturned,
    Withdrawn,
)
from cxr_agent.trace.line import Line, digest

KIND: Final = "openinference.span.kind"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_JSON: Final = "application/json"
_TEXT: Final = "text/plain"

Value = str | bool | int | float | Sequence[str]
Attributes = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened within a span."""

    name: str
    at: int
    """Nanoseconds since 1970."""
    attributes: Attributes


@dataclass(slots=True)
class Span:
    """A stretch of a run."""

    id: str
    """Sixteen hex digits."""
    parent: str | None
    name: str
    start: int
    end: int
    attributes: Attributes
    moments: list[Moment] = field(default_factory=list)
    failed: str | None = None
    """Code of what went wrong."""


def trace_id(run_id: str) -> str:
    """Thirty-two hex digits that stand for a run."""
    return digest(f"cxr-agent run {run_id}".encode())[:32]


def spans_of(run_id: str, lines: Sequence[Line]) -> tuple[Span, ...]:
    """The spans of a run, the run itself first; none of a run without lines."""
    if not lines:
        return ()
    return _Telling(run_id, lines).spans()


def _clock(lines: Sequence[Line]) -> Iterator[tuple[int, Line]]:
    """Each line with its nanoseconds: the wall clock of its process's first line, and from there
    the clock that never goes back."""
    wall, began = 0, 0.0
    for line in lines:
        if wall == 0 or isinstance(line.event, RunResumed):
            wall = (line.at - _EPOCH) // timedelta(microseconds=1)
            began = line.monotonic
        yield 1000 * (wall + round(1e6 * (line.monotonic - began))), line


class _Telling:
    """Goes through the lines once; what is open is closed where its end is told."""

    def __init__(self, run_id: str, lines: Sequence[Line]) -> None:
        self._run_id = run_id
        self._clocked = tuple(_clock(lines))
        start, end = self._clocked[0][0], max(at for at, _ in self._clocked)
        self._run = Span(
            self._id("run"),
            None,
            "cxr-agent run",
            start,
            end,
            {KIND: "AGENT", "session.id": run_id},
        )
        self._all = [self._run]
        self._steps: dict[int, Span] = {}
        self._turns: dict[int, Span] = {}
        self._plans: dict[int, Plan] = {}

    def spans(self) -> tuple[Span, ...]:
        for at, line in self._clocked:
            self._take(at, line.seq, line.event)
        return tuple(self._all)

    def _id(self, what: str) -> str:
        return digest(f"cxr-agent span {self._run_id} {what}".encode())[:16]

    def _open(self, what: str, name: str, start: int, end: int, attributes: Attributes) -> Span:
        span = Span(self._id(what), self._run.id, name, start, end, attributes)
        self._all.append(span)
        return span

    def _moment(self, at: int, name: str, attributes: Mapping[str, object], step: int = 0) -> None:
        kept: Attributes = {
            key: value for key, value in attributes.items() if isinstance(value, _KEPT)
        }
        self._steps.get(step, self._run).moments.append(Moment(name, at, kept))

    def _take(self, at: int, seq: int, event: Event) -> None:
        match event:
            case RunStarted() | RunResumed() | StudyLoaded() | RunFinished():
                self._of_run(at, event)
            case Plan() | ToolCalled() | ToolReturned() | Corrected():
                self._of_step(at, event)
            case ModelCalled():
                self._exchange(at, seq, event)
            case Asked():
                said = {"input.value": event.text, "input.mime_type": _TEXT} if event.text else {}
                about = {"cxr.intent": event.intent, "cxr.subjects": event.subjects}
                self._turns[event.turn] = self._open(
                    f"turn {event.turn}",
                    "answer",
                    at,
                    self._run.end,
                    {KIND: "CHAIN", "session.id": self._run_id, **said, **about},
                )
            case Answered():
                self._answer(at, event)
            case EvidenceAdded():
                self._evidence(at, event.evidence)
            case GateVerdict():
                attributes = event.model_dump(mode="json", exclude={"type"})
                self._moment(at, "gate_verdict", _named("gate", attributes))
            case Conflict() | Withdrawn() | ReportDrafted() | ReportIssued():
                self._moment(at, event.type, _told(event))

    def _of_run(self, at: int, event: RunStarted | RunResumed | StudyLoaded | RunFinished) -> None:
        run = self._run.attributes
        match event:
            case RunStarted():
                run |= {
                    "cxr.program_version": event.program_version,
                    "cxr.planner": event.planner,
                    "metadata": _json({"config": event.config, "versions": event.versions}),
                }
            case RunResumed():
                self._moment(at, event.type, {"cxr.program_version": event.program_version})
            case StudyLoaded():
                run |= {"cxr.films": tuple(image.handle for image in event.images)}
                if event.indication is not None:
                    run |= {"input.value": event.indication, "input.mime_type": _TEXT}
            case RunFinished():
                run["cxr.status"] = event.status
                # A run that ended and was resumed has failed only where its last end did.
                bad = event.status in {"refused", "failed"}
                self._run.failed = (event.code or event.status) if bad else None
                if event.report_sha256 is not None:
                    run["cxr.report_sha256"] = event.report_sha256

    def _of_step(self, at: int, event: Plan | ToolCalled | ToolReturned | Corrected) -> None:
        match event:
            case Plan():
                self._plans[event.step] = event
                if event.decision == FINISH:
                    self._moment(at, "plan", _planned(event))
            case ToolCalled():
                plan = self._plans.get(event.step)
                self._steps[event.step] = self._open(
                    f"step {event.step}",
                    event.tool,
                    at,
                    self._run.end,  # until it is told to have returned
                    {
                        KIND: "TOOL",
                        "session.id": self._run_id,
                        "tool.name": event.tool,
                        "cxr.tool.version": event.tool_version,
                        "cxr.step": event.step,
                        "input.value": _json(event.arguments),
                        "input.mime_type": _JSON,
                        **(_planned(plan) if plan is not None else {}),
                    },
                )
            case ToolReturned():
                span = self._steps.get(event.step)
                if span is None:  # a damaged run
                    return
                span.end = at
                span.attributes |= {
                    "output.value": _json(event.result),
                    "output.mime_type": _JSON,
                    "cxr.outcome": event.outcome,
                    "cxr.codes": event.codes,
                    "cxr.seconds": event.seconds,
                    "cxr.cached": event.cached,
                    "cxr.artifacts": tuple(event.artifacts.values()),
                }
                if event.outcome == "failed":
                    span.failed = next(iter(event.codes), event.outcome)
            case Corrected():
                self._steps[event.step] = self._open(
                    f"step {event.step}",
                    "correction",
                    at,
                    at,
                    {
                        KIND: "TOOL",
                        "session.id": self._run_id,
                        "tool.name": "correction",
                        "cxr.step": event.step,
                        "cxr.film": event.film,
                        "cxr.correction.kind": event.kind,
                        "cxr.correction.target": event.target,
                        "cxr.correction.who": event.who,
                        "cxr.correction.why": event.why,
                        "input.value": _json(event.value),
                        "input.mime_type": _JSON,
                    },
                )

    def _exchange(self, at: int, seq: int, event: ModelCalled) -> None:
        provider, _, name = event.model.rpartition("/")
        turn = list(self._turns.values())[-1:] if event.purpose == "answer" else []
        attributes: Attributes = {
            KIND: "LLM",
            "session.id": self._run_id,
            "llm.model_name": name,
            "llm.token_count.prompt": event.tokens_in,
            "llm.token_count.completion": event.tokens_out,
            "llm.token_count.total": event.tokens_in + event.tokens_out,
            "cxr.purpose": event.purpose,
            "cxr.outcome": event.outcome,
            "cxr.attempts": event.attempts,
            "cxr.pictures": event.images,
            "cxr.prompt.id": event.prompt_id,
            "cxr.prompt.sha256": event.prompt_sha256,
        }
        if provider:
            attributes["llm.provider"] = provider
        if event.cost is not None:
            attributes["llm.cost.total"] = event.cost
        # Written when it was over: it began as much earlier as it took, but not before the run.
        start = max(self._run.start, at - round(1e6 * event.seconds) * 1000)
        span = self._open(f"model {seq}", f"llm {event.purpose}", start, at, attributes)
        if turn:
            span.parent = turn[0].id
        if event.outcome != "ok":
            span.failed = event.outcome

    def _answer(self, at: int, event: Answered) -> None:
        span = self._turns.get(event.turn)
        if span is None:
            return
        span.end = at
        texts = [str(sentence.get("text", "")) for sentence in event.sentences]
        span.attributes |= {
            "output.value": "\n".join(texts),
            "output.mime_type": _TEXT,
            "cxr.worded_by": event.worded_by,
            "cxr.unsupported": event.unsupported,
        }

    def _evidence(self, at: int, record: Mapping[str, object]) -> None:
        provenance = record.get("provenance")
        source: Mapping[str, object] = provenance if isinstance(provenance, dict) else {}
        step = source.get("step")
        attributes = _named("evidence", {name: record.get(name) for name in _SHOWN})
        attributes |= _named("evidence", {name: source.get(name) for name in _SOURCE})
        self._moment(at, "evidence", attributes, step if isinstance(step, int) else 0)


_KEPT: Final = (str, bool, int, float, tuple)
_SHOWN: Final = (
    "id", "kind", "code", "image", "location", "side", "polarity", "value", "unit", "probability",
    "category", "against", "reading",
)  # fmt: skip
_SOURCE: Final = ("tool", "model", "weights_sha256")


def _planned(plan: Plan) -> Attributes:
    return {
        "cxr.plan.planner": plan.planner,
        "cxr.plan.rationale": plan.rationale,
        "cxr.plan.seconds": plan.latency_s,
    }


def _told(event: Conflict | Withdrawn | ReportDrafted | ReportIssued) -> Attributes:
    match event:
        case Conflict():
            told: Attributes = {"codes": event.codes, "evidence": event.evidence}
            told["rule"] = event.rule
        case Withdrawn():
            told = {"evidence": event.evidence, "reason": event.reason}
        case ReportDrafted():
            told = {"sentences": len(event.sentences)}
        case ReportIssued():
            told = {"status": event.status, "report_sha256": event.report_sha256}
    return {f"cxr.{name}": value for name, value in told.items()}


def _named(prefix: str, values: Mapping[str, object]) -> dict[str, object]:
    return {f"cxr.{prefix}.{name}": value for name, value in values.items() if value is not None}


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
