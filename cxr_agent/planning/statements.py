"""What the program itself knows of a study and a run, as observations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cxr_agent.evidence import Evidence, EvidenceKind, Observation, Polarity, Unit
from cxr_agent.knowledge import conflict_rules, coverage, in_force
from cxr_agent.questions import Question
from cxr_agent.report.compose import rests_on
from cxr_agent.study import Image
from cxr_agent.toolbox.execute import Outcome


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

    A tool does not contradict itself: it may tell one side from the other. The category is the
    rule of ``kb/conflicts.toml`` that decides, where one does; ``basis`` are both statements.
    """
    said: dict[tuple[str, str], list[Evidence]] = {}
    for item in evidence:
        if item.kind is EvidenceKind.FINDING and item.polarity is not None:
            said.setdefault((item.image, item.code), []).append(item)
    for (handle, code), items in said.items():
        present = [item for item in items if item.polarity is Polarity.PRESENT]
        absent = [item for item in items if item.polarity is Polarity.ABSENT]
        speakers = {item.provenance.tool for item in (*present, *absent)}
        if present and absent and len(speakers) > 1:
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
