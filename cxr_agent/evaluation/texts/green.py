"""GREEN-type score (Ostmeier et al., "GREEN: Generative Radiology Report Evaluation and Error
Notation", Findings of EMNLP 2024, arXiv:2405.03595).

GREEN is a language model of 7 billion weights that writes an answer in a fixed form; the score is
arithmetic on the counts in it. Here is that arithmetic, a reader of its answers, and judges that
need no GREEN: :class:`~cxr_agent.evaluation.texts.rule_judge.RuleJudge` and
:class:`~cxr_agent.evaluation.texts.model_judge.ModelJudge`. A score of theirs is GREEN-type, not
GREEN.
"""

from __future__ import annotations

import re
from typing import Final

from cxr_agent.evaluation.texts.judgement import OF_LETTER, SIX, Judgement, NotJudged, ReportError

_MOST_CHARACTERS: Final = 64_000
_BLOCK: Final = r"\[{title}\]:\s*(.*?)(?:\n\s*\n|\Z)"
_LETTERED: Final = re.compile(r"\(([a-f])\) (.*)")
_NUMBERED: Final = re.compile(r"\(([1-6])\) (.*)")
_COUNT: Final = re.compile(r": (\d{1,4})\b(?=\.)")
_MATCHED: Final = re.compile(r"(\d{1,4})\b(?=\.)")


def green(judgement: Judgement) -> float:
    """Matched findings over matched findings and significant errors, in [0, 1].

    0 where no finding matches, as the published code has it.
    """
    if not judgement.matched:
        return 0.0
    return judgement.matched / (judgement.matched + judgement.significant_errors)


def read_green(answer: str) -> Judgement | NotJudged:
    """The counts of an answer in GREEN's form.

    A block ends at an empty line; one that begins with "No" has no errors; a line counts as many
    errors as the number after its colon, with a point behind it, says. Lines may be numbered (1) to
    (6) in place of (a) to (f).

    Returns
    -------
    NotJudged
        ``answer_not_understood`` where the block of significant errors or of matched findings is
        missing. The published code takes a missing block for zeros, so that an answer that broke
        off scores 0.
    """
    text = answer[:_MOST_CHARACTERS]
    blocks = {
        title: re.search(_BLOCK.format(title=title), text, re.DOTALL)
        for title in (
            "Clinically Significant Errors",
            "Clinically Insignificant Errors",
            "Matched Findings",
        )
    }
    significant, insignificant, matched = blocks.values()
    if significant is None or matched is None:
        return NotJudged("answer_not_understood")
    major, said = _errors(significant[1], significant=True)
    minor, said_too = _errors(insignificant[1] if insignificant else "", significant=False)
    count = None if matched[1].startswith("No") else _MATCHED.match(matched[1])
    return Judgement(
        matched=int(count[1]) if count else 0,
        significant=dict(zip(SIX, major, strict=True)),
        insignificant=dict(zip(SIX, minor, strict=True)),
        matches=_items(matched[1][count.end() :]) if count else (),
        errors=(*said, *said_too),
    )


def _errors(block: str, *, significant: bool) -> tuple[list[int], tuple[ReportError, ...]]:
    counts = [0] * len(SIX)
    told: list[ReportError] = []
    if block.startswith("No"):
        return counts, ()
    lines = _LETTERED.findall(block)
    if not lines:
        lines = [("abcdef"[int(digit) - 1], rest) for digit, rest in _NUMBERED.findall(block)]
    for letter, rest in lines:
        count = _COUNT.search(rest)
        if count is None:
            continue
        kind = OF_LETTER[letter]
        counts[SIX.index(kind)] = int(count[1])
        told += [ReportError(kind, significant, item) for item in _items(rest[count.end() :])]
    return counts, tuple(told)


def _items(text: str) -> tuple[str, ...]:
    """``. One; Two; Three.`` in parts."""
    parts = (part.strip(" .\n") for part in text.split(";"))
    return tuple(part for part in parts if part)
