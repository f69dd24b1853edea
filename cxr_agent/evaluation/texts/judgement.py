"""What a judge of two reports says: findings that match, and errors of the six categories.

The categories are those of the radiologists' protocol of ReXVal (Yu et al., Patterns 2023), which
GREEN numbers (a) to (f) and CheXprompt A to F; they are the first six of
:class:`cxr_agent.checking.model.Kind`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from cxr_agent.checking.model import CATEGORIES, Kind

SIX: Final = tuple(kind for kind in Kind if CATEGORIES[kind][1])
"""In the order (a) to (f)."""
OF_LETTER: Final = {CATEGORIES[kind][1]: kind for kind in SIX}
"""By GREEN's letter, a to f."""


@dataclass(frozen=True, slots=True)
class ReportError:
    """One error of a candidate."""

    kind: Kind
    significant: bool
    """Whether it could change what is done for the patient."""
    what: str
    """In words."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's counts, and what they are made of as far as it tells."""

    matched: int
    significant: Mapping[Kind, int]
    insignificant: Mapping[Kind, int]
    matches: tuple[str, ...] = ()
    errors: tuple[ReportError, ...] = ()

    @property
    def significant_errors(self) -> int:
        return sum(self.significant.values())

    @property
    def insignificant_errors(self) -> int:
        return sum(self.insignificant.values())

    @property
    def empty(self) -> bool:
        """Whether there was nothing to judge: no finding matches, and there is no error."""
        return not (self.matched or self.significant_errors or self.insignificant_errors)


@dataclass(frozen=True, slots=True)
class NotJudged:
    """Why there is no judgement; no score is made of it."""

    reason: str
    """A code, as ``model_timeout`` or ``answer_not_understood``."""


class Judge(Protocol):
    """Compares a candidate with a reference."""

    name: str

    def judge(self, reference: str, candidate: str) -> Judgement | NotJudged: ...


def judgement_of(matches: tuple[str, ...], errors: tuple[ReportError, ...]) -> Judgement:
    """Counts of what was found."""
    counts = Counter((error.kind, error.significant) for error in errors)
    return Judgement(
        matched=len(matches),
        significant={kind: counts[kind, True] for kind in SIX},
        insignificant={kind: counts[kind, False] for kind in SIX},
        matches=matches,
        errors=errors,
    )
