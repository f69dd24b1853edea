"""ROUGE-1, -2 and -L (Lin, 2004), by the library rouge-score.

Words are its own: lower case, letters and digits. No stemming; ROUGE-L is of the text as one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

KINDS: Final = ("rouge1", "rouge2", "rougeL")


@dataclass(frozen=True, slots=True)
class Rouge:
    """One kind, of one pair."""

    kind: str
    precision: float
    recall: float
    f1: float


def rouge(pairs: Sequence[tuple[str, str]]) -> list[dict[str, Rouge]]:
    """Score candidates; one result per pair, by kind.

    Parameters
    ----------
    pairs
        Reference and candidate.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(KINDS), use_stemmer=False)
    return [
        {
            kind: Rouge(kind, float(one.precision), float(one.recall), float(one.fmeasure))
            for kind, one in scorer.score(reference, candidate).items()
        }
        for reference, candidate in pairs
    ]
