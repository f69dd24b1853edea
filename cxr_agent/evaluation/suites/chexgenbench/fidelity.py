"""How like real films synthetic ones are, as sets of points of the embedding.

Fréchet distance: Heusel et al. (NeurIPS 2017); kernel distance: Bińkowski et al. (ICLR 2018);
precision and recall: Kynkäänniemi et al. (NeurIPS 2019); density and coverage: Naeem et al. (ICML
2020). All on points of any embedding: values of two embeddings cannot be compared.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Points = NDArray[np.floating]
"""(N, D): N films as points."""
NEIGHBOURS: Final = 5
"""k of precision, recall, density and coverage, as Naeem et al. advise."""


class Fidelity(BaseModel):
    """Synthetic against real."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    real: int
    synthetic: int
    frechet: float
    """Of normal distributions fitted to both; 0 is best. With fewer films than dimensions it is
    mostly a matter of their number: compare only sets of the same size, as ``frechet_of_real``."""
    frechet_of_real: float | None
    """Between two halves of the real films, of the same size each: what no set of that size can be
    expected to beat; None with fewer than four."""
    kernel: float
    """Unbiased, so it may be below 0; 0 is best."""
    kernel_of_real: float | None
    precision: float
    """Share of synthetic films that lie among the real ones."""
    recall: float
    """Share of real films that lie among the synthetic ones."""
    density: float
    """How many real neighbourhoods a synthetic film lies in, over those expected; may pass 1."""
    coverage: float
    """Share of real films with a synthetic one in their neighbourhood."""
    neighbours: int


def fidelity(real: Points, synthetic: Points, *, seed: int = 0) -> Fidelity:
    """All measures.

    Parameters
    ----------
    real, synthetic
        (N, D) and (M, D); at least two each.
    seed
        Of the halves of the real films.

    Raises
    ------
    ValueError
        When there are fewer, or dimensions differ.
    """
    if min(len(real), len(synthetic)) < 2 or real.shape[1:] != synthetic.shape[1:]:
        raise ValueError("two sets of at least two points of the same dimensions")
    k = min(NEIGHBOURS, len(real) - 1, len(synthetic) - 1)
    near = _Near(real, synthetic, k)
    halves = _halves(real, seed)
    return Fidelity(
        real=len(real),
        synthetic=len(synthetic),
        frechet=frechet_distance(real, synthetic),
        frechet_of_real=None if halves is None else frechet_distance(*halves),
        kernel=kernel_distance(real, synthetic),
        kernel_of_real=None if halves is None else kernel_distance(*halves),
        precision=near.precision(),
        recall=near.recall(),
        density=near.density(),
        coverage=near.coverage(),
        neighbours=k,
    )


def _halves(real: Points, seed: int) -> tuple[Points, Points] | None:
    if len(real) < 4:
        return None
    order = np.random.default_rng(seed).permutation(len(real))
    half = len(real) // 2
    return real[order[:half]], real[order[half : 2 * half]]


def frechet_distance(one: Points, other: Points) -> float:
    """Squared Fréchet distance of normal distributions with the mean and covariance of each set.

    ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``; the trace of the root is the sum of the
    singular values of ``A B^T``, with A and B the centred points over the root of their number less
    one, which needs no root of a matrix and is exact with fewer points than dimensions.
    """
    first, second = one.astype(np.float64), other.astype(np.float64)
    apart = first.mean(axis=0) - second.mean(axis=0)
    a, b = ((points - points.mean(axis=0)) / np.sqrt(len(points) - 1) for points in (first, second))
    root = float(np.linalg.svd(a @ b.T, compute_uv=False).sum())
    distance = float(apart @ apart) + float((a**2).sum()) + float((b**2).sum()) - 2 * root
    return max(0.0, distance)


def kernel_distance(one: Points, other: Points) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel ``(x y / D + 1)^3`` (KID)."""
    first, second = one.astype(np.float64), other.astype(np.float64)

    def kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = (x @ y.T / x.shape[1] + 1) ** 3
        return found

    def within(points: NDArray[np.float64]) -> float:
        values = kernel(points, points)
        count = len(points)
        return float((values.sum() - np.trace(values)) / (count * (count - 1)))

    return within(first) + within(second) - 2 * float(kernel(first, second).mean())


def distances(one: Points, other: Points) -> NDArray[np.float64]:
    """(N, M) Euclidean."""
    from scipy.spatial.distance import cdist

    found: NDArray[np.float64] = cdist(one.astype(np.float64), other.astype(np.float64))
    return found


def radii(points: Points, k: int) -> NDArray[np.float64]:
    """(N,) distance of each point to its k-th nearest among the others."""
    between = distances(points, points)
    np.fill_diagonal(between, np.inf)
    nearest: NDArray[np.float64] = np.partition(between, k - 1, axis=1)[:, k - 1]
    return nearest


class _Near:
    """Who lies in whose neighbourhood: within the distance of its k-th neighbour of its own set."""

    def __init__(self, real: Points, synthetic: Points, k: int) -> None:
        self._k = k
        self._between = distances(real, synthetic)
        self._real = radii(real, k)[:, None]
        self._synthetic = radii(synthetic, k)[None, :]

    def precision(self) -> float:
        return float((self._between <= self._real).any(axis=0).mean())

    def recall(self) -> float:
        return float((self._between <= self._synthetic).any(axis=1).mean())

    def density(self) -> float:
        return float((self._between <= self._real).sum(axis=0).mean() / self._k)

    def coverage(self) -> float:
        return float((self._between.min(axis=1) <= self._real[:, 0]).mean())
