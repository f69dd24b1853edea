"""The one graph of a reading: look -> plan -> act and observe ... -> compose -> word -> gate.

What a step did is on the disk before the next one starts, and a call before its tool runs; what is
only said of them goes there with the event that follows, before a model is asked or the graph ends.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Annotated, Any, Final, Literal, TypedDict

from cxr_agent.evidence import Evidence, Observation
from cxr_agent.planning import statements
from cxr_agent.planning.budget import Budget, Spending
from cxr_agent.planning.judging import Judge
from cxr_agent.planning.planner import (
    Consulted,
    Decision,
    Planner,
    PlannerFailed,
    Situation,
    Tried,
    refused,
)
from cxr_agent.planning.privacy import Privacy, record
from cxr_agent.planning.situation import facts_of
from cxr_agent.planning.wording import Writer
from cxr_agent.questions import Question
from cxr_agent.report.compose import compose
from cxr_agent.report.draft import Draft
from cxr_agent.report.gates.gate import Gated, repair
from cxr_agent.study import Image
from cxr_agent.toolbox.arguments import ToolCall, refusal_of
from cxr_agent.toolbox.execute import Outcome, Toolbox
from cxr_agent.trace import FINISH, Conflict, GateVerdict, Plan, ReportDrafted


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of the graph."""

    gated: Gated | None
    """None when every current film was refused, or no report was asked for."""
    evidence: tuple[Evidence, ...]
    tried: tuple[Tried, ...]
    status: Literal["complete", "partial", "refused"]
    refusal: str | None = None
    """The reason code, where the first current film was refused with all others."""
    handed_over: str | None = None
    """The reason code why the planner did not finish by itself, where it did not."""
    stopped: str | None = None
    """The reason code why it ended before its planner was done, where it did."""
    tokens: int = 0
    cost: float = 0.0
    """What language models took, in tokens and US dollars."""

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        return tuple(one.outcome for one in self.tried if one.outcome is not None)


@dataclass(frozen=True, slots=True)
class Before:
    """What a reading that goes on begins with."""

    tried: tuple[Tried, ...] = ()
    evidence: tuple[Evidence, ...] = ()


Refused = tuple[ToolCall, str]
"""A call that is not made, and the reason code."""


class _State(TypedDict, total=False):
    calls: tuple[ToolCall, ...]
    by: str
    done: bool
    turn: int
    tried: Annotated[list[Tried], operator.add]
    evidence: Annotated[list[Evidence], operator.add]
    spent: str | None
    refused: str | None
    draft: Draft
    gated: Gated


