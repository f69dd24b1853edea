"""What a run comes to once ids, times and step numbers are taken out of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import JsonValue

from cxr_agent.trace.align import Item, skeleton
from cxr_agent.trace.events import (
    Answered,
    Asked,
    Conflict,
    Event,
    EvidenceAdded,
    GateVerdict,
    ModelCalled,
    Plan,
    ReportDrafted,
    RunResumed,
    StudyLoaded,
    ToolCalled,
    Withdrawn,
)
from cxr_agent.trace.reader import Trace
from cxr_agent.trace.steps import Step, steps_of


class Part(StrEnum):
    """The parts of a run that are compared."""

    SETTINGS = "settings"
    """Versions of program, tools, libraries and weights; planner, prompts, configuration."""
    FILMS = "films"
    STEPS = "steps"
    EVIDENCE = "evidence"
    CONFLICTS = "conflicts"
    EXCHANGES = "exchanges"
    """With a language model, other than to plan a step."""
    SENTENCES = "sentences"
    """Of the last report."""
    VERDICTS = "verdicts"
    """Of the gates, on the last report."""
    ANSWERS = "answers"
    OUTCOME = "outcome"


_CITED: Final = re.compile(r"\s*\[e\d+(?:,\s*e\d+)*\]")
"""Ids of evidence within a text."""
_TOLD_ELSEWHERE: Final = frozenset({"id", "provenance", "artifacts", "basis"})
"""Fields of evidence that are ids, or that other parts compare: versions, films, files."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A run by its parts."""

    run_id: str
    planner: str | None
    settings: dict[str, JsonValue]
    used: dict[str, JsonValue]
    """Settings that only show where they were used: compared where both runs used them."""
    parts: dict[Part, tuple[Item, ...]]


def outline(trace: Trace) -> Outline:
    """The outline of a run."""
    return _Outliner(trace).outline()


