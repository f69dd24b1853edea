"""What the program itself knows of a study and a run, as observations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cxr_agent.evidence import Box, Evidence, EvidenceKind, Observation, Polarity, Unit
from cxr_agent.knowledge import conflict_rules, coverage, in_force, suggestion_rule
from cxr_agent.questions import Question
from cxr_agent.report.compose import rests_on
from cxr_agent.report.gates.agreement import sides_of
from cxr_agent.report.suggested import is_suggested, leans_to, sides_meet
from cxr_agent.study import Image
from cxr_agent.toolbox.execute import Outcome

OF_THE_RUN: Final = "protocol"
"""Who states what holds for the run as a whole; it is stated anew with every report."""


def about_thresholds() -> Observation | None:
    """Which limits are the user's and not the shipped ones, with the values in force."""
    changed = in_force()
    if not changed:
        return None
    return Observation(
        kind=EvidenceKind.QUALITY,
        code="thresholds_changed",
        details={f"limit_{name}"[:64]: one.value for name, one in changed.items()},
    )


def about_unread_views(reasons: Sequence[str]) -> Observation:
    """That further views of the study were given and are read by no tool."""
    return Observation(kind=EvidenceKind.LIMITATION, code="unread_view", reasons=tuple(reasons))


def about_film(film: Image) -> Iterator[Observation]:
    """Remarks on the file, and when a prior was taken."""
    if film.notices:
        yield Observation(
            kind=EvidenceKind.QUALITY,
            code="film_remark",
            reasons=tuple(notice.value for notice in film.notices),
        )
    if film.is_prior:
        dated = film.days_before is not None
        yield Observation(
            kind=EvidenceKind.QUALITY,
            code="prior_film",
            category="dated" if dated else "undated",
            value=film.days_before,
            unit=Unit.DAY if dated else None,
        )


def about_uncompared(prior: Image, reason: str) -> Observation:
    """That nothing was held against a prior film."""
    return Observation(
        kind=EvidenceKind.LIMITATION,
        code="prior_comparison",
        reasons=(reason,),
        against=prior.handle,
    )


def about_no_prior(*, searched: bool = False) -> Observation:
    """That there is nothing to compare with.

    Parameters
    ----------
    searched
        Whether priors were looked for.
    """
    return Observation(
        kind=EvidenceKind.LIMITATION,
        code="prior_comparison",
        category="none",
        reasons=("no_prior_found" if searched else "no_prior",),
    )


def about_scope(outcomes: Iterable[Outcome]) -> Iterator[Observation]:
    """What a chest film is looked at for and no tool of this run looked at."""
    ran = {outcome.call.tool for outcome in outcomes if outcome.status == "ok"}
    for subject, covered in coverage().items():
        if not ran & set(covered.tools):
            yield Observation(kind=EvidenceKind.LIMITATION, code="not_examined", reasons=(subject,))


def about_conflicts(evidence: Iterable[Evidence]) -> Iterator[tuple[str, Observation]]:
    """For each film, a finding that one tool calls present and another absent.

    A tool does not contradict itself: it may tell one side from the other. What is only suggested
    disagrees with the other tools, on the same side, and never with another suggestion. The
    category is the
    rule of ``kb/conflicts.toml`` that decides, where one does; ``basis`` are both statements.
    """
    said: dict[tuple[str, str], list[Evidence]] = {}
    for item in evidence:
        if item.kind is EvidenceKind.FINDING and item.polarity is not None:
            said.setdefault((item.image, item.code), []).append(item)
    for (handle, code), items in said.items():
        present, absent = _disagreeing(items)
        if present and absent:
            yield (
                handle,
                Observation(
                    kind=EvidenceKind.LIMITATION,
                    code="conflict",
                    category=_rule_for(present, absent),
                    reasons=(code,),
                    basis=tuple(item.id for item in (*present, *absent)),
                ),
            )


def _disagreeing(items: Sequence[Evidence]) -> tuple[list[Evidence], list[Evidence]]:
    """The two sides of a disagreement on one finding; empty where there is none."""
    firm = [item for item in items if not is_suggested(item)]
    present = [item for item in firm if item.polarity is Polarity.PRESENT]
    absent = [item for item in firm if item.polarity is Polarity.ABSENT]
    if not (present and absent) or len({i.provenance.tool for i in (*present, *absent)}) < 2:
        found: list[Evidence] = []
    else:
        found = [*present, *absent]
    for item in items:
        if is_suggested(item):
            other = {Polarity.PRESENT: absent, Polarity.ABSENT: present}.get(
                leans_to(item) or Polarity.UNCERTAIN, []
            )
            against = [one for one in other if sides_meet(item, one)]
            found += [item, *against] if against else []
    sides = {
        polarity: [item for item in items if item in found and leans_to(item) is polarity]
        for polarity in (Polarity.PRESENT, Polarity.ABSENT)
    }
    return sides[Polarity.PRESENT], sides[Polarity.ABSENT]


