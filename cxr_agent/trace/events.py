"""What a run can record: one class per event, told apart by ``type``.

A field is added with a default and never renamed or reused; anything else raises
``SCHEMA_VERSION``. The golden traces under ``traces/golden/`` hold this promise.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from cxr_agent.trace.fields import Code, Frozen, JsonObject, Name, Seconds, Sha256, Step, Text

SCHEMA_VERSION: Final = 2
"""1 had no language model, no dialogue and no corrections; both are read."""

FINISH: Final = "finish"
"""The decision of a planner that has no further tool to call."""


class RunStarted(Frozen):
    """The first event of a run: all that is needed to do it again."""

    type: Literal["run_started"] = "run_started"
    schema_version: Literal[1, 2] = SCHEMA_VERSION
    """Version of these event classes."""
    run_id: Name
    """Name of the run's folder when it was written."""
    program_version: Name
    planner: Name
    """``protocol``, ``llm``, ``scripted`` ..."""
    config: JsonObject = Field(default_factory=dict)
    """Settings that can change a result, without secrets."""
    versions: dict[Name, Text] = Field(default_factory=dict)
    """Library or model card to its version or weights hash."""
    seed: int | None = None


class SpacingRecord(Frozen):
    """Distance between pixel centres of a film."""

    row_mm: float = Field(gt=0)
    column_mm: float = Field(gt=0)
    kind: Code
    """How far it may be trusted: ``calibrated`` or ``detector``."""


class ImageRecord(Frozen):
    """One film as the run saw it: nothing of who, when or where."""

    handle: Name
    sha256: Sha256
    """Hash of the presentation-ready pixels and their shape."""
    rows: int = Field(ge=1)
    columns: int = Field(ge=1)
    view: Name
    spacing: SpacingRecord | None = None
    notices: tuple[Code, ...] = ()
    display: Sha256
    """Artifact: an 8-bit PNG for the eye."""
    days_before: int | None = None
    """For a prior: whole days before the current film."""


class StudyLoaded(Frozen):
    """The films of the run, current and prior."""

    type: Literal["study_loaded"] = "study_loaded"
    images: tuple[ImageRecord, ...]
    indication_sha256: Sha256 | None = None
    """Hash of the question asked; tells that two runs had the same without showing it."""
    indication: Text | None = None
    """The question itself, only under ``--privacy full``: it may name the patient."""
    unread_views: tuple[Code, ...] = Field(default=(), exclude_if=operator.not_)
    """Why further films of the study were set aside; written where there are any."""


class Plan(Frozen):
    """A planner chose the next step."""

    type: Literal["plan"] = "plan"
    step: Step
    planner: Name
    """Who chose; differs from the run's planner after a fall-back."""
    prompt_id: Name | None = None
    prompt_sha256: Sha256 | None = None
    """Hash of the prompt file, not of what was filled in."""
    model: Name | None = None
    tokens_in: int | None = Field(default=None, ge=0)
    """None where ``model_called`` events tell what the exchange took."""
    tokens_out: int | None = Field(default=None, ge=0)
    cost: float | None = Field(default=None, ge=0)
    """US dollars."""
    latency_s: Seconds
    """Seconds from question to decision."""
    decision: Name
    """Name of a tool, or ``finish``."""
    arguments: JsonObject = Field(default_factory=dict)
    rationale: Code
    """Why, from a closed list: free text of a model is no reason."""


class ToolCalled(Frozen):
    """A tool is about to run; written before it does."""

    type: Literal["tool_called"] = "tool_called"
    step: Step
    tool: Name
    tool_version: Name
    arguments: JsonObject = Field(default_factory=dict)


class ToolReturned(Frozen):
    """A tool came back, declined, or failed."""

    type: Literal["tool_returned"] = "tool_returned"
    step: Step
    tool: Name
    outcome: Literal["ok", "abstained", "failed"]
    result: JsonObject = Field(default_factory=dict)
    """The typed result as JSON; empty unless ``ok``."""
    codes: tuple[Code, ...] = ()
    """Why it abstained or failed; what the model runtime did otherwise than asked meanwhile."""
    seconds: Seconds
    """Wall time of the call."""
    artifacts: dict[Name, Sha256] = Field(default_factory=dict)
    """Masks and lines that it drew."""
    cached: bool = Field(default=False, exclude_if=operator.not_)
    """Whether it did not run, because the same call had given this before. Written where it is
    so: all other lines stay as they were before there was a cache."""


class EvidenceAdded(Frozen):
    """The run now knows this; see :class:`cxr_agent.evidence.Evidence`."""

    type: Literal["evidence_added"] = "evidence_added"
    evidence: JsonObject
    """Kept as JSON: a trace stays readable when the evidence class grows."""


class Conflict(Frozen):
    """Pieces of evidence that contradict each other, and the rule that decides."""

    type: Literal["conflict"] = "conflict"
    codes: tuple[Code, ...]
    """The findings or measurements at odds."""
    evidence: tuple[Name, ...]
    """Ids of the evidence."""
    rule: Code
    """The rule of ``kb/`` that decides."""


class ReportDrafted(Frozen):
    """The report before the gates."""

    type: Literal["report_drafted"] = "report_drafted"
    sentences: tuple[JsonObject, ...]
    """Each with its text, section and evidence ids."""


