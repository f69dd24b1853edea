"""A trace as a tree of short lines: what `show` says, before how it looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, assert_never

from pydantic import JsonValue

from cxr_agent.trace.escape import compact, visible
from cxr_agent.trace.events import (
    FINISH,
    Conflict,
    Event,
    EvidenceAdded,
    GateVerdict,
    ImageRecord,
    Plan,
    ReportDrafted,
    RunFinished,
    RunStarted,
    StudyLoaded,
    ToolCalled,
    ToolReturned,
)
from cxr_agent.trace.reader import Trace

Tone = Literal["plain", "title", "good", "warning", "bad", "quiet"]

_OUTCOME_TONE: Final[dict[str, Tone]] = {"ok": "good", "abstained": "warning", "failed": "bad"}
_STATUS_TONE: Final[dict[str, Tone]] = {
    "complete": "good",
    "partial": "warning",
    "refused": "warning",
    "failed": "bad",
}


@dataclass(slots=True)
class Node:
    """One line and what belongs under it. ``text`` is safe to print as it is."""

    text: str
    tone: Tone = "plain"
    children: list[Node] = field(default_factory=list)


def outline(trace: Trace) -> Node:
    """The run: films, steps with what came of them, report, gates, end."""
    root = Node(f"run {visible(trace.run_id)}", "title")
    branch = root
    for event in trace.events:
        node = _node(event)
        # What follows a call is its consequence; what the program states on its own is not.
        if isinstance(event, ToolReturned | EvidenceAdded) and branch is not root:
            branch.children.append(node)
            continue
        root.children.append(node)
        branch = node if isinstance(event, ToolCalled) else root
    if trace.torn:
        root.children.append(Node("the last line is cut off and was dropped", "bad"))
    if trace.finished is None:
        root.children.append(Node("the run has no end: it was cut off, or still runs", "bad"))
    return root


def _node(event: Event) -> Node:
    match event:
        case RunStarted():
            return _started(event)
        case StudyLoaded():
            return Node("study", "title", [_image(image) for image in event.images])
        case Plan():
            return _plan(event)
        case ToolCalled():
            name = f"{visible(event.tool)} {visible(event.tool_version)}"
            return Node(f"step {event.step}: {name} {compact(event.arguments)}", "title")
        case ToolReturned():
            codes = f" ({', '.join(event.codes)})" if event.codes else ""
            text = f"{event.outcome}{codes} in {event.seconds:.3f} s"
            return Node(text, _OUTCOME_TONE[event.outcome], list(_artifacts(event.artifacts)))
        case EvidenceAdded():
            return Node(f"{_field(event, 'id')}: {_field(event, 'reading')}")
        case Conflict():
            who = ", ".join(visible(name) for name in event.evidence)
            text = f"conflict on {', '.join(event.codes)}: {who}; rule {event.rule}"
            return Node(text, "warning")
        case ReportDrafted():
            return Node("draft", "title", [_sentence(value) for value in event.sentences])
        case GateVerdict():
            return _verdict(event)
        case RunFinished():
            code = f" ({event.code})" if event.code else ""
            text = f"{event.status}{code} in {event.seconds:.3f} s"
            return Node(text, _STATUS_TONE[event.status])
        case _:
            assert_never(event)


def _started(event: RunStarted) -> Node:
    seed = "" if event.seed is None else f", seed {event.seed}"
    text = (
        f"cxr-agent {visible(event.program_version)}, planner {visible(event.planner)}{seed}, "
        f"schema {event.schema_version}"
    )
    details = [Node(f"config {compact(event.config)}", "quiet")] if event.config else []
    details += [
        Node(f"{visible(name)} {visible(version)}", "quiet")
        for name, version in sorted(event.versions.items())
    ]
    return Node(text, "plain", details)


def _image(image: ImageRecord) -> Node:
    parts = [f"{visible(image.handle)}: {image.rows} x {image.columns}", visible(image.view)]
    if image.spacing is not None:
        spacing = image.spacing
        parts.append(f"{spacing.row_mm:g} x {spacing.column_mm:g} mm ({spacing.kind})")
    if image.days_before is not None:
        parts.append(f"{image.days_before} days before")
    parts += image.notices
    return Node(", ".join(parts), "plain", [Node(f"pixels {image.sha256}", "quiet")])


def _plan(event: Plan) -> Node:
    arguments = "" if event.decision == FINISH else f" {compact(event.arguments)}"
    parts = [f"{event.latency_s:.3f} s"]
    if event.model is not None:
        parts.append(visible(event.model))
    if event.tokens_in is not None or event.tokens_out is not None:
        parts.append(f"{event.tokens_in or 0} + {event.tokens_out or 0} tokens")
    if event.cost is not None:
        parts.append(f"{event.cost:.4f} USD")
    text = f"plan {event.step} by {visible(event.planner)}: {visible(event.decision)}{arguments}"
    return Node(f"{text}, {event.rationale} ({', '.join(parts)})", "quiet")


def _verdict(event: GateVerdict) -> Node:
    sentence = "" if event.sentence is None else f": {visible(event.sentence)}"
    tone: Tone = "good" if event.passed else "warning"
    word = "passed" if event.passed else "failed"
    return Node(f"{event.gate} gate {word}, {event.action} ({event.reason}){sentence}", tone)


def _sentence(value: dict[str, JsonValue]) -> Node:
    text, cited = value.get("text"), value.get("evidence")
    if not isinstance(text, str) or not isinstance(cited, list):
        return Node(compact(value))
    return Node(f"{visible(text)} [{', '.join(visible(str(name)) for name in cited)}]")


def _field(event: EvidenceAdded, name: str) -> str:
    value = event.evidence.get(name)
    return visible(value) if isinstance(value, str) else compact(value)


def _artifacts(artifacts: dict[str, str]) -> Iterator[Node]:
    for name, sha256 in sorted(artifacts.items()):
        yield Node(f"{visible(name)} {sha256}", "quiet")
