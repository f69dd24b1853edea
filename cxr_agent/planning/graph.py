"""The one graph of a reading: plan -> act -> observe ... -> compose -> gate -> repair -> finish.

Every node writes what it did to the trace before the next one starts.
"""

from __future__ import annotations

import operator
import time
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypedDict

from cxr_agent.evidence import Evidence
from cxr_agent.planning import statements
from cxr_agent.planning.budget import Budget, Spending
from cxr_agent.planning.planner import Decision, Planner, Situation, refused
from cxr_agent.report.compose import compose
from cxr_agent.report.draft import Draft
from cxr_agent.report.gates.gate import Gated, needs_repair, repair
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.execute import Outcome, Toolbox
from cxr_agent.trace import FINISH, GateVerdict, Plan, ReportDrafted


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of the graph."""

    gated: Gated | None
    """None when every current film was refused."""
    evidence: tuple[Evidence, ...]
    outcomes: tuple[Outcome, ...]
    status: Literal["complete", "partial", "refused"]
    refusal: str | None = None
    """The reason code, where the first current film was refused with all others."""


class _State(TypedDict, total=False):
    decision: Decision
    latest: Outcome
    outcomes: Annotated[list[Outcome], operator.add]
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
    """

    toolbox: Toolbox
    planner: Planner
    budget: Budget = field(default_factory=Budget)
    _spending: Spending = field(init=False)

    def run(self) -> Reading:
        """Read the study.

        Raises
        ------
        OutputError
            When the trace cannot be written.
        """
        self._spending = Spending(self.budget)
        # Each step of a reading is three nodes; the budget ends it long before this limit.
        limit = 3 * self.budget.steps + 12
        final: dict[str, Any] = _build(self).invoke(
            {"outcomes": [], "evidence": [], "spent": None, "refused": None},
            {"recursion_limit": limit},
        )
        outcomes, evidence = tuple(final["outcomes"]), tuple(final["evidence"])
        if final["refused"] is not None:
            return Reading(None, evidence, outcomes, "refused", final["refused"])
        partial = final["spent"] is not None or any(o.status == "failed" for o in outcomes)
        return Reading(final["gated"], evidence, outcomes, "partial" if partial else "complete")

    def look(self, state: _State) -> _State:
        """What is known of the films before any tool runs."""
        study = self.toolbox.bench.study
        known = [
            self.toolbox.state(observation, film, "imaging")
            for film in (*study.images, *study.priors)
            for observation in statements.about_film(film)
        ]
        changed = statements.about_thresholds()
        if changed is not None:
            known.append(self.toolbox.state(changed, study.images[0], "configuration"))
        return {"evidence": known}

    def plan(self, state: _State) -> _State:
        """Ask the planner for the next step, within the budget."""
        study = self.toolbox.bench.study
        began = time.monotonic()
        decision = self.planner.decide(
            Situation(
                current=tuple(film.handle for film in study.images),
                priors=tuple(film.handle for film in study.priors),
                tools=tuple(spec.name for spec in self.toolbox.registry),
                outcomes=tuple(state["outcomes"]),
            )
        )
        spent = self._stop(decision)
        if spent is not None:
            decision = Decision(None, spent)
        self._record_plan(decision, time.monotonic() - began)
        return {"decision": decision, "spent": spent}

    def _stop(self, decision: Decision) -> str | None:
        """The reason code why a wanted call is not made, if there is one."""
        call = decision.call
        if call is None:
            return None  # the planner is done, so no budget was too small
        if self.toolbox.registry.get(call.tool) is None:
            return "unknown_tool"
        if self._spending.is_repeat(call):
            return "repeated_call"
        return self._spending.exhausted()

    def act(self, state: _State) -> _State:
        """Run the tool."""
        call = state["decision"].call
        assert call is not None  # the edge leads here only with a call
        self._spending.spend(call)
        return {"latest": self.toolbox.run(call)}

    def observe(self, state: _State) -> _State:
        """Take in what the tool gave; stop when no current film can be read."""
        latest = state["latest"]
        outcomes = [*state["outcomes"], latest]
        study = self.toolbox.bench.study
        handles = {film.handle for film in study.images}
        unreadable = refused(outcomes)
        everything = handles <= unreadable.keys()
        return {
            "outcomes": [latest],
            "evidence": list(latest.evidence),
            "refused": unreadable[study.images[0].handle] if everything else None,
        }

    def compose(self, state: _State) -> _State:
        """Draft the report by rule."""
        evidence = self._closing(state)
        draft = compose([*state["evidence"], *evidence])
        self.toolbox.trace.append(
            ReportDrafted(
                sentences=tuple(
                    {"section": section.value, **sentence.model_dump(mode="json")}
                    for section, sentence in draft
                )
            )
        )
        return {"draft": draft, "evidence": evidence}

    def gate(self, state: _State) -> _State:
        """Check the draft; what passes whole is let out as it is."""
        if needs_repair(state["draft"], state["evidence"]):
            return {}
        gated = repair(state["draft"], state["evidence"])
        self._record_verdicts(gated)
        return {"gated": gated}

    def repair(self, state: _State) -> _State:
        """Mend once; what still lacks support is dropped and recorded."""
        gated = repair(state["draft"], state["evidence"])
        self._record_verdicts(gated)
        return {"gated": gated}

    def _closing(self, state: _State) -> list[Evidence]:
        """Statements about the run as a whole."""
        study = self.toolbox.bench.study
        first = study.images[0]
        made: list[Evidence] = []
        made += [
            self.toolbox.state(statements.about_comparison(), prior, "protocol")
            for prior in study.priors
        ]
        unsaid = [o for o in state["outcomes"] if o.status == "failed" and not o.evidence]
        reasons = dict.fromkeys(code for outcome in unsaid for code in outcome.codes)
        if state["spent"] is not None:
            reasons[state["spent"]] = None
        if reasons:
            observation = statements.about_budget(tuple(reasons))
            made.append(self.toolbox.state(observation, first, "protocol"))
        made += [
            self.toolbox.state(conflict, study.image(handle), "protocol")
            for handle, conflict in statements.about_conflicts(state["evidence"])
        ]
        scope = statements.about_scope(state["outcomes"])
        if scope is not None:
            made.append(self.toolbox.state(scope, first, "protocol"))
        return made

    def _record_plan(self, decision: Decision, seconds: float) -> None:
        call = decision.call or ToolCall(FINISH)
        self.toolbox.trace.append(
            Plan(
                step=self.toolbox.next_step,
                planner=self.planner.name,
                latency_s=seconds,
                decision=call.tool,
                arguments=dict(call.arguments),
                rationale=decision.rationale,
            )
        )

    def _record_verdicts(self, gated: Gated) -> None:
        for verdict in gated.verdicts:
            self.toolbox.trace.append(
                GateVerdict(
                    gate=verdict.gate,
                    passed=verdict.passed,
                    sentence=verdict.sentence,
                    reason=verdict.reason,
                    action=verdict.action,
                )
            )


def _build(nodes: ReadingGraph) -> Any:
    from langgraph.graph import END, START, StateGraph

    graph: Any = StateGraph(_State)
    for name in ("look", "plan", "act", "observe", "compose", "gate", "repair"):
        graph.add_node(name, getattr(nodes, name))
    graph.add_edge(START, "look")
    graph.add_edge("look", "plan")
    graph.add_conditional_edges(
        "plan", lambda s: "act" if s["decision"].call is not None else "compose", ["act", "compose"]
    )
    graph.add_edge("act", "observe")
    graph.add_conditional_edges("observe", lambda s: END if s["refused"] else "plan", ["plan", END])
    graph.add_edge("compose", "gate")
    graph.add_conditional_edges(
        "gate", lambda s: END if "gated" in s else "repair", ["repair", END]
    )
    graph.add_edge("repair", END)
    return graph.compile()