@dataclass(slots=True)
class ReadingGraph:
    """Builds and runs the graph for one study.

    Parameters
    ----------
    toolbox
        Holds the study, the masks and the trace.
    planner
        Chooses the steps.
    budget
        Where reading ends with what it has.
    fallback
        Who goes on when the planner fails or leaves the rails; without one, reading then ends
        with what it has.
    writer
        Words findings and impression within the gates; without one, rules do.
    judge
        Strikes out what the writer wrote and it calls unsupported, before the gates judge.
    privacy
        What the trace keeps of an exchange with a language model.
    asked
        The clinical question, which the report answers first.
    """

    toolbox: Toolbox
    planner: Planner
    budget: Budget = field(default_factory=Budget)
    fallback: Planner | None = None
    writer: Writer | None = None
    judge: Judge | None = None
    privacy: Privacy = Privacy.MASKED
    asked: Question | None = None
    spending: Spending = field(init=False)
    _acting: Planner = field(init=False)
    _at_first: Situation = field(init=False)
    _handed_over: str | None = field(init=False, default=None)
    _stopped: str | None = field(init=False, default=None)

    def run(self) -> Reading:
        """Read the study and report.

        Raises
        ------
        OutputError
            When the trace cannot be written.
        """
        return self._run(Before(), _WHOLE)

    def gather(self, before: Before) -> Reading:
        """Go on from what is known until the planner is done; no report. Raises as :meth:`run`."""
        return self._run(before, _STEPS)

    def report(self, before: Before) -> Reading:
        """Report on what is known, without a further step. Raises as :meth:`run`."""
        return self._run(before, _CLOSING)

    def _run(self, before: Before, nodes: tuple[str, ...]) -> Reading:
        self.spending = Spending(self.budget)
        self._acting, self._handed_over, self._stopped = self.planner, None, None
        self._at_first = self._given()
        for one in before.tried:
            if one.outcome is not None:
                self.spending.remember(one.call)
        # At most one node for each turn; the budget ends a reading long before this limit.
        limit = 2 * self.budget.steps + self.budget.strikes + 16
        final: dict[str, Any] = _compiled(nodes).invoke(
            {
                "tried": list(before.tried),
                "evidence": list(before.evidence),
                "turn": max((one.turn for one in before.tried), default=0),
                "spent": None,
                "refused": None,
            },
            {"recursion_limit": limit},
            context=self,
        )
        self.toolbox.trace.flush()
        tried, evidence = tuple(final["tried"]), tuple(final["evidence"])
        if final["refused"] is not None:
            return Reading(None, evidence, tried, "refused", final["refused"], self._handed_over)
        failed = any(one.outcome is not None and one.outcome.status == "failed" for one in tried)
        return Reading(
            final.get("gated"),
            evidence,
            tried,
            "partial" if final["spent"] is not None or failed else "complete",
            handed_over=self._handed_over,
            stopped=final["spent"],
            tokens=self.spending.tokens,
            cost=self.spending.cost,
        )

    def look(self, state: _State) -> _State:
        """What is known of the films before any tool runs."""
        study = self.toolbox.bench.study
        known = [
            self._state(observation, film, "imaging")
            for film in (*study.images, *study.priors)
            for observation in statements.about_film(film)
        ]
        if study.unread_views:
            unread = statements.about_unread_views(study.unread_views)
            known.append(self._state(unread, study.images[0], "imaging"))
        changed = statements.about_thresholds()
        if changed is not None:
            known.append(self._state(changed, study.images[0], "configuration"))
        return {"evidence": known}

    def _state(self, observation: Observation, film: Image, speaker: str = "protocol") -> Evidence:
        """A statement that no tool makes; it need not be on the disk before what follows is."""
        return self.toolbox.state(observation, film, speaker, held=True)

    def plan(self, state: _State) -> _State:
        """Ask the planner for the next calls, within the budget."""
        turn = state["turn"] + 1
        began = time.monotonic()
        decision = self._decide(self._situation(state))
        seconds = time.monotonic() - began
        calls, refusals = self._sifted(decision)
        spent = self._spent(calls, refusals)
        calls = [] if spent is not None else calls[: self.budget.steps - self.spending.steps]
        done = not calls and not refusals
        by = decision.by or self._acting.name
        self._record_plans(decision, by, calls, refusals, seconds)
        if done or spent is not None:
            self._record_plan(decision, by, ToolCall(FINISH), seconds, refusal=spent)
        if spent is not None and self._take_over(spent):
            spent, done = None, False
        return {
            "turn": turn,
            "calls": tuple(calls),
            "by": by,
            "done": done or spent is not None,
            "spent": spent,
            "tried": [Tried(turn, by, call, refusal=code) for call, code in refusals],
        }

    def _sifted(self, decision: Decision) -> tuple[list[ToolCall], list[Refused]]:
        """The calls of a decision that may be made, and those that may not."""
        calls: list[ToolCall] = []
        refusals = list(decision.refusals)
        for call in decision.calls:
            code = self._refusal(call, calls)
            if code is None:
                calls.append(call)
            else:
                refusals.append((call, code))
        self.spending.strikes += len(refusals)
        return calls, refusals

    def _spent(self, calls: Sequence[ToolCall], refusals: Sequence[Refused]) -> str | None:
        """The reason code why the acting planner gets no further, if there is one."""
        if refusals and not self._acting.corrigible:
            return refusals[0][1]
        # Who is done did not run out of anything.
        return self._stopped or (self.spending.exhausted() if calls else None)

    def _decide(self, situation: Situation) -> Decision:
        """The planner's decision, or that of who takes its place."""
        stop = self.spending.may_not_ask() if self._acting.corrigible else None
        if stop is None:
            if self._acting.corrigible:
                self.toolbox.trace.flush()  # a language model may take its time
            try:
                decision = self._acting.decide(situation)
            except PlannerFailed as failure:
                self._consulted(failure.consulted)
                stop = failure.code
            else:
                self._consulted(decision.consulted)
                return decision
        if not self._take_over(stop):
            self._stopped = stop
            return Decision((), stop)
        return self._acting.decide(situation)

    def _take_over(self, code: str) -> bool:
        """Let the fallback go on; False where there is none or the budget is everybody's."""
        if self.fallback is None or self._acting is self.fallback or self.spending.exhausted():
            return False
        self._acting, self._handed_over = self.fallback, code
        return True

    def _consulted(self, consulted: Consulted | None) -> None:
        if consulted is not None:
            self.spending.asked(consulted.exchange)
            record(self.toolbox.trace, consulted, self.privacy)

    def _looked(self) -> None:
        """Record what a tool asked a vision-language model, and count it against the budget."""
        consultation = self.toolbox.bench.consultation
        for look in consultation.taken() if consultation is not None else ():
            self._consulted(
                Consulted(
                    "answer", look.prompt, look.messages, look.exchange, images=1, of_film=True
                )
            )

    def _given(self) -> Situation:
        """What a planner sees that stays as it is from the first decision to the last."""
        study = self.toolbox.bench.study
        return Situation(
            current=tuple(film.handle for film in study.images),
            priors=tuple(film.handle for film in study.priors),
            tools=tuple(spec.name for spec in self.toolbox.registry),
            outcomes=(),
            films=facts_of(study),
        )

    def _situation(self, state: _State) -> Situation:
        tried = tuple(state["tried"])
        return replace(
            self._at_first,
            outcomes=tuple(one.outcome for one in tried if one.outcome is not None),
            tried=tried,
            known=tuple(state["evidence"]),
        )

    def _refusal(self, call: ToolCall, beside: Sequence[ToolCall]) -> str | None:
        """The reason code why a wanted call is not made, if there is one."""
        spec = self.toolbox.registry.get(call.tool)
        if spec is None:
            return "unknown_tool"
        code = refusal_of(spec, call, self.toolbox.bench.study)
        if code is not None:
            return code
        return "repeated_call" if self.spending.is_repeat(call, beside) else None

    def step(self, state: _State) -> _State:
        """Plan and act, on and on while rules plan: a turn of theirs waits for nobody.

        A turn of a language model is a step of the graph by itself. Each step costs LangGraph half
        a millisecond or more, which is more than the rules take.
        """
        tried, evidence = len(state["tried"]), len(state["evidence"])
        while True:
            state = self._turn(state)
            if state["done"] or state["refused"] is not None or self._acting.corrigible:
                break
        # What was there before is not given again: LangGraph adds lists to those that it has.
        return {**state, "tried": state["tried"][tried:], "evidence": state["evidence"][evidence:]}

    def _turn(self, state: _State) -> _State:
        """The state after one decision and what came of it."""
        planned = self.plan(state)
        state = {**state, **planned, "tried": [*state["tried"], *planned["tried"]]}
        if not state["calls"]:
            return state
        acted = self.act(state)
        return {
            **state,
            **acted,
            "tried": [*state["tried"], *acted["tried"]],
            "evidence": [*state["evidence"], *acted["evidence"]],
        }

    def act(self, state: _State) -> _State:
        """Run the tools and take in what they gave; stop when no current film can be read."""
        for call in state["calls"]:
            self.spending.spend(call)
        return self._observed(state, self.toolbox.run_all(state["calls"]))

    def _observed(self, state: _State, latest: Sequence[Outcome]) -> _State:
        self._looked()
        tried = [Tried(state["turn"], state["by"], one.call, one) for one in latest]
        outcomes = [one.outcome for one in (*state["tried"], *tried) if one.outcome is not None]
        study = self.toolbox.bench.study
        handles = {film.handle for film in study.images}
        unreadable = refused(outcomes)
        everything = handles <= unreadable.keys()
        return {
            "tried": tried,
            "evidence": [item for outcome in latest for item in outcome.evidence],
            "refused": unreadable[study.images[0].handle] if everything else None,
        }

    def compose(self, state: _State) -> _State:
        """Draft the report by rule."""
        evidence = self._closing(state)
        asked = self.asked.subjects if self.asked is not None else ()
        return {"draft": compose([*state["evidence"], *evidence], asked), "evidence": evidence}

    def word(self, state: _State) -> _State:
        """Let the language model word findings and impression, where there is one."""
        draft = state["draft"]
        may_ask = self._handed_over is None and self.spending.may_not_ask() is None
        if self.writer is not None and may_ask:
            self.toolbox.trace.flush()
            draft, consulted = self.writer.word(draft, state["evidence"])
            self._consulted(consulted)
            if self.judge is not None and self.spending.may_not_ask() is None:
                draft, asked = self.judge.sift(draft, state["evidence"])
                self._consulted(asked)
        self.toolbox.trace.hold(
            ReportDrafted(
                sentences=tuple(
                    {"section": section.value, **sentence.model_dump(mode="json")}
                    for section, sentence in draft
                )
            )
        )
        return {"draft": draft}

    def gate(self, state: _State) -> _State:
        """Check the draft and mend it once; what still lacks support is dropped and recorded."""
        gated = repair(state["draft"], state["evidence"])
        self.toolbox.trace.append_all(
            [
                GateVerdict(
                    gate=verdict.gate,
                    passed=verdict.passed,
                    sentence=verdict.sentence,
                    reason=verdict.reason,
                    action=verdict.action,
                )
                for verdict in gated.verdicts
            ]
        )
        return {"gated": gated}

    def _closing(self, state: _State) -> list[Evidence]:
        """Statements about the run as a whole."""
        study = self.toolbox.bench.study
        first = study.images[0]
        made: list[Evidence] = []
        compared = {item.against for item in state["evidence"]}
        reason = "not_compared" if self._can_compare() else "comparison_tool_missing"
        made += [
            self._state(statements.about_uncompared(prior, reason), first)
            for prior in study.priors
            if prior.handle not in compared
        ]
        if not study.priors:
            nothing = statements.about_no_prior(searched=study.priors_searched)
            made.append(self._state(nothing, first))
        outcomes = [one.outcome for one in state["tried"] if one.outcome is not None]
        unsaid = [o for o in outcomes if o.status == "failed" and not o.evidence]
        reasons = dict.fromkeys(code for outcome in unsaid for code in outcome.codes)
        if state["spent"] is not None:
            reasons[state["spent"]] = None
        if reasons:
            made.append(self._state(statements.about_budget(tuple(reasons)), first))
        if self._handed_over is not None:
            made.append(self._state(statements.about_handover(self._handed_over), first))
        made += self._conflicts(state["evidence"])
        made += [
            self._state(agreed, study.image(handle))
            for handle, agreed in statements.about_agreements(state["evidence"])
        ]
        if self.asked is not None:
            made += [
                self._state(missing, first)
                for missing in statements.about_question(self.asked, state["evidence"])
            ]
        made += [self._state(missing, first) for missing in statements.about_scope(outcomes)]
        return made

    def _can_compare(self) -> bool:
        return any(spec.prior_parameter is not None for spec in self.toolbox.registry)

    def _conflicts(self, evidence: Sequence[Evidence]) -> Iterator[Evidence]:
        """Disagreements as evidence, and in the trace with the rule that decided."""
        for handle, conflict in statements.about_conflicts(evidence):
            self.toolbox.trace.hold(
                Conflict(
                    codes=conflict.reasons,
                    evidence=conflict.basis,
                    rule=conflict.category or "undecided",
                )
            )
            yield self._state(conflict, self.toolbox.bench.study.image(handle))

    def _record_plans(
        self,
        decision: Decision,
        by: str,
        calls: Sequence[ToolCall],
        refusals: Sequence[Refused],
        seconds: float,
    ) -> None:
        """One plan per call, with the number that the call gets; the first has the latency."""
        for place, call in enumerate(calls):
            self._record_plan(decision, by, call, 0.0 if place else seconds, ahead=place)
        for call, code in refusals:
            known = self.toolbox.registry.get(call.tool) is not None
            # Of a refused call nothing but the name of a known tool is kept: it may hold anything.
            kept = ToolCall(call.tool if known else _UNKNOWN)
            self._record_plan(decision, by, kept, 0.0, ahead=len(calls), refusal=code)

    def _record_plan(
        self,
        decision: Decision,
        by: str,
        call: ToolCall,
        seconds: float,
        *,
        ahead: int = 0,
        refusal: str | None = None,
    ) -> None:
        consulted = decision.consulted
        self.toolbox.trace.hold(
            Plan(
                step=self.toolbox.next_step + ahead,
                planner=by,
                prompt_id=consulted.prompt.id if consulted else None,
                prompt_sha256=consulted.prompt.sha256 if consulted else None,
                model=consulted.exchange.model if consulted else None,
                latency_s=seconds,
                decision=call.tool,
                arguments=dict(call.arguments),
                rationale=refusal or decision.rationale,
            )
        )


