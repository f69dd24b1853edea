"""Running a tool: checked, limited, written to the trace, turned into evidence, in this order."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, count, product
from typing import Any, Literal

from pydantic import ValidationError

from cxr_agent.errors import ConfigError, CxrAgentError, ModelError, ToolError
from cxr_agent.evidence import Evidence, EvidenceKind, Observation, Provenance
from cxr_agent.knowledge import members
from cxr_agent.knowledge import reasons as known_reasons
from cxr_agent.study import Image
from cxr_agent.toolbox.answer import answer_of
from cxr_agent.toolbox.arguments import Bound, ToolCall, bind
from cxr_agent.toolbox.artifacts import DIFFERENCE, LINES, saliency_name
from cxr_agent.toolbox.bench import Bench
from cxr_agent.toolbox.cache import ResultCache
from cxr_agent.toolbox.contract import Abstain, Mask, MaskGroup, ToolSpec
from cxr_agent.toolbox.isolation.reply import CONTRACT
from cxr_agent.toolbox.reading import reading_of
from cxr_agent.toolbox.registry import Registry
from cxr_agent.toolbox.taken import AbstainedBefore, Taken, take
from cxr_agent.trace import EvidenceAdded, ToolCalled, ToolReturned, TraceWriter

_SIDE_BY_SIDE = 4
"""Tools that run at the same time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one call."""

    step: int
    call: ToolCall
    status: Literal["ok", "abstained", "failed"]
    codes: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Begun:
    """A call that stands in the trace and has no answer yet."""

    spec: ToolSpec
    call: ToolCall
    step: int
    began: float


_Result = tuple[Bound, Taken] | Abstain | CxrAgentError
"""What a tool gives, or why it gives nothing."""


@dataclass(slots=True)
class Toolbox:
    """Runs tools of a registry on one bench and writes everything to one trace."""

    registry: Registry
    bench: Bench
    trace: TraceWriter
    cache: ResultCache | None = None
    """Where results are kept, and looked for before a tool is run."""
    stated: list[Evidence] = field(default_factory=list)
    """All evidence that was written, in its order; some may since have been withdrawn."""
    outcomes: list[Outcome] = field(default_factory=list)
    """Of every call, in its order."""
    _step: int = 0
    _ids: count[int] = field(default_factory=lambda: count(1))
    _told: int = field(init=False)
    """Notices of the runtime that need not be written to the trace, or were."""

    def __post_init__(self) -> None:
        self._told = len(self.bench.shelf.runtime.notices)

    @property
    def next_step(self) -> int:
        """Number that the next call or statement gets."""
        return self._step + 1

    def go_on(self, outcomes: Sequence[Outcome], stated: Sequence[Evidence], step: int) -> None:
        """Take up where an earlier process ended: its outcomes, evidence and last step."""
        self.outcomes, self.stated = list(outcomes), list(stated)
        self._step = step
        self._ids = count(1 + max((int(item.id[1:]) for item in stated), default=0))

    def run(self, call: ToolCall) -> Outcome:
        """Run one call. Failure and abstention are outcomes and give limitation evidence.

        Raises
        ------
        OutputError
            When the trace cannot be written: a step that is not recorded did not happen.
        ToolError
            ``unknown_tool`` when there is no such tool.
        """
        return self._together([call])[0]

    def run_all(self, calls: Sequence[ToolCall]) -> tuple[Outcome, ...]:
        """Run several calls side by side; raises as :meth:`run`.

        One that looks at masks which an earlier one adds waits for it. Steps and evidence are
        numbered in the order of the calls, whichever tool is faster.
        """
        return tuple(chain.from_iterable(map(self._together, self._waves(calls))))

    def _together(self, calls: Sequence[ToolCall]) -> list[Outcome]:
        """Calls that do not wait for each other: recorded, run, and what they gave recorded."""
        begun = self._begin(calls)
        answers = self._answers(begun)
        outcomes = list(map(self._outcome, begun, answers))
        self.trace.flush()
        self.outcomes += outcomes
        for given in answers:
            if isinstance(given, tuple):
                bound, taken = given
                self.bench.put_masks(bound.film.handle, dict(taken.masks))
        return outcomes

    def _answers(self, begun: Sequence[_Begun]) -> list[_Result]:
        if len(begun) == 1:
            return [self._answer(begun[0])]
        with ThreadPoolExecutor(min(len(begun), _SIDE_BY_SIDE)) as pool:
            # Each in its own copy of the context: what the user set for this run holds there.
            answers = [
                pool.submit(contextvars.copy_context().run, self._answer, one) for one in begun
            ]
            return [answer.result() for answer in answers]

    def _waves(self, calls: Sequence[ToolCall]) -> list[list[ToolCall]]:
        waves: list[list[ToolCall]] = []
        added: set[tuple[str | bool | None, str]] = set()
        for call in calls:
            spec = self._spec(call)
            film = call.arguments.get(spec.film_parameter.name)
            looked_at = {*call.films, film}
            if not waves or not added.isdisjoint(product(looked_at, spec.looks_at)):
                waves.append([])
                added = set()
            waves[-1].append(call)
            added |= {(film, name) for name in spec.provides}
        return waves

    def _spec(self, call: ToolCall) -> ToolSpec:
        spec = self.registry.get(call.tool)
        if spec is None:
            raise ToolError("unknown_tool", f"there is no tool named {call.tool[:40]!r}")
        return spec

    def _begin(self, calls: Sequence[ToolCall]) -> list[_Begun]:
        """Record the calls; none of their tools runs before that is on the disk."""
        numbered = [(self._spec(call), call, self.advance()) for call in calls]
        self.trace.append_all(
            [
                ToolCalled(
                    step=step,
                    tool=spec.name,
                    tool_version=spec.version,
                    arguments=dict(call.arguments),
                )
                for spec, call, step in numbered
            ]
        )
        began = time.monotonic()
        return [_Begun(spec, call, step, began) for spec, call, step in numbered]

    def _answer(self, begun: _Begun) -> _Result:
        """What the tool gives; that it cannot answer is an answer too."""
        spec = begun.spec
        try:
            bound = bind(spec, begun.call, self.bench)
            if self.cache is not None:
                return bound, self.cache.taken(spec, bound, self.bench.shelf)
            return bound, take(answer_of(spec, bound), bound.film.shape)
        except (Abstain, CxrAgentError) as outcome:
            return outcome

    def _outcome(self, begun: _Begun, result: _Result) -> Outcome:
        """What came of a call, recorded, to be written with what came of those beside it."""
        spec, call, step, began = begun.spec, begun.call, begun.step, begun.began
        if isinstance(result, Abstain):
            return self._nothing(
                spec,
                call,
                step,
                began,
                "abstained",
                result.subject,
                result.reasons,
                cached=isinstance(result, AbstainedBefore),
            )
        if isinstance(result, CxrAgentError):
            reason = "model_error" if isinstance(result, ModelError) else result.code
            if reason not in known_reasons():
                reason = "tool_failed"
            return self._nothing(spec, call, step, began, "failed", spec.subject, (reason,))
        return self._keep(spec, call, step, began, *result)

    def state(
        self,
        observation: Observation,
        film: Image,
        speaker: str,
        artifacts: dict[str, str] | None = None,
        step: int | None = None,
        *,
        held: bool = False,
    ) -> Evidence:
        """Evidence that no tool gives: what the program itself, or a reader, knows.

        Parameters
        ----------
        speaker
            Who says so, as ``imaging``, ``protocol`` or ``reader``.
        artifacts
            What it rests on, by name, already in the trace.
        step
            The step that it belongs to; one of its own where none is given.
        held
            Write it with the next event: see :meth:`cxr_agent.trace.TraceWriter.hold`.
        """
        step = self.advance() if step is None else step
        provenance = Provenance(step=step, tool=speaker, tool_version="1", image_sha256=film.sha256)
        evidence = self._made(observation, film, provenance, artifacts=artifacts)
        write = self.trace.hold if held else self.trace.append
        write(_added(evidence))
        return evidence

    def advance(self) -> int:
        """Begin a step and give its number."""
        self._step += 1
        return self._step

    def _keep(
        self,
        spec: ToolSpec,
        call: ToolCall,
        step: int,
        began: float,
        bound: Bound,
        taken: Taken,
    ) -> Outcome:
        artifacts = {name: self.trace.put(data) for name, data in taken.files.items()}
        seconds = time.monotonic() - began
        returned = ToolReturned(
            step=step,
            tool=spec.name,
            outcome="ok",
            result=dict(taken.record),
            codes=self._notices(),
            seconds=seconds,
            artifacts=artifacts,
            cached=taken.cached,
        )
        provenance = self._provenance(spec, step, bound.film, _model_behind(spec, bound))
        evidence = tuple(
            self._made(observation, bound.film, provenance, reading, artifacts)
            for observation, reading in taken.statements
        )
        self.trace.hold_all((returned, *map(_added, evidence)))
        return Outcome(step, call, "ok", (), evidence, seconds)

    def _nothing(
        self,
        spec: ToolSpec,
        call: ToolCall,
        step: int,
        began: float,
        status: Literal["abstained", "failed"],
        subject: str,
        reasons: tuple[str, ...],
        *,
        cached: bool = False,
    ) -> Outcome:
        limitation = _limitation(subject, reasons)
        if limitation is None:
            status, reasons = "failed", (CONTRACT,)
            limitation = Observation(
                kind=EvidenceKind.LIMITATION, code=spec.subject, reasons=reasons
            )
        seconds = time.monotonic() - began
        self.trace.hold(
            ToolReturned(
                step=step,
                tool=spec.name,
                outcome=status,
                result={},
                codes=(*reasons, *self._notices()),
                seconds=seconds,
                artifacts={},
                cached=cached,
            )
        )
        handle = call.arguments.get(spec.film_parameter.name)
        if not isinstance(handle, str) or handle not in self.bench.study.handles:
            return Outcome(step, call, status, reasons, (), seconds)
        film = self.bench.study.image(handle)
        named = spec.prior_parameter and call.arguments.get(spec.prior_parameter.name)
        if named in [prior.handle for prior in self.bench.study.priors]:
            limitation = limitation.model_copy(update={"against": named})
        evidence = self._made(limitation, film, self._provenance(spec, step, film, _model_of(spec)))
        self.trace.hold(_added(evidence))
        return Outcome(step, call, status, reasons, (evidence,), seconds)

    def _notices(self) -> tuple[str, ...]:
        """Codes of what the runtime told since the last step."""
        notices = self.bench.shelf.runtime.notices[self._told :]
        self._told += len(notices)
        return tuple(dict.fromkeys(notice.code.value for notice in notices))

    def _provenance(self, spec: ToolSpec, step: int, film: Image, model: str | None) -> Provenance:
        weights = spec.weights_sha256 if model == spec.model else None
        if weights is None and model is not None:
            weights = self.bench.shelf.weights_sha256(model)
        return Provenance(
            step=step,
            tool=spec.name,
            tool_version=spec.version,
            model=model,
            weights_sha256=weights,
            image_sha256=film.sha256,
        )

    def _made(
        self,
        observation: Observation,
        film: Image,
        provenance: Provenance,
        reading: str | None = None,
        artifacts: dict[str, str] | None = None,
    ) -> Evidence:
        """The evidence, still to be written."""
        if reading is None:
            basis = [item for item in self.stated if item.id in observation.basis]
            reading = reading_of(observation, basis)
        evidence = Evidence(
            **_fields(observation),
            id=f"e{next(self._ids)}",
            image=film.handle,
            artifacts=_relevant(observation, artifacts or {}),
            reading=reading,
            provenance=provenance,
        )
        self.stated.append(evidence)
        return evidence


def _added(evidence: Evidence) -> EvidenceAdded:
    return EvidenceAdded(evidence=evidence.model_dump(mode="json"))


def _limitation(subject: str, reasons: tuple[str, ...]) -> Observation | None:
    """The limitation as evidence; None when there are no words for it."""
    try:
        limitation = Observation(kind=EvidenceKind.LIMITATION, code=subject, reasons=reasons)
        reading_of(limitation)
    except (ValidationError, ConfigError):
        return None
    return limitation


def _model_of(spec: ToolSpec) -> str | None:
    return spec.model or spec.pretrained


def _model_behind(spec: ToolSpec, bound: Bound) -> str | None:
    """The model that the tool runs, or else the one whose masks it measures."""
    model = _model_of(spec)
    if model is not None or spec.outside or spec.needs_vision:
        return model  # what such a model says is not said by whoever outlined what it was shown
    models = {mask.model for mask in _masks(bound) if mask.model is not None}
    return models.pop() if len(models) == 1 else None


def _masks(bound: Bound) -> Iterator[Mask]:
    for argument in bound.keywords.values():
        if isinstance(argument, Mask):
            yield argument
        elif isinstance(argument, MaskGroup):
            yield from argument.values()


def _fields(observation: Observation) -> dict[str, Any]:
    return {name: getattr(observation, name) for name in Observation.model_fields}


def _relevant(observation: Observation, artifacts: dict[str, str]) -> dict[str, str]:
    """A region rests on its mask, a classified finding on its map, a number on measured lines."""
    if observation.kind is EvidenceKind.REGION:
        drawn = (observation.code, *members(observation.code))
        return {name: artifacts[name] for name in drawn if name in artifacts}
    if observation.kind is EvidenceKind.COMPARISON:
        return {name: artifacts[name] for name in (DIFFERENCE,) if name in artifacts}
    saliency = saliency_name(observation.code)
    if observation.probability is not None and saliency in artifacts:
        return {saliency: artifacts[saliency]}
    if observation.value is not None and LINES in artifacts:
        return {LINES: artifacts[LINES]}
    return {}
