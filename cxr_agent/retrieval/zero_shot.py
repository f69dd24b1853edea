"""Labels without training: how much nearer a film lies to a finding's words than to its denial.

By an image-text model in whose space films and texts are compared (CLIP, Radford et al., ICML 2021;
RadCLIP, Lu et al., 2024). Context for a person, never evidence: no margin was calibrated on films.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxr_agent.errors import UsageError
from cxr_agent.knowledge import vocabulary
from cxr_agent.knowledge.zero_shot import zero_shot_templates
from cxr_agent.models.adapters.vectors import TextEncoder, Vectors


@dataclass(frozen=True, slots=True)
class ZeroShotLabel:
    """One finding."""

    code: str
    margin: float
    """Cosine to the words of the finding less that to its denial, mean over the pairs of sentences;
    in [-2, 2]. Above 0 the film is nearer to the finding. Uncalibrated."""


def findings() -> tuple[str, ...]:
    """Every finding that can be asked for."""
    return tuple(code for code, term in vocabulary().items() if term.kind == "finding")


def zero_shot(
    encoder: TextEncoder, vector: Vectors, codes: Sequence[str] = ()
) -> tuple[ZeroShotLabel, ...]:
    """Labels of a film, the largest margin first.

    Parameters
    ----------
    encoder
        Of texts, in the space of ``vector``.
    vector
        (dimensions,) of the film, or of a volume; of length one.
    codes
        Findings of the vocabulary; all where none is named.

    Raises
    ------
    UsageError
        ``unknown_finding``.
    """
    known = findings()
    for code in codes:
        if code not in known:
            raise UsageError(
                "unknown_finding",
                f"there is no finding {code[:40]!r}",
                hint="As pleural_effusion; kb/vocabulary.toml has them all.",
            )
    asked = tuple(dict.fromkeys(codes)) or known
    pairs = [zero_shot_templates().pairs(vocabulary()[code].name.lower()) for code in asked]
    texts = [text for one in pairs for pair in one for text in pair]
    nearness = (encoder.encode_text(texts) @ vector).reshape(len(asked), -1, 2)
    margins = (nearness[:, :, 0] - nearness[:, :, 1]).mean(axis=1)
    found = [
        ZeroShotLabel(code, float(margin)) for code, margin in zip(asked, margins, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (-one.margin, one.code)))


def pooled(vectors: Vectors) -> Vectors:
    """(dimensions,) one unit vector of many, as of the slices of a volume: their mean.

    Raises
    ------
    UsageError
        ``nothing_to_pool`` for none.
    """
    if not len(vectors):
        raise UsageError("nothing_to_pool", "there are no slices", hint="Give a volume.")
    mean = vectors.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean)) or 1.0
    return np.asarray(mean / length, dtype=np.float32)
