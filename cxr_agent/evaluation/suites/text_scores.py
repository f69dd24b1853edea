"""How near an answer in words comes to the right one.

References
----------
Exact match and token F1: Rajpurkar et al., SQuAD (EMNLP 2016), its normalisation of answers.
ROUGE-L: Lin (2004), as :mod:`cxr_agent.evaluation.texts.rouge` computes it.
"""

from __future__ import annotations

import re
from collections import Counter

from cxr_agent.evaluation.texts.rouge import rouge

_ARTICLES = frozenset(("a", "an", "the"))


def tokens(text: str) -> list[str]:
    """Lower-case words without punctuation and articles; ``x-ray`` is two words."""
    return [word for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in _ARTICLES]


def exact_match(said: str, right: str) -> bool:
    """Whether both are the same words in the same order."""
    return bool(tokens(right)) and tokens(said) == tokens(right)


def token_f1(said: str, right: str) -> float:
    """Harmonic mean of the shares of words that both have; 0 where either has none."""
    own, wanted = tokens(said), tokens(right)
    both = sum((Counter(own) & Counter(wanted)).values())
    return 2 * both / (len(own) + len(wanted)) if both else 0.0


def rouge_l(said: str, right: str) -> float:
    """F measure of the longest common subsequence of words."""
    return rouge([(right, said)])[0]["rougeL"].f1


def macro_f1(pairs: list[tuple[str, str | None]]) -> float | None:
    """Mean F1 over the labels that are right somewhere; None said is right nowhere.

    Parameters
    ----------
    pairs
        (right label, label that was said).
    """
    labels = sorted({right for right, _ in pairs})
    scores = []
    for label in labels:
        hits = sum(right == label == said for right, said in pairs)
        wrong = sum((right == label) != (said == label) for right, said in pairs)
        scores.append(2 * hits / (2 * hits + wrong))
    return sum(scores) / len(scores) if scores else None
