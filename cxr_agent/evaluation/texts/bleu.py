"""BLEU-1 to BLEU-4 (Papineni et al., ACL 2002), by the library sacrebleu; scores are in [0, 1].

Of a corpus: sacrebleu's tokens (13a) in lower case, no smoothing of counts above 0, its own
``exp`` smoothing of zero counts. RadCliQ's BLEU-2 is another: of one pair, words cut at spaces and
points, zero counts smoothed by 0.1 (nltk's method 1).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

MOST_N: Final = 4
_EPSILON: Final = 0.1


@dataclass(frozen=True, slots=True)
class Bleu:
    """All four orders of one pair, or of a corpus."""

    scores: tuple[float, ...]
    """BLEU-1 to BLEU-4, each the geometric mean of the precisions up to its order."""
    signature: str
    """sacrebleu's, which says how it was computed."""


def bleu(pairs: Sequence[tuple[str, str]]) -> Bleu:
    """BLEU of all candidates as one corpus; zeros of none.

    Parameters
    ----------
    pairs
        Reference and candidate.
    """
    references, candidates = [one for one, _ in pairs], [other for _, other in pairs]
    kits = [_kit(order) for order in range(1, MOST_N + 1)]
    scores = [
        kit.corpus_score(candidates, [references]).score / 100 if pairs else 0.0 for kit in kits
    ]
    return Bleu(tuple(scores), str(kits[-1].get_signature()) if pairs else "")


def sentence_bleu(reference: str, candidate: str) -> Bleu:
    """BLEU of one pair; orders beyond the candidate's length are smoothed."""
    return bleu([(reference, candidate)])


def _kit(order: int) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(lowercase=True, max_ngram_order=order, force=True)


def radcliq_bleu2(reference: str, candidate: str) -> float:
    """The BLEU-2 that RadCliQ combines, in [0, 1].

    Words as in its code (``prep_reports`` of CXR-Report-Metric): lower case, a point is a word. It
    calls the library fast-bleu, which smooths as nltk's method 1: an order of which nothing matches
    counts 0.1 matches, and a text of which no word matches comes to 0. sacrebleu has no such
    smoothing for texts shorter than the order.
    """
    true, given = _words(reference), _words(candidate)
    parts = []
    for order in (1, 2):
        counted = _grams(given, order)
        matched = (counted & _grams(true, order)).total()
        if order == 1 and not matched:
            return 0.0
        parts.append((matched or _EPSILON) / max(1, counted.total()))
    brevity = 1.0 if len(given) > len(true) else math.exp(1 - len(true) / len(given))
    return brevity * math.sqrt(parts[0] * parts[1])


def _words(text: str) -> list[str]:
    return [word for word in text.lower().replace(".", " .").split(" ") if word]


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[n : n + order]) for n in range(len(words) - order + 1))
