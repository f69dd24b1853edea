"""What the embedding learns from, and how its neighbours are counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="training is an extra")

from cxr_agent.models.networks.embedding import PROTOTYPES, EmbeddingNet, Placed  # noqa: E402
from training.embedding.likeness import BOTH_NORMAL, likeness  # noqa: E402
from training.embedding.retrieval import precision_at, recall_at_one  # noqa: E402
from training.embedding.train import (  # noqa: E402
    TEMPERATURE,
    Sampler,
    contrast,
    embed,
    set_prototypes,
)
from training.films.film import Film  # noqa: E402

CODES = ("pneumothorax", "pleural_effusion", "atelectasis")
FILMS = st.builds(
    lambda patient, labels: Film("nih", str(patient), Path("x"), labels=labels),
    st.integers(0, 5),
    st.dictionaries(st.sampled_from(CODES), st.booleans()),
)


def film(patient: str, *found: str, known: bool = True) -> Film:
    labels = dict.fromkeys(CODES, False) | dict.fromkeys(found, True) if known else {}
    return Film("nih", patient, Path("x"), labels=labels)


def unit(*degrees: float) -> NDArray[np.float32]:
    """Vectors in a plane."""
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


# --- who ought to lie near whom -------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(FILMS, max_size=12))
def test_likeness_goes_both_ways(films: list[Film]) -> None:
    table = likeness(films)
    assert table.shape == (len(films), len(films))
    assert table.dtype == np.float32
    assert np.array_equal(table, table.T)
    assert (np.diag(table) == 1).all()
    assert table.min(initial=1) >= 0
    assert table.max(initial=0) <= 1


def test_likeness_is_the_overlap_of_findings() -> None:
    films = [
        film("1", "pneumothorax", "pleural_effusion"),
        film("2", "pleural_effusion", "atelectasis"),
        film("3"),
        film("4"),
        film("5", known=False),
        film("1"),
    ]
    table = likeness(films)
    assert table[0, 1] == pytest.approx(1 / 3)
    assert table[0, 2] == 0  # ill and normal
    assert table[2, 3] == np.float32(BOTH_NORMAL)
    assert table[0, 4] == table[2, 4] == 0  # nothing is known
    assert table[0, 5] == 1  # one patient, whatever the films show
    assert table[2, 5] == np.float32(BOTH_NORMAL)


# --- neighbours -----------------------------------------------------------------------------


def test_precision_counts_neighbours_that_share_a_finding() -> None:
    films = [
        film("1", "pneumothorax"),
        film("2", "pneumothorax", "atelectasis"),
        film("3", "atelectasis"),
        film("4", "pleural_effusion"),
        film("5"),
    ]
    found = precision_at(unit(0, 10, 20, 100, 170), films, 2)
    # Film 1 finds 2 and 3; 2 finds 1 and 3; 3 finds 2 and 1; 4 finds 5 and 3; 5 has no finding.
    assert found.tolist() == [0.5, 1.0, 0.5, 0.0]


def test_a_patients_other_film_is_no_neighbour() -> None:
    films = [film("1", "atelectasis"), film("1", "atelectasis"), film("2"), film("3")]
    assert precision_at(unit(0, 1, 50, 60), films, 1).tolist() == [0, 0]


def test_where_neighbours_run_out_those_that_are_there_count() -> None:
    films = [film("1", "atelectasis"), film("1", "atelectasis"), film("2", "atelectasis")]
    vectors = unit(0, 1, 50)
    for count in (2, 3, 9):
        assert precision_at(vectors, films, count).tolist() == [1, 1, 1]
    assert precision_at(unit(0, 1), films[:2], 1).tolist() == []


@settings(deadline=None)
@given(st.lists(FILMS, min_size=6, max_size=14), st.integers(1, 3), st.integers(0, 1000))
def test_precision_against_a_slow_count(films: list[Film], count: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(len(films), 4)).astype(np.float32)
    wanted = []
    for one, vector in zip(films, vectors, strict=True):
        mine = {code for code, there in one.labels.items() if there}
        others = [n for n, other in enumerate(films) if other.person != one.person]
        nearest = sorted(others, key=lambda n: -float(vectors[n] @ vector))[:count]
        if mine and nearest:
            hits = [any(films[n].labels.get(code) for code in mine) for n in nearest]
            wanted.append(sum(hits) / len(hits))
    assert precision_at(vectors, films, count) == pytest.approx(wanted)


def test_recall_asks_whether_the_nearest_film_is_the_patients_own() -> None:
    films = [film("1"), film("1"), film("2"), film("2"), film("3")]
    # Both of patient 1 lie together; of patient 2 one lies nearer to patient 3.
    assert recall_at_one(unit(0, 5, 60, 90, 100), films).tolist() == [1, 1, 1, 0]
    assert recall_at_one(unit(0, 50), [film("1"), film("2")]).tolist() == []


# --- loss -----------------------------------------------------------------------------------


def loss(vectors: NDArray[np.float32], partners: NDArray[np.float32]) -> float:
    return float(contrast(torch.from_numpy(vectors), torch.from_numpy(partners)))


def test_contrast_is_lower_where_partners_lie_near() -> None:
    partners = np.kron(np.eye(2), np.ones((2, 2))).astype(np.float32)
    near, far = loss(unit(0, 5, 180, 185), partners), loss(unit(0, 180, 5, 185), partners)
    assert near < 0.01
    assert far > 10
    between = loss(unit(0, 60, 180, 240), partners)
    assert near < between < far


def test_contrast_is_the_cross_entropy_of_the_neighbours() -> None:
    vectors = unit(0, 30, 100)
    partners = np.array([[1, 1, 0.5], [1, 1, 0.25], [0.5, 0.25, 1]], dtype=np.float32)
    wanted = []
    for one in range(3):
        others = [n for n in range(3) if n != one]
        scores = np.array([vectors[one] @ vectors[n] / TEMPERATURE for n in others])
        logs = scores - np.log(np.exp(scores).sum())
        weights = partners[one, others] / partners[one, others].sum()
        wanted.append(-(weights * logs).sum())
    assert loss(vectors, partners) == pytest.approx(np.mean(wanted), rel=1e-4)


def test_contrast_leaves_its_table_as_it_was() -> None:
    partners = torch.ones(3, 3)
    contrast(torch.from_numpy(unit(0, 30, 100)), partners)
    assert torch.equal(partners, torch.ones(3, 3))


def test_graded_partners_pull_by_their_worth() -> None:
    partners = np.array([[1, 1, 0.2], [1, 1, 0], [0.2, 0, 1]], dtype=np.float32)
    vectors = torch.from_numpy(unit(0, 40, -40)).requires_grad_()
    # Row 0 alone: of two that lie equally far, the better partner is drawn nearer.
    contrast(vectors, torch.from_numpy(partners + 1e-3)).backward()
    assert vectors.grad is not None
    assert vectors.grad[0, 1] < 0  # downhill is up, to the first partner


# --- batches --------------------------------------------------------------------------------


def many() -> tuple[Film, ...]:
    pairs = [film(f"pair{n}") for n in range(20) for _ in range(3)]
    single = [film(f"single{n}", *(("pneumothorax",) if n < 5 else ())) for n in range(200)]
    return (*pairs, *single, *(film(f"none{n}", known=False) for n in range(5)))


def test_half_of_a_batch_are_pairs_of_one_patient() -> None:
    films = many()
    picked = Sampler(films, seed=0).pick(32)
    assert len(picked) == 32
    pairs = picked[:16].reshape(8, 2)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    people = [[films[n].person for n in pair] for pair in pairs]
    assert all(one == other for one, other in people)
    assert len({one for one, _ in people}) == 8


def test_the_other_half_shows_rare_findings_often() -> None:
    films = many()
    sampler = Sampler(films, seed=0)
    rest = np.concatenate([sampler.pick(32)[16:] for _ in range(60)])
    ill = np.mean([any(films[n].labels.values()) for n in rest])
    weight = 5 * (1 + (len(films) / 5) ** 0.5)
    assert ill == pytest.approx(weight / (weight + len(films) - 5), abs=0.05)
    assert ill > 3 * 5 / len(films)


def test_a_sampler_with_one_seed_picks_the_same() -> None:
    one, other = (Sampler(many(), seed=3) for _ in range(2))
    for _ in range(3):
        assert np.array_equal(one.pick(16), other.pick(16))


# --- network --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network() -> EmbeddingNet:
    torch.manual_seed(0)
    return EmbeddingNet(8)


def test_vectors_have_unit_length_and_do_not_hang_on_the_batch(network: EmbeddingNet) -> None:
    tiles = np.random.default_rng(0).normal(size=(66, 32, 32)).astype(np.float32)
    network.train()
    vectors = embed(network, tiles)
    assert vectors.shape == (66, 8)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(66), abs=1e-5)
    assert np.allclose(embed(network, tiles[60:]), vectors[60:], atol=1e-4)


def test_strangeness_is_the_distance_from_the_nearest_centre(network: EmbeddingNet) -> None:
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(PROTOTYPES, 8))
    films = np.repeat(centres, 6, axis=0) + rng.normal(0, 0.05, (6 * PROTOTYPES, 8))
    films = (films / np.linalg.norm(films, axis=1, keepdims=True)).astype(np.float32)
    set_prototypes(network, films)
    found = network.prototypes.numpy()
    assert found.shape == (PROTOTYPES, 8)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(PROTOTYPES), abs=1e-5)
    distance = 1 - (films @ found.T).max(axis=1)
    assert np.quantile(distance, 0.9) < 0.1
    with torch.no_grad():
        vectors, strangeness = Placed(network.eval())(torch.randn(3, 1, 32, 32))
    wanted = 1 - (vectors.numpy() @ found.T).max(axis=1)
    assert strangeness.numpy() == pytest.approx(wanted, abs=1e-5)
    assert "prototypes" in network.state_dict()  # they ship with the weights
