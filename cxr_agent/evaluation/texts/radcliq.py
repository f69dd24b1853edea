"""RadCliQ: a linear combination of four scores, fitted to radiologists' counts of errors (Yu et
al., "Evaluating progress in automatic chest X-ray radiology report generation", Patterns 2023).

Lower is better: it predicts a number of errors. Coefficients and scalers are those in the authors'
repository (rajpurkarlab/CXR-Report-Metric, commit 9c9ecad): the numbers in
``composite_metric_model.pkl`` and ``normalizer.pkl`` for version 0 and in ``radcliq-v1.pkl`` for
version 1, read without unpickling anything.

The components are standardised first, so they have to be what RadCliQ was fitted on: RadGraph's
mean of entity and relation F1, BERTScore F1 of distilroberta-base (layer 5, weighted by idf,
rescaled), the cosine of CheXbert's embeddings, and BLEU-2. With a component of another make the
value is not RadCliQ's and cannot be compared with published ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Version = Literal["v0", "v1"]


@dataclass(frozen=True, slots=True)
class Components:
    """What RadCliQ combines."""

    radgraph: float
    bertscore: float
    s_emb: float
    """Cosine of the embeddings of CheXbert."""
    bleu: float
    """BLEU-2."""


@dataclass(frozen=True, slots=True)
class _Linear:
    mean: tuple[float, float, float, float]
    scale: tuple[float, float, float, float]
    weights: tuple[float, float, float, float]
    intercept: float


_VERSIONS: Final[dict[Version, _Linear]] = {
    "v0": _Linear(
        mean=(0.5398376019082272, 0.6312549595, 0.7716797866672277, 0.4607372064809605),
        scale=(0.3018344440559102, 0.22466950746141123, 0.24750333805236252, 0.30336670936092264),
        weights=(
            -0.4796252644863446,
            -0.6762170542369337,
            -0.46366575161751994,
            0.2165861905287535,
        ),
        intercept=1.641666666666666,
    ),
    "v1": _Linear(
        mean=(0.5379231241355762, 0.6175725628125, 0.7647942121140658, 0.44738335396242174),
        scale=(0.3028258411486429, 0.22430938459304575, 0.2539439110169773, 0.2989271671041838),
        weights=(
            -0.37708368261038905,
            -0.37030009974480316,
            -0.25261621789593225,
            4.315048405024756e-12,
        ),
        intercept=2.466552561323256e-10,
    ),
}
"""In the order of :class:`Components`."""


def radcliq(components: Components, version: Version = "v1") -> float:
    """Combine four scores; lower is better, and an exact copy comes to about -1.44 in version 1.

    Some wrappers report 1 over the mean instead, which has no sense where it changes sign.
    """
    linear = _VERSIONS[version]
    values = (components.radgraph, components.bertscore, components.s_emb, components.bleu)
    rows = zip(values, linear.mean, linear.scale, linear.weights, strict=True)
    return linear.intercept + sum(
        weight * (value - mean) / scale for value, mean, scale, weight in rows
    )