class GateVerdict(Frozen):
    """What a gate decided about one sentence, or about the report as a whole."""

    type: Literal["gate_verdict"] = "gate_verdict"
    gate: Code
    passed: bool
    sentence: Text | None = None
    """None for a verdict on the whole report."""
    reason: Code = "supported"
    action: Literal["kept", "repaired", "dropped", "added"]


class ModelCalled(Frozen):
    """One exchange with a language model, whatever came of it."""

    type: Literal["model_called"] = "model_called"
    purpose: Literal["plan", "word", "judge", "answer"]
    model: Name
    prompt_id: Name
    prompt_sha256: Sha256
    """Hash of the prompt file, not of what was filled in."""
    outcome: Code
    """``ok``, or why the exchange gave nothing to go by."""
    attempts: int = Field(ge=0)
    """HTTP requests made."""
    tokens_in: int = Field(default=0, ge=0)
    tokens_out: int = Field(default=0, ge=0)
    cost: float | None = Field(default=None, ge=0)
    """US dollars; None where the price of the model is not known."""
    seconds: Seconds
    images: int = Field(default=0, ge=0)
    """Pictures that went out."""
    sent: Sha256 | None = None
    """Artifact: the messages as JSON; None under ``--privacy none``."""
    received: Sha256 | None = None
    """Artifact: the reply as JSON; None under ``--privacy none`` or where there was none."""


class Asked(Frozen):
    """A reader asked something."""

    type: Literal["asked"] = "asked"
    turn: int = Field(ge=1)
    sha256: Sha256
    """Of the question as typed."""
    text: Text | None = None
    """As the privacy mode allows: whole, with unknown words masked, or not at all."""
    intent: Code
    """How the rules understood it."""
    subjects: tuple[Name, ...] = ()


class Answered(Frozen):
    """What the reader was told."""

    type: Literal["answered"] = "answered"
    turn: int = Field(ge=1)
    sentences: tuple[JsonObject, ...]
    """Each with its text and evidence ids."""
    worded_by: Name
    """``rule``, or the language model."""
    unsupported: int = Field(default=0, ge=0)
    """Sentences of the language model that the gate kept back."""


class Corrected(Frozen):
    """A reader put right what a tool had outlined, placed or found."""

    type: Literal["corrected"] = "corrected"
    step: Step
    kind: Literal["mask", "landmark", "finding"]
    film: Name
    target: Name
    """The structure, the landmark, or the code of the finding."""
    who: Text
    why: Text
    value: JsonObject = Field(default_factory=dict)
    """What it is now: ``{"x": , "y": }``, or ``{"polarity": , "side": }``."""
    artifacts: dict[Name, Sha256] = Field(default_factory=dict)
    """The mask that was given."""


class Withdrawn(Frozen):
    """Evidence that no longer counts; it stays in the trace."""

    type: Literal["withdrawn"] = "withdrawn"
    evidence: tuple[Name, ...]
    reason: Code


class ReportIssued(Frozen):
    """A report was given out, and the run goes on."""

    type: Literal["report_issued"] = "report_issued"
    report_sha256: Sha256
    """Artifact: the report as JSON."""
    status: Literal["complete", "partial"]


class RunResumed(Frozen):
    """A run that had ended, or was cut off, goes on in another process."""

    type: Literal["run_resumed"] = "run_resumed"
    program_version: Name
    planner: Name
    config: JsonObject = Field(default_factory=dict)


class RunFinished(Frozen):
    """The last event of a run, unless it is resumed. A run without it was cut off."""

    type: Literal["run_finished"] = "run_finished"
    status: Literal["complete", "partial", "refused", "failed"]
    code: Code | None = None
    """Why, unless ``complete``."""
    seconds: Seconds
    """Wall time of the run."""
    report_sha256: Sha256 | None = None
    """Artifact: the report as JSON."""


Event = Annotated[
    RunStarted
    | StudyLoaded
    | Plan
    | ToolCalled
    | ToolReturned
    | EvidenceAdded
    | Conflict
    | ReportDrafted
    | GateVerdict
    | ModelCalled
    | Asked
    | Answered
    | Corrected
    | Withdrawn
    | ReportIssued
    | RunResumed
    | RunFinished,
    Field(discriminator="type"),
]
EVENT: Final[TypeAdapter[Event]] = TypeAdapter(Event)
"""Reads any event from JSON."""


def artifacts_of(event: Event) -> Iterator[tuple[str, str]]:
    """(what it is, SHA-256) of every artifact that an event points to."""
    match event:
        case StudyLoaded():
            for image in event.images:
                yield f"display of {image.handle}", image.display
        case ToolReturned():
            for name, sha256 in event.artifacts.items():
                yield f"{name} of {event.tool}", sha256
        case EvidenceAdded():
            # Evidence is plain JSON here, so its shape is not a given.
            artifacts = event.evidence.get("artifacts")
            if isinstance(artifacts, dict):
                for name, value in artifacts.items():
                    if isinstance(value, str):
                        yield f"{name} of {event.evidence.get('id')}", value
        case RunFinished(report_sha256=str() as sha256) | ReportIssued(report_sha256=sha256):
            yield "report", sha256
        case ModelCalled():
            for what, kept in (("messages", event.sent), ("reply", event.received)):
                if kept is not None:
                    yield f"{what} of {event.purpose}", kept
        case Corrected():
            for name, sha256 in event.artifacts.items():
                yield f"{name} as corrected", sha256
        case _:
            return
