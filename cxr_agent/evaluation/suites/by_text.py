"""What the rules that read reports can say of a question that is about a text alone.

Only whether one text follows from another: entailment where every claim of the second is borne out
by the first, contradiction where one is denied, and neutral where the second claims something of
which the first says nothing. Where the rules read no claim there is no answer; nor is there to any
other question about a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cxr_agent.evaluation.suites.facts import all_borne_out, claims_in, facts_in
from cxr_agent.evaluation.suites.question import Question

ENTAILS: Final = "entailment"
DENIES: Final = "contradiction"
NEUTRAL: Final = "neutral"
RELATIONS: Final = (ENTAILS, NEUTRAL, DENIES)


def choose_by_text(question: Question, options: Sequence[str]) -> tuple[int | None, str]:
    """Place of an option, and by which rule; None and why not where there is no answer."""
    if set(options) != set(RELATIONS):
        return None, "not_understood"
    claims = claims_in(question.text)
    if not claims or any(claim.kind != "finding" for claim in claims):
        return None, "not_understood"
    judged = all_borne_out(claims, facts_in(question.context))
    relation = NEUTRAL if judged is None else ENTAILS if judged else DENIES
    return options.index(relation), "claims"