_UNKNOWN: Final = "unknown"
_STEPS: Final = ("step",)
_CLOSING: Final = ("compose", "word", "gate")
_WHOLE: Final = ("look", *_STEPS, *_CLOSING)


@cache
def _compiled(nodes: tuple[str, ...]) -> Any:
    """The graph, or a part of it, for any reading: which one is told when it is invoked."""
    from langgraph.graph import END, START, StateGraph

    graph: Any = StateGraph(_State, context_schema=ReadingGraph)
    for name in nodes:
        graph.add_node(name, _node(name))
    graph.add_edge(START, nodes[0])
    if "look" in nodes:
        graph.add_edge("look", "step")
    if "step" in nodes:
        after = "compose" if "compose" in nodes else END
        graph.add_conditional_edges(
            "step",
            lambda s: END if s["refused"] else after if s["done"] else "step",
            ["step", after, END],
        )
    if "compose" in nodes:
        graph.add_edge("compose", "word")
        graph.add_edge("word", "gate")
        graph.add_edge("gate", END)
    return graph.compile()


def _node(name: str) -> Callable[[_State, Any], _State]:
    """A step of whichever reading the graph is invoked for."""

    def step(state: _State, runtime: Any) -> _State:
        taken: _State = getattr(runtime.context, name)(state)
        return taken

    return step
