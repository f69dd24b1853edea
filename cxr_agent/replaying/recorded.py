"""What a run recorded, as those who take part in a reading would say it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cxr_agent.evidence import Evidence
from cxr_agent.knowledge import reasons
from cxr_agent.planning.judging import Judge
from cxr_agent.planning.planner import Consulted, Decision, Planner, Situation
from cxr_agent.planning.wording import Writer
from cxr_agent.reading.setup import Setup
from cxr_agent.report.draft import Draft, Section
from cxr_agent.report.model import Sentence
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.bench import Bench
from cxr_agent.trace import FINISH, Event, Plan, ReportDrafted, ToolCalled


def decisions_of(events: Iterable[Event], before_step: int | None = None) -> list[Decision]:
    """The decisions of a run's planners, each with the calls that were made together.

    Parameters
    ----------
    before_step
        Only those on steps before this one.
    """
    found: list[Decision] = []
    together: list[Plan] = []
    for event in events:
        if isinstance(event, Plan):
            if before_step is not None and event.step >= before_step:
                break
            together.append(event)
        elif isinstance(event, ToolCalled) and together:
            found.append(_decision(together))
            together = []
    if together:
        found.append(_decision(together))
    if found and not found[-1].calls and found[-1].rationale in reasons():
        found.pop()  # a limit that was reached: whoever goes on finds that out again
    return found


def draft_of(event: ReportDrafted) -> Draft:
    """The report before the gates, as it was recorded."""
    return Draft.made_of(map(_said, event.sentences))


def _said(recorded: Mapping[str, Any]) -> tuple[Section, Sentence]:
    fields = dict(recorded)
    section = Section(str(fields.pop("section")))
    return section, Sentence.model_validate(fields)


class RecordedPlanner:
    """Decides as was recorded, then lets another planner go on.

    Parameters
    ----------
    recorded
        Of :func:`decisions_of`.
    then
        Who decides once they are used up.
    """

    def __init__(self, recorded: Sequence[Decision], then: Planner) -> None:
        self._left = list(recorded)
        self._then = then

    @property
    def name(self) -> str:
        return self._then.name

    @property
    def corrigible(self) -> bool:
        return self._then.corrigible

    def decide(self, situation: Situation) -> Decision:
        return self._left.pop(0) if self._left else self._then.decide(situation)


class RecordedWriter(Writer):
    """Words the report as it was recorded.

    Parameters
    ----------
    drafted
        The report before the gates.
    """

    def __init__(self, drafted: ReportDrafted) -> None:
        self._drafted = drafted

    def word(self, draft: Draft, evidence: Sequence[Evidence]) -> tuple[Draft, Consulted | None]:
        return draft_of(self._drafted), None


@dataclass(frozen=True)  # with slots the class is made twice, and ``super`` knows the first
class RecordedSetup(Setup):
    """A setup whose planner, and perhaps whose writer, begin with what was recorded."""

    decisions: tuple[Decision, ...] = ()
    drafted: ReportDrafted | None = None
    parent: dict[str, Any] | None = None
    """Which run this one branches off, at which step."""

    def planner_for(self, bench: Bench, question: str = "") -> Planner:
        return RecordedPlanner(self.decisions, super().planner_for(bench, question))

    @property
    def writer(self) -> Writer | None:
        return RecordedWriter(self.drafted) if self.drafted is not None else super().writer

    @property
    def judge(self) -> Judge | None:
        return None if self.drafted is not None else super().judge

    def config(self) -> dict[str, Any]:
        found = super().config()
        return found if self.parent is None else found | {"parent": self.parent}


def _decision(plans: Sequence[Plan]) -> Decision:
    known = reasons()
    calls = [p for p in plans if p.decision != FINISH and not _is_refusal(p, known)]
    refused = [p for p in plans if p.decision != FINISH and _is_refusal(p, known)]
    return Decision(
        tuple(ToolCall(plan.decision, dict(_plain(plan))) for plan in calls),
        plans[0].rationale,
        by=plans[0].planner,
        refusals=tuple((ToolCall(plan.decision), plan.rationale) for plan in refused),
    )


def _is_refusal(plan: Plan, known: Mapping[str, str]) -> bool:
    """A call that was not made has the reason why in place of the planner's own."""
    return plan.rationale in known


def _plain(plan: Plan) -> Iterator[tuple[str, str | bool]]:
    for name, value in plan.arguments.items():
        if isinstance(value, str | bool):
            yield name, value
