"""A judge by rule: statements of two reports are paired, and what differs is counted.

It knows the findings and words of ``kb/report_lexicon.toml`` and nothing else: what it cannot read
is neither a match nor an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from cxr_agent.checking.model import Kind
from cxr_agent.evaluation.texts.judgement import Judgement, ReportError, judgement_of
from cxr_agent.evaluation.texts.statements import Statement, also_said, denied_by, statements_of
from cxr_agent.evidence import Change, Severity, Side

_INCIDENTAL: Final = frozenset(
    {
        "atherosclerosis",
        "azygos_lobe",
        "aortic_tortuosity",
        "calcification",
        "degenerative_change",
        "granuloma",
        "hyperinflation",
        "kyphosis",
        "low_lung_volumes",
        "nipple_shadow",
        "osteopenia",
        "pericardial_fat",
        "scar",
        "scoliosis",
        "surgical_change",
    }
)
"""Findings whose errors are counted as insignificant: they seldom change what is done next. Our own
choice, for want of a published list; GREEN and CheXprompt leave it to their model."""
_DEGREES: Final = {Severity.MILD: 0, Severity.MODERATE: 1, Severity.SEVERE: 2}


class RuleJudge:
    """Pairs statements and counts what differs.

    A finding that both reports say is matched unless its side or zone, or its degree, differs: that
    is an error (c) or (d). What only the candidate says is (a), what only the reference says (b); a
    finding denied in one of them counts as not said there. A change that only the candidate names,
    or that is not the reference's, is (e), one that only the reference names (f). Denials and
    normal places that agree are matches; one that is left out is no error.

    Insignificant are errors on incidental findings, a degree that is one step off, and "unchanged"
    said in one of the two alone.
    """

    name = "rule"

    def judge(self, reference: str, candidate: str) -> Judgement:
        """Judge a candidate.

        Raises
        ------
        UsageError
            ``report_too_long`` beyond 200,000 characters.
        """
        told, new = statements_of(reference), statements_of(candidate)
        said, claimed = _said(told), _said(new)
        matches: list[str] = []
        errors: list[ReportError] = []
        pairs = paired(said, claimed)
        for true, given in pairs:
            wrong = list(_misplaced(true, given))
            errors += [*wrong, *_changes(true, given)]
            if not wrong:
                matches.append(given.wording)
        known = {id(true) for true, _ in pairs}
        used = {id(given) for _, given in pairs}
        errors += [
            _error(Kind.FALSE_FINDING, one, one.wording) for one in claimed if id(one) not in used
        ]
        errors += [_error(Kind.OMISSION, one, one.wording) for one in said if id(one) not in known]
        matches += _agreed(told, new)
        return judgement_of(tuple(matches), tuple(errors))


def _said(statements: Iterable[Statement]) -> list[Statement]:
    return [one for one in statements if one.said]


def paired(
    reference: Sequence[Statement], candidate: Sequence[Statement]
) -> list[tuple[Statement, Statement]]:
    """Statements of the same finding, one to one, so that as much as possible agrees.

    An opacity and a consolidation are the same finding, said more and less exactly.
    """
    if not reference or not candidate:
        return []
    gain = np.array([[_likeness(one, other) for other in candidate] for one in reference])
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [
        (reference[row], candidate[column])
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if gain[row, column] > 0
    ]


def _likeness(one: Statement, other: Statement) -> float:
    """0 for different findings. The same finding comes first, then side, zone, degree, change."""
    if one.code == other.code:
        score = 100.0
    elif one.code in also_said(other.code) or other.code in also_said(one.code):
        score = 50.0
    else:
        return 0.0
    score += 20 * (one.side == other.side) - 20 * _sides_differ(one, other)
    score += 10 * (one.zones == other.zones) - 10 * _zones_differ(one, other)
    score += 2 * (one.severity == other.severity) + (one.change == other.change)
    return score


def _sides_differ(one: Statement, other: Statement) -> bool:
    return one.side is not None and other.side is not None and one.side != other.side


def _zones_differ(one: Statement, other: Statement) -> bool:
    return bool(one.zones) and bool(other.zones) and not one.zones & other.zones


def _misplaced(true: Statement, given: Statement) -> Iterator[ReportError]:
    if _sides_differ(true, given) or _zones_differ(true, given):
        yield _error(Kind.LOCATION, true, f"{given.wording} for {true.wording}")
    if true.severity and given.severity and not true.severity & given.severity:
        steps = abs(_degree(true) - _degree(given))
        yield _error(Kind.SEVERITY, true, f"{given.wording} for {true.wording}", minor=steps < 2)


def _degree(statement: Statement) -> int:
    return max(_DEGREES[one] for one in statement.severity)


def _changes(true: Statement, given: Statement) -> Iterator[ReportError]:
    if true.change == given.change:
        return
    if given.change is None:
        minor = true.change is Change.NO_CHANGE
        yield _error(Kind.OMITTED_COMPARISON, true, true.wording, minor=minor)
    else:
        minor = true.change is None and given.change is Change.NO_CHANGE
        yield _error(Kind.SPURIOUS_COMPARISON, true, given.wording, minor=minor)


def _error(kind: Kind, statement: Statement, what: str, *, minor: bool = False) -> ReportError:
    return ReportError(kind, not (minor or statement.code in _INCIDENTAL), what)


def _agreed(reference: Sequence[Statement], candidate: Sequence[Statement]) -> list[str]:
    """Denials and normal places of the candidate that the reference bears out, and numbers."""
    said = frozenset().union(*(also_said(one.code) for one in reference if one.said))
    denied = [one for one in reference if denied_by(one)]
    agreed: list[str] = []
    for one in candidate:
        if one.kind == "measurement":
            borne_out = any(
                other.kind == one.kind and _same_number(one, other) for other in reference
            )
        else:
            mine = denied_by(one) - said
            borne_out = any(_meets(one, other, mine) for other in denied) or _same_normal(
                one, reference
            )
        if borne_out:
            agreed.append(one.wording)
    return agreed


def _meets(one: Statement, other: Statement, mine: frozenset[str]) -> bool:
    return bool(mine & denied_by(other)) and {one.side, other.side} != {Side.RIGHT, Side.LEFT}


def _same_normal(one: Statement, reference: Sequence[Statement]) -> bool:
    return one.kind == "normal" and any(
        other.kind == "normal" and (other.code, other.side) == (one.code, one.side)
        for other in reference
    )


def _same_number(one: Statement, other: Statement) -> bool:
    mine = (one.kind, one.code, one.side, one.values)
    return mine == (other.kind, other.code, other.side, other.values)
