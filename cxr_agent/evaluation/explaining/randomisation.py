"""Whether maps depend on what was learnt: sanity checks by redrawing weights and labels.

Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018. A map that stays the same when the
weights are redrawn shows edges of the film, not reasons of the network; one that stays the same
when the labels are permuted shows nothing of the finding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from cxr_agent.evaluation.explaining.likeness import rank_correlation, structural_similarity
from cxr_agent.evaluation.explaining.weights import Block, Maps, blocks, features, maps_of, redrawn
from cxr_agent.evaluation.metrics.means import Mean, mean_over
from cxr_agent.models.card import ModelCard
from cxr_agent.study import FloatImage

WEAK: Final = 0.3
"""A correlation below this is weak (Cohen, Statistical Power Analysis, 1988)."""
DRAWS: Final = 3
PERMUTATIONS: Final = 10
_FEWEST: Final = 5
"""Films with and without a finding, below which no head is fitted to it."""

Order = Literal["cascading", "independent"]
"""From the output down, each with all before it; or one block at a time."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Likeness(_Part):
    """How alike maps are, over films and findings."""

    rank_correlation: Mean
    """Spearman's, of the cells."""
    structural_similarity: Mean


class Stage(_Part):
    """What was redrawn, and how like the maps still are to the network's own."""

    block: str
    redrawn: int
    """Blocks, this one included."""
    likeness: Likeness
    by_finding: dict[str, float]
    """Mean rank correlation."""


class WeightTest(_Part):
    """The network's maps, and those of the same network with redrawn weights."""

    order: Order
    films: int
    findings: tuple[str, ...]
    stages: tuple[Stage, ...]
    between_films: Likeness
    """Of maps of one finding on two films: so alike are maps that share no film but all weights."""

    @property
    def holds(self) -> bool:
        """With everything redrawn, the whole interval of the correlation is weak."""
        ends = self.stages[-1].likeness.rank_correlation.interval
        return self.order == "cascading" and ends is not None and max(map(abs, ends)) < WEAK


def weight_test(
    content: bytes,
    card: ModelCard,
    tiles: FloatImage,
    findings: Sequence[str],
    *,
    seed: int = 0,
    order: Order = "cascading",
    draws: int = DRAWS,
) -> WeightTest:
    """Redraw the weights block by block and compare the maps.

    Parameters
    ----------
    content
        The ONNX file that runs.
    tiles
        (N, S, S) as the network sees them; at least two.
    findings
        Codes of the card's labels.
    draws
        Of the weights at each stage: one may by chance be like the network's own.

    Raises
    ------
    ConfigError
        ``onnx_missing``.
    """
    places = [[label.code for label in card.labels].index(code) for code in findings]
    own = maps_of(content, card, tiles)[:, places]
    dice = np.random.default_rng(seed)
    every = blocks(content)
    stages = []
    for count, block in enumerate(every, 1):
        taken = every[:count] if order == "cascading" else (block,)
        others = [
            maps_of(redrawn(content, taken, dice), card, tiles)[:, places] for _ in range(draws)
        ]
        stages.append(_stage(block, len(taken), own, others, findings))
    return WeightTest(
        order=order,
        films=len(tiles),
        findings=tuple(findings),
        stages=tuple(stages),
        between_films=_likeness(own, [np.roll(own, 1, axis=0)]),
    )


def _stage(
    block: Block, count: int, own: Maps, others: Sequence[Maps], findings: Sequence[str]
) -> Stage:
    """One stage; a film counts once, with the mean over the draws."""
    return Stage(
        block=block.name,
        redrawn=count,
        likeness=_likeness(own, others),
        by_finding={
            code: float(
                np.mean([_each(rank_correlation, own[:, [i]], one[:, [i]]) for one in others])
            )
            for i, code in enumerate(findings)
        },
    )


_Measure = Callable[[NDArray[np.floating], NDArray[np.floating]], float]


def _each(measure: _Measure, one: Maps, other: Maps) -> NDArray[np.float64]:
    """(N,) of a measure, averaged over the findings of each film."""
    return np.array(
        [
            np.mean([measure(a, b) for a, b in zip(*pair, strict=True)])
            for pair in zip(one, other, strict=True)
        ]
    )


