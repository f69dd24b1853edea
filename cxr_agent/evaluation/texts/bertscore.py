"""BERTScore (Zhang et al., ICLR 2020): greedy matching of the tokens' vectors.

Each token of the candidate is matched with the token of the reference whose vector is most like its
own, which gives precision, and each token of the reference likewise, which gives recall. Tokens may
be weighted by how rare they are among the references (idf), and scores rescaled so that unrelated
texts come to about 0. Computed as the package ``bert-score`` does (0.3.13), quirks with it: special
tokens take part unless idf weights them 0, and a text without a word scores 0.

It is blind to negation: of "no effusion" and "effusion" almost every token matches.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import InputError
from cxr_agent.evaluation.texts.counts import harmonic

_MOST_LAYERS: Final = 1_000
_SPECIAL: Final = 2
"""Tokens that a text without a word has: the first and the last."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as a network sees it."""

    ids: tuple[int, ...]
    vectors: NDArray[np.float32]
    """(tokens, dimension), of any length."""


class TokenEncoder(Protocol):
    """Texts to vectors of their tokens."""

    def encode_tokens(self, texts: Sequence[str]) -> list[Tokens]: ...

    def token_ids(self, texts: Sequence[str]) -> list[tuple[int, ...]]: ...


@dataclass(frozen=True, slots=True)
class Baseline:
    """What unrelated texts score; of one network and layer."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class BertScore:
    """One pair. Rescaled scores may be below 0."""

    precision: float
    recall: float
    f1: float


def bertscore(
    pairs: Sequence[tuple[str, str]],
    encoder: TokenEncoder,
    *,
    idf: bool = False,
    idf_texts: Sequence[str] | None = None,
    baseline: Baseline | None = None,
) -> list[BertScore]:
    """Score candidates.

    Parameters
    ----------
    pairs
        Reference and candidate.
    encoder
        Of :mod:`cxr_agent.models.adapters.tokens`.
    idf
        Whether tokens are weighted by their inverse document frequency.
    idf_texts
        Documents that it is counted in; the references where none are given.
    baseline
        Rescales each of the scores x to (x - b) / (1 - b).
    """
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    tokens = dict(zip(texts, encoder.encode_tokens(texts), strict=True))
    weights = None
    if idf:
        documents = [reference for reference, _ in pairs] if idf_texts is None else idf_texts
        weights = _Idf(encoder.token_ids(documents))
    found = [
        _score(tokens[reference], tokens[candidate], weights) for reference, candidate in pairs
    ]
    return [one if baseline is None else _rescaled(one, baseline) for one in found]


class _Idf:
    """log((n + 1) / (documents with the token + 1))."""

    def __init__(self, documents: Sequence[tuple[int, ...]]) -> None:
        self._count = len(documents)
        self._with = Counter(token for document in documents for token in set(document))

    def of(self, token: int) -> float:
        return math.log((self._count + 1) / (self._with[token] + 1))


def _score(reference: Tokens, candidate: Tokens, idf: _Idf | None) -> BertScore:
    if min(len(reference.ids), len(candidate.ids)) <= _SPECIAL:
        return BertScore(0.0, 0.0, 0.0)
    alike = _unit(candidate.vectors) @ _unit(reference.vectors).T
    precision = _weighted(alike.max(axis=1), candidate.ids, idf)
    recall = _weighted(alike.max(axis=0), reference.ids, idf)
    if math.isnan(precision) or math.isnan(recall):
        return BertScore(0.0, 0.0, 0.0)  # every token is in every document
    return BertScore(precision, recall, harmonic(precision, recall))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    exact = vectors.astype(np.float64)
    return np.asarray(exact / np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-30))


def _weighted(best: NDArray[np.float64], ids: Sequence[int], idf: _Idf | None) -> float:
    if idf is None:
        return _plain_mean(best)
    weights = np.array([idf.of(token) for token in ids])
    total = float(weights.sum())
    return float((best * weights).sum()) / total if total else math.nan


def _plain_mean(best: NDArray[np.float64]) -> float:
    """The package weights a text's two special tokens 0 without idf, too."""
    inner = best[1:-1]
    return float(inner.mean()) if inner.size else math.nan


def _rescaled(score: BertScore, baseline: Baseline) -> BertScore:
    return BertScore(
        (score.precision - baseline.precision) / (1 - baseline.precision),
        (score.recall - baseline.recall) / (1 - baseline.recall),
        (score.f1 - baseline.f1) / (1 - baseline.f1),
    )


def read_baseline(path: Path, layer: int) -> Baseline:
    """A row of a baseline file of the package: ``LAYER,P,R,F`` with a row per layer.

    Raises
    ------
    InputError
        ``unreadable_report`` when the file is none, or has no such layer.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(islice(csv.DictReader(file), _MOST_LAYERS))
        row = next(one for one in rows if int(one["LAYER"]) == layer)
        return Baseline(float(row["P"]), float(row["R"]), float(row["F"]))
    except (OSError, ValueError, KeyError, TypeError, StopIteration, csv.Error):
        raise InputError(
            "unreadable_report",
            f"the baseline file has no row for layer {layer}",
            hint="Give a file of rescale_baseline/ of the package bert-score: LAYER,P,R,F.",
        ) from None