def about_agreements(evidence: Sequence[Evidence]) -> Iterator[tuple[str, Observation]]:
    """For each film, a suggested finding that something which can be checked bears out.

    By ``[suggestion]`` of ``kb/conflicts.toml``: another tool's finding, or a visible mark.
    ``basis`` are the suggestion and what agrees with it.
    """
    for item in evidence:
        if is_suggested(item) and leans_to(item) is Polarity.PRESENT:
            agreed = _agreed(item, evidence)
            if agreed is not None:
                yield item.image, agreed


def _agreed(suggestion: Evidence, evidence: Sequence[Evidence]) -> Observation | None:
    rule = suggestion_rule()
    here = [item for item in evidence if item.image == suggestion.image]
    for item in here:
        if (
            item.kind is EvidenceKind.FINDING
            and item.code == suggestion.code
            and item.polarity is Polarity.PRESENT
            and item.provenance.tool != OF_THE_RUN
            and rests_on(item) in rule.confirmed_by
            and sides_meet(suggestion, item)
        ):
            classified = item.probability is not None
            fields = {name: getattr(item, name) for name in Observation.model_fields}
            # All but this is as the evidence that can be checked has it: no more is certain.
            said = {
                "category": "agreed_classified" if classified else "agreed",
                "basis": (suggestion.id, item.id),
            }
            return Observation(**(fields | said))
    for item in here:
        if (
            item.kind is EvidenceKind.DESCRIPTOR
            and item.category == suggestion.code
            and item.value is not None
            and item.value >= rule.mark_score
            and _share_at(suggestion, item, here) >= rule.mark_share
        ):
            return Observation(
                kind=EvidenceKind.FINDING,
                code=suggestion.code,
                polarity=Polarity.PRESENT,
                category="marked",
                side=item.side,
                location=item.location,
                details={"mark_score": item.value},
                basis=(suggestion.id, item.id),
            )
    return None


def _share_at(suggestion: Evidence, mark: Evidence, here: Sequence[Evidence]) -> float:
    """Share of a mark's box that lies at the place that was named; 0 where none was named."""
    sides = sides_of(suggestion)
    wanted = {f"{side}_lung" for side in sides} or {"heart"}
    if mark.box is None or not sides_meet(suggestion, mark):
        return 0.0
    return max(
        (
            _share_within(mark.box, item.box)
            for item in here
            if item.kind is EvidenceKind.REGION and item.code in wanted and item.box is not None
        ),
        default=0.0,
    )


def _share_within(box: Box, other: Box) -> float:
    across = min(box[2], other[2]) - max(box[0], other[0])
    down = min(box[3], other[3]) - max(box[1], other[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return max(0, across) * max(0, down) / area if area > 0 else 0.0


def _rule_for(present: Sequence[Evidence], absent: Sequence[Evidence]) -> str | None:
    """The rule that decides, where all of one side stand above all of the other."""
    sides = [{rests_on(item) for item in side} for side in (present, absent)]
    for rule in conflict_rules():
        for one, other in (sides, reversed(sides)):
            if one == {rule.prefers} and other <= set(rule.over):
                return rule.code
    return None


def about_budget(reasons: Sequence[str]) -> Observation:
    """That the reading ended before the planner was done."""
    return Observation(kind=EvidenceKind.LIMITATION, code="budget", reasons=tuple(reasons))


def about_question(asked: Question, evidence: Sequence[Evidence]) -> Iterator[Observation]:
    """What of the clinical question no evidence answers, and why."""
    current = [item for item in evidence if not item.image.startswith("prior-")]
    about = {item.code for item in current if item.kind is not EvidenceKind.REGION}
    unjudged = {code for item in current if item.code == "not_judged" for code in item.reasons}
    for code in asked.subjects:
        if code not in about:
            reason = "classifier_too_weak" if code in unjudged else "nothing_looks_for_it"
            yield Observation(kind=EvidenceKind.LIMITATION, code=code, reasons=(reason,))
    if asked.elsewhere:
        yield Observation(
            kind=EvidenceKind.LIMITATION,
            code="clinical_question",
            category="elsewhere",
            reasons=asked.elsewhere,
        )
    elif not asked.subjects:
        yield Observation(
            kind=EvidenceKind.LIMITATION,
            code="clinical_question",
            reasons=("question_names_nothing",),
        )


def about_handover(reason: str) -> Observation:
    """That the language model did not finish by itself."""
    return Observation(kind=EvidenceKind.LIMITATION, code="planner_handover", reasons=(reason,))
