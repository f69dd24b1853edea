"""The record of a run: every event in order, durable, hash-chained, with its artifacts.

    with TraceWriter.create(Path("traces")) as writer:
        writer.append(RunStarted(run_id=writer.run_id, program_version="1", planner="protocol"))
    trace = read_trace(find_trace(Path("traces"), "last"))
    verify(trace).intact

This package knows nobody else in the program but its errors.
"""

from cxr_agent.trace.events import (
    EVENT,
    FINISH,
    SCHEMA_VERSION,
    Answered,
    Asked,
    Conflict,
    Corrected,
    Event,
    EvidenceAdded,
    GateVerdict,
    ImageRecord,
    ModelCalled,
    Plan,
    ReportDrafted,
    ReportIssued,
    RunFinished,
    RunResumed,
    RunStarted,
    SpacingRecord,
    StudyLoaded,
    ToolCalled,
    ToolReturned,
    Withdrawn,
    artifacts_of,
)
from cxr_agent.trace.find import TraceHeader, find_trace, list_traces
from cxr_agent.trace.known import Known, KnownEvidence
from cxr_agent.trace.layout import default_traces
from cxr_agent.trace.line import Line
from cxr_agent.trace.reader import Trace, read_artifact, read_trace
from cxr_agent.trace.salvage import salvage_trace
from cxr_agent.trace.verify import Problem, Verification, verify
from cxr_agent.trace.why import Support, Why
from cxr_agent.trace.writer import TraceWriter

__all__ = [
    "EVENT",
    "FINISH",
    "SCHEMA_VERSION",
    "Answered",
    "Asked",
    "Conflict",
    "Corrected",
    "Event",
    "EvidenceAdded",
    "GateVerdict",
    "ImageRecord",
    "Known",
    "KnownEvidence",
    "Line",
    "ModelCalled",
    "Plan",
    "Problem",
    "ReportDrafted",
    "ReportIssued",
    "RunFinished",
    "RunResumed",
    "RunStarted",
    "SpacingRecord",
    "StudyLoaded",
    "Support",
    "ToolCalled",
    "ToolReturned",
    "Trace",
    "TraceHeader",
    "TraceWriter",
    "Verification",
    "Why",
    "Withdrawn",
    "artifacts_of",
    "default_traces",
    "find_trace",
    "list_traces",
    "read_artifact",
    "read_trace",
    "salvage_trace",
    "verify",
]
