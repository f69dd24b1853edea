"""CheXprompt-type error counts (Zambrano Chaves et al., Nature Communications 2025;16:3108).

CheXprompt asks GPT-4 how many errors of six types, significant and not, a report has; what is
reported is the mean count per report. Here is the reader of such answers and the counting; the
judges are those of :mod:`cxr_agent.evaluation.texts.judgement`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cxr_agent.checking.model import CATEGORIES, Kind
from cxr_agent.evaluation.texts.counts import mean_of
from cxr_agent.evaluation.texts.judgement import SIX, Judgement, NotJudged

_MOST_CHARACTERS: Final = 64_000
_LIST: Final = r"Number of clinically {which} errors by type:\s*[\[(](.*?)[\])]\s*(?:$|\n)"
_PAIR: Final = re.compile(r"\(?\s*([A-F])\s*,\s*(\d{1,4})\s*\)?")


@dataclass(frozen=True, slots=True)
class ErrorMeans:
    """Means over reports; None where no report was judged."""

    judged: int
    not_judged: int
    significant: float | None
    insignificant: float | None
    total: float | None
    error_free: float | None
    """Share of reports without a significant error."""
    by_kind: tuple[tuple[Kind, float | None, float | None], ...]
    """Kind, mean of its significant errors, mean of the others."""


def read_chexprompt(answer: str) -> Judgement | NotJudged:
    """The counts of an answer in CheXprompt's form, ``[(A, 1), (B, 0), ...]`` twice.

    Returns
    -------
    NotJudged
        ``answer_not_understood`` where a list is missing or lacks a type.
    """
    text = answer[:_MOST_CHARACTERS]
    counts = [_counts(text, which) for which in ("significant", "insignificant")]
    major, minor = counts
    if major is None or minor is None:
        return NotJudged("answer_not_understood")
    return Judgement(matched=0, significant=major, insignificant=minor)


def _counts(text: str, which: str) -> dict[Kind, int] | None:
    found = re.search(_LIST.format(which=which), text)
    if found is None:
        return None
    told = {letter: int(count) for letter, count in _PAIR.findall(found[1] + ")")}
    if set(told) != set("ABCDEF"):
        return None
    return {kind: told[CATEGORIES[kind][0]] for kind in SIX}


def error_means(judgements: Sequence[Judgement | NotJudged]) -> ErrorMeans:
    """Mean counts of errors per report that was judged."""
    judged = [one for one in judgements if isinstance(one, Judgement)]
    return ErrorMeans(
        judged=len(judged),
        not_judged=len(judgements) - len(judged),
        significant=mean_of(one.significant_errors for one in judged),
        insignificant=mean_of(one.insignificant_errors for one in judged),
        total=mean_of(one.significant_errors + one.insignificant_errors for one in judged),
        error_free=mean_of(float(not one.significant_errors) for one in judged),
        by_kind=tuple(
            (
                kind,
                mean_of(one.significant[kind] for one in judged),
                mean_of(one.insignificant[kind] for one in judged),
            )
            for kind in SIX
        ),
    )