def _likeness(own: Maps, others: Sequence[Maps]) -> Likeness:
    def by_film(measure: _Measure) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.mean([_each(measure, own, one) for one in others], axis=0)
        return found

    return Likeness(
        rank_correlation=mean_over(by_film(rank_correlation)),
        structural_similarity=mean_over(by_film(structural_similarity)),
    )


class OtherFinding(_Part):
    """Whether the map of one finding is another than that of the next, on the same film."""

    one: str
    other: str
    likeness: Likeness


def other_findings(maps: Maps, findings: Sequence[str]) -> tuple[OtherFinding, ...]:
    """Compare maps of different findings of the same films.

    Parameters
    ----------
    maps
        (N, K, s, s), K in the order of ``findings``.
    """
    return tuple(
        OtherFinding(
            one=one,
            other=findings[j],
            likeness=_likeness(maps[:, [i]], [maps[:, [j]]]),
        )
        for i, one in enumerate(findings)
        for j in range(i + 1, len(findings))
    )


class LabelTest(_Part):
    """A head fitted anew to one finding, and heads fitted to permuted labels.

    Only the last layer is fitted, on what the trained encoder gives: the whole network fitted to
    permuted labels, as Adebayo et al. do, is days of training. What is tested is so whether the
    map depends on the labels given the features.
    """

    finding: str
    films: int
    positives: int
    permuted: Mean
    """Rank correlation of maps of the true head with those of permuted ones, over permutations."""
    resampled: Mean
    """The same with heads fitted to the true labels of other films drawn with replacement: the
    most that can be expected."""

    @property
    def holds(self) -> bool:
        """Permuted labels give weakly related maps, and less related ones than true labels do."""
        high, low = self.permuted.interval, self.resampled.interval
        return high is not None and low is not None and high[1] < min(WEAK, low[0])


def label_test(
    content: bytes,
    card: ModelCard,
    tiles: FloatImage,
    labels: Mapping[str, NDArray[np.bool_]],
    *,
    seed: int = 0,
) -> tuple[LabelTest, ...]:
    """Fit heads to true and to permuted labels, and compare their maps.

    Parameters
    ----------
    tiles
        (N, S, S).
    labels
        (N,) by finding; one with fewer than five films of either kind is left out.

    Raises
    ------
    ConfigError
        ``onnx_missing``.
    """
    seen = features(content, card, tiles)
    return tuple(
        _label_test(finding, seen, truth, np.random.default_rng((seed, place)))
        for place, (finding, truth) in enumerate(labels.items())
        if _FEWEST <= truth.sum() <= len(truth) - _FEWEST
    )


def _label_test(
    finding: str, seen: FloatImage, truth: NDArray[np.bool_], dice: np.random.Generator
) -> LabelTest:
    own = _head_maps(seen, truth)
    permuted, resampled = [], []
    for _ in range(PERMUTATIONS):
        others = _head_maps(seen, dice.permutation(truth))
        permuted.append(float(np.mean(_each(rank_correlation, own, others))))
        drawn = _drawn(truth, dice)
        again = _head_maps(seen, truth[drawn], drawn)
        resampled.append(float(np.mean(_each(rank_correlation, own, again))))
    return LabelTest(
        finding=finding,
        films=len(truth),
        positives=int(truth.sum()),
        permuted=mean_over(permuted),
        resampled=mean_over(resampled),
    )


def _drawn(truth: NDArray[np.bool_], dice: np.random.Generator) -> NDArray[np.int64]:
    """Films drawn with replacement, as many with the finding as there are."""
    return np.concatenate(
        [dice.choice(np.flatnonzero(truth == kind), int((truth == kind).sum())) for kind in (0, 1)]
    )


def _head_maps(
    seen: FloatImage, truth: NDArray[np.bool_], fitted_on: NDArray[np.int64] | None = None
) -> Maps:
    """(N, 1, s, s) maps of all films by a head fitted to ``truth``, of the films that it is of."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pooled = seen.mean(axis=(2, 3))
    scaler, head = StandardScaler(), LogisticRegression(max_iter=1000)
    make_pipeline(scaler, head).fit(pooled if fitted_on is None else pooled[fitted_on], truth)
    weights = head.coef_[0] / scaler.scale_
    maps: Maps = np.einsum("ncij,c->nij", seen, weights)[:, None].astype(np.float32)
    return maps
