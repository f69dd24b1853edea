"""RadFact-type scores (Bannur et al., "MAIRA-2: Grounded Radiology Report Generation", 2024,
arXiv:2406.04449; microsoft/RadFact at 72463ac).

Every phrase of the candidate is judged by the reference, which gives precision, and every phrase of
the reference by the candidate, which gives recall.

logical
    Share of phrases that are entailed.
spatial
    Of all phrases with boxes, those that are entailed and whose boxes lie, by more than half of
    their area, inside the boxes of their evidence.
grounding
    The same, of the entailed phrases with boxes.

Areas are counted on a raster of 224 x 224 as in the published code. Its judge is a language model
of 70 billion weights; with the rule of :mod:`~cxr_agent.evaluation.texts.entailment`, or another
model, the scores are RadFact-type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.evaluation.texts.counts import harmonic, mean_of, share
from cxr_agent.evaluation.texts.entailment import Entailer, Entailment
from cxr_agent.evaluation.texts.phrases import NormalBox, Phrase

_SIDE: Final = 224
_INSIDE: Final = 0.5
"""Pixel precision that a phrase's boxes have to exceed."""


@dataclass(frozen=True, slots=True)
class JudgedPhrase:
    """A phrase and what became of it."""

    text: str
    entailed: bool
    evidence: tuple[str, ...]
    boxes_entailed: bool | None
    """None where it has no boxes."""
    judged: bool


@dataclass(frozen=True, slots=True)
class OneWay:
    """One direction; None where there is nothing to divide by."""

    phrases: tuple[JudgedPhrase, ...]

    @property
    def logical(self) -> float | None:
        return share(sum(one.entailed for one in self.phrases), len(self.phrases))

    @property
    def spatial(self) -> float | None:
        return share(self._placed, len(self._boxed))

    @property
    def grounding(self) -> float | None:
        return share(self._placed, sum(one.entailed for one in self._boxed))

    @property
    def _boxed(self) -> list[JudgedPhrase]:
        return [one for one in self.phrases if one.boxes_entailed is not None]

    @property
    def _placed(self) -> int:
        return sum(one.boxes_entailed is True for one in self.phrases)


@dataclass(frozen=True, slots=True)
class RadFact:
    """One pair."""

    candidate: OneWay
    """Gives the precisions."""
    reference: OneWay
    """Gives the recalls."""

    @property
    def not_judged(self) -> int:
        """Phrases that a model gave no usable answer to; they count as not entailed."""
        return sum(
            not one.judged for way in (self.candidate, self.reference) for one in way.phrases
        )

    def values(self) -> dict[str, float | None]:
        """The six proportions and the three F1; an F1 is None where either part is."""
        return _with_f1(
            {
                f"{kind}_{name}": getattr(way, kind)
                for kind in ("logical", "spatial", "grounding")
                for name, way in (("precision", self.candidate), ("recall", self.reference))
            }
        )


def radfact(
    reference: Sequence[Phrase], candidate: Sequence[Phrase], entailer: Entailer
) -> RadFact:
    """Judge the phrases of two reports by each other."""
    return RadFact(
        candidate=_one_way(candidate, reference, entailer),
        reference=_one_way(reference, candidate, entailer),
    )


def corpus(scores: Sequence[RadFact]) -> dict[str, float | None]:
    """Mean of each proportion over the pairs that have it, and F1 of these means, as published."""
    found = [score.values() for score in scores]
    names = [f"{kind}_{part}" for kind in _KINDS for part in ("precision", "recall")]
    return _with_f1({name: mean_of(one[name] for one in found) for name in names})


_KINDS: Final = ("logical", "spatial", "grounding")


def _with_f1(values: dict[str, float | None]) -> dict[str, float | None]:
    for kind in _KINDS:
        precision, recall = values[f"{kind}_precision"], values[f"{kind}_recall"]
        known = precision is not None and recall is not None
        values[f"{kind}_f1"] = harmonic(precision, recall) if known else None  # type: ignore[arg-type]
    return values


def _one_way(phrases: Sequence[Phrase], premises: Sequence[Phrase], entailer: Entailer) -> OneWay:
    judged = entailer.entail(phrases, premises)
    return OneWay(
        tuple(
            JudgedPhrase(
                text=phrase.text,
                entailed=one.entailed,
                evidence=tuple(premises[place].text for place in one.evidence),
                boxes_entailed=_placed(phrase, one, premises),
                judged=one.judged,
            )
            for phrase, one in zip(phrases, judged, strict=True)
        )
    )


def _placed(phrase: Phrase, judged: Entailment, premises: Sequence[Phrase]) -> bool | None:
    if phrase.boxes is None:
        return None
    evidence = [box for place in judged.evidence for box in premises[place].boxes or ()]
    return judged.entailed and bool(evidence) and inside(phrase.boxes, evidence) > _INSIDE


def inside(boxes: Sequence[NormalBox], others: Sequence[NormalBox]) -> float:
    """Share of the area of some boxes that lies in others; 0 for boxes too small for the raster."""
    mine, theirs = _raster(boxes), _raster(others)
    area = int(mine.sum())
    return int((mine & theirs).sum()) / area if area else 0.0


def _raster(boxes: Sequence[NormalBox]) -> NDArray[np.bool_]:
    """(224, 224), of columns and rows."""
    plane = np.zeros((_SIDE, _SIDE), dtype=np.bool_)
    for left, top, right, bottom in boxes:
        plane[int(left * _SIDE) : int(right * _SIDE), int(top * _SIDE) : int(bottom * _SIDE)] = True
    return plane