class _Outliner:
    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.events = trace.events
        self.steps = [s for s in steps_of(trace.lines) if s.outcome != "stated"]
        self.evidence = [e.evidence for e in self.events if isinstance(e, EvidenceAdded)]
        self.labels = {str(item.get("id")): _label(item) for item in self.evidence}
        self.withdrawn = {
            id: event.reason
            for event in self.events
            if isinstance(event, Withdrawn)
            for id in event.evidence
        }
        self.planner = trace.started.planner if trace.started else None
        draft = [i for i, e in enumerate(self.events) if isinstance(e, ReportDrafted)]
        self.closing: Sequence[Event] = self.events[draft[-1] :] if draft else ()

    def outline(self) -> Outline:
        return Outline(
            run_id=self.trace.run_id,
            planner=self.planner,
            settings=dict(self._settings()),
            used=dict(self._used()),
            parts={
                Part.FILMS: tuple(self._films()),
                Part.STEPS: tuple(map(self._step, self.steps)),
                Part.EVIDENCE: tuple(self._evidence()),
                Part.CONFLICTS: tuple(self._conflicts()),
                Part.EXCHANGES: tuple(self._exchanges()),
                Part.SENTENCES: tuple(self._sentences()),
                Part.VERDICTS: tuple(self._verdicts()),
                Part.ANSWERS: tuple(self._answers()),
                Part.OUTCOME: (self._outcome(),),
            },
        )

    def _settings(self) -> Iterator[tuple[str, JsonValue]]:
        started = self.trace.started
        if started is not None:
            yield "program", started.program_version
            yield "planner", started.planner
            yield "seed", started.seed
            yield from ((f"version of {name}", value) for name, value in started.versions.items())
            yield from _config("config", started.config)
        resumed = [event for event in self.events if isinstance(event, RunResumed)]
        for count, event in enumerate(resumed, 1):
            yield f"resumed {count}: program", event.program_version
            yield f"resumed {count}: planner", event.planner
            yield from _config(f"resumed {count}: config", event.config)

    def _used(self) -> Iterator[tuple[str, JsonValue]]:
        for event in self.events:
            match event:
                case ToolCalled():
                    yield f"tool {event.tool}", event.tool_version
                case Plan(prompt_id=str() as prompt, prompt_sha256=str() as sha256):
                    yield f"prompt {prompt}", sha256
                case ModelCalled():
                    yield f"prompt {event.prompt_id}", event.prompt_sha256
                    yield f"model to {event.purpose}", event.model
        for item in self.evidence:
            provenance = _object(item.get("provenance"))
            model, weights = provenance.get("model"), provenance.get("weights_sha256")
            if model is not None and weights is not None:
                yield f"version of weights:{model}", weights

    def _films(self) -> Iterator[Item]:
        for event in self.events:
            if isinstance(event, StudyLoaded):
                if event.indication_sha256 is not None or event.indication is not None:
                    asked: dict[str, JsonValue] = {"sha256": event.indication_sha256}
                    yield Item(("indication",), asked, "indication")
                for image in event.images:
                    record = image.model_dump(mode="json", exclude={"handle", "display"})
                    yield Item(
                        (image.handle,), {"pixels": record.pop("sha256"), **record}, image.handle
                    )

    def _step(self, step: Step) -> Item:
        arguments = self._meant(dict(step.arguments))
        correction = step.corrected
        content: dict[str, JsonValue] = {"arguments": arguments, "outcome": step.outcome}
        if step.returned is not None:
            content["codes"] = list(step.returned.codes)
            content["result"] = self._meant(step.returned.result)
            content["artifacts"] = dict(step.returned.artifacts)
        if correction is not None:
            content |= {"value": correction.value, "who": correction.who, "why": correction.why}
            content["artifacts"] = dict(correction.artifacts)
            arguments = correction.value
        content["planning"] = self._planning(step)
        given = [self._content(item) for item in step.evidence]
        films = list(step.films)
        what = [step.name, correction.kind if correction is not None else None]
        return Item(
            keys=(_text([what, films, arguments]), _text([what, films])),
            content=content,
            name=step.name + _arguments(step.arguments, step.films),
            at=f"step {step.number}",
            rest={"evidence": list(given)},
        )

    def _planning(self, step: Step) -> JsonValue:
        """How the step was chosen; nothing of it can be compared between two planners."""
        plan = step.plan
        by = plan.planner if plan is not None and plan.planner != self.planner else None
        return {
            "instead": by,
            "rationale": plan.rationale if plan is not None else None,
            "refused": [[one.decision, one.rationale] for one in step.refused],
            "exchanges": [one.outcome for one in step.exchanges],
        }

    def _evidence(self) -> Iterator[Item]:
        places = {step.number: place for place, step in reversed(list(enumerate(self.steps)))}
        standing = [self._content(item) for item in self.evidence]
        standing = [content for content in standing if content["withdrawn"] is None]
        for item in self.evidence:
            if self._gone(item) and self._content(item) | {"withdrawn": None} in standing:
                continue  # withdrawn and stated anew, word for word
            provenance = _object(item.get("provenance"))
            number = provenance.get("step")
            names = [item.get(name) for name in ("image", "kind", "code", "against")]
            where = [item.get(name) for name in ("side", "location")]
            what = [*names, provenance.get("tool")]
            category, reasons = item.get("category"), item.get("reasons")
            yield Item(
                keys=(
                    _text([what, where, category, reasons]),
                    _text([what, where, category]),
                    _text([what, where]),
                ),
                content=self._content(item),
                name=_label(item, whole=True),
                at=str(item.get("id")),
                parent=places.get(number) if isinstance(number, int) else None,
            )

    def _content(self, item: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        content = {name: value for name, value in item.items() if name not in _TOLD_ELSEWHERE}
        content["basis"] = self._cited(item.get("basis"))
        content["withdrawn"] = self._gone(item)
        return content

    def _gone(self, item: Mapping[str, JsonValue]) -> str | None:
        """Why the evidence no longer counts."""
        return self.withdrawn.get(str(item.get("id")))

    def _conflicts(self) -> Iterator[Item]:
        for event in self.events:
            if isinstance(event, Conflict):
                sides = self._cited(list(event.evidence))
                codes: list[JsonValue] = [*event.codes]
                name = f"conflict over {', '.join(event.codes)}"
                yield Item(
                    (_text([codes, sides]), _text(codes)),
                    {"rule": event.rule, "evidence": sides},
                    name,
                )

    def _exchanges(self) -> Iterator[Item]:
        for event in self.events:
            if isinstance(event, ModelCalled) and event.purpose != "plan":
                content: dict[str, JsonValue] = {"outcome": event.outcome, "images": event.images}
                yield Item((event.purpose,), content, f"model asked to {event.purpose}")

    def _sentences(self) -> Iterator[Item]:
        drafted: set[str] = set()
        for event in self.closing:
            if isinstance(event, ReportDrafted):
                for sentence in event.sentences:
                    drafted.add(str(sentence.get("text")))
                    yield self._sentence(sentence)
            elif isinstance(event, GateVerdict) and event.sentence not in (None, *drafted):
                # What a gate added or mended stands in no draft.
                drafted.add(str(event.sentence))
                yield self._sentence({"text": event.sentence})

    def _sentence(self, sentence: Mapping[str, JsonValue]) -> Item:
        text = bare(str(sentence.get("text")))
        rest = {k: v for k, v in sentence.items() if k not in ("text", "evidence")}
        section = sentence.get("section")
        cited = self._cited(sentence.get("evidence"))
        return Item(
            keys=(_text([section, text]), _text([section, skeleton(text)]), text),
            content={"text": text, "evidence": [*cited], **rest},
            name=text,
            at=str(section or ""),
            words=tuple(skeleton(text).split()),
            about=_text([section, cited]) if cited else "",
        )

    def _verdicts(self) -> Iterator[Item]:
        for event in self.closing:
            if isinstance(event, GateVerdict):
                about = bare(event.sentence) if event.sentence is not None else None
                content: dict[str, JsonValue] = {
                    "passed": event.passed,
                    "reason": event.reason,
                    "action": event.action,
                }
                yield Item(
                    keys=(
                        _text([event.gate, about]),
                        _text([event.gate, about and skeleton(about)]),
                    ),
                    content=content,
                    name=f"gate {event.gate}: {about if about is not None else 'whole report'}",
                    rest={"sentence": about},
                )

    def _answers(self) -> Iterator[Item]:
        asked: dict[int, Asked] = {}
        for event in self.events:
            if isinstance(event, Asked):
                asked[event.turn] = event
            elif isinstance(event, Answered):
                yield self._answer(asked.get(event.turn), event)

    def _answer(self, asked: Asked | None, answered: Answered) -> Item:
        intent = asked.intent if asked is not None else None
        subjects: list[JsonValue] = [*asked.subjects] if asked is not None else []
        said: list[JsonValue] = [
            {"text": bare(str(one.get("text"))), "evidence": self._cited(one.get("evidence"))}
            for one in answered.sentences
        ]
        content: dict[str, JsonValue] = {
            "intent": intent,
            "sentences": said,
            "worded_by": answered.worded_by,
            "unsupported": answered.unsupported,
        }
        question = asked.text if asked is not None else None
        return Item(
            keys=(
                _text([asked.sha256 if asked is not None else None, intent, subjects]),
                _text([intent, subjects]),
            ),
            content=content,
            name=question or f"{intent} {', '.join(map(str, subjects))}".strip(),
            at=f"turn {answered.turn}",
        )

    def _outcome(self) -> Item:
        end = self.trace.finished
        content: dict[str, JsonValue] = {
            "status": end.status if end is not None else None,
            "code": end.code if end is not None else None,
        }
        return Item(("outcome",), content, "outcome")

    def _cited(self, ids: JsonValue) -> list[JsonValue]:
        """Evidence by what it is, in place of ids."""
        if not isinstance(ids, list):
            return []
        return [*sorted({self.labels.get(str(id), "unknown evidence") for id in ids})]

    def _meant(self, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """Arguments or a result with ids of evidence by what they stand for."""
        meant: dict[str, Any] = json.loads(json.dumps(value), object_hook=self._named)
        return meant

    def _named(self, value: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self.labels.get(inner, inner)
            if isinstance(inner, str)
            else [self.labels.get(x, x) if isinstance(x, str) else x for x in inner]
            if isinstance(inner, list)
            else inner
            for name, inner in value.items()
        }


def bare(text: str) -> str:
    """A sentence without the ids of its evidence, on one line."""
    return " ".join(_CITED.sub("", text).split())


def _label(item: Mapping[str, JsonValue], *, whole: bool = False) -> str:
    """What the evidence is about; ``whole``: and the category, which may differ for the same."""
    said = [str(item.get(name) or "") for name in ("kind", "code", "location")]
    side, against = item.get("side"), item.get("against")
    if side is not None and not said[2].startswith(str(side)):
        said.insert(2, str(side))
    if whole:
        said.append(str(item.get("category") or ""))
    if against is not None:
        said.append(f"against {against}")
    return f"{item.get('image')}: {' '.join(filter(None, said))}"


def _config(name: str, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """Settings by dotted name; a list of tools by tool."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _config(f"{name}.{key}", inner)
    elif isinstance(value, list) and name.endswith("config.tools"):
        for one in value:
            tool, _, version = str(one).rpartition(" ")
            yield f"tool {tool or version}", version
    else:
        yield name, value


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _arguments(arguments: Mapping[str, JsonValue], films: Sequence[str]) -> str:
    if not arguments:
        return f" on {', '.join(films)}" if films else ""
    return f"({', '.join(f'{name}={value}' for name, value in arguments.items())})"


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
