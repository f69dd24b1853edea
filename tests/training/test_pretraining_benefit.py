"""The same training with pretraining and without it: what is compared, and on which films."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training is an extra")

from cxr_agent.models.networks.encoder import Encoder  # noqa: E402
from cxr_agent.models.networks.findings import INPUT_SIZE  # noqa: E402
from tests.training.pictures import save, texture  # noqa: E402
from training.films import pool  # noqa: E402
from training.films.film import Film  # noqa: E402
from training.findings import data  # noqa: E402
from training.findings.scores import auc, weighted_aucs  # noqa: E402
from training.findings.train import tiles_of  # noqa: E402
from training.pretrain import benefit, page, paired  # noqa: E402

PLAN = benefit.Plan(
    steps=2,
    longer=3,
    embedding_steps=1,
    batch=4,
    embedding_batch=8,
    shares=(1.0, 0.5, 0.0),
    seeds=(1,),
)


def film(folder: Path, number: int) -> Film:
    """Two films of each patient; every third film is normal."""
    labels = {code: number % 3 > 0 and (number + i) % 2 == 0 for i, code in enumerate(data.CODES)}
    path = save(folder / f"{number}.png", texture(number, (80, 64)))
    return Film("nih", str(number // 2), path, "PA", labels)


@pytest.fixture
def films(tmp_path: Path) -> list[Film]:
    return [film(tmp_path / "films", number) for number in range(12)]


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """As the pretraining leaves it behind."""
    path = tmp_path / "short.pt"
    torch.manual_seed(9)
    torch.save(Encoder().state_dict(), path)
    lines = ({"films": 12, "sources": {"nih": 12}}, {"step": 4, "share": 1.0, "cpu_s": 7})
    path.with_suffix(".jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_a_dozen_films_are_enough_to_see_the_comparison_run(
    films: list[Film], encoder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "training" / "pretrain" / "logs").mkdir(parents=True)
    tested = benefit.Tested(films, tiles_of(films, INPUT_SIZE))
    train = pool.load(films)
    for arm in benefit.arms(PLAN):
        benefit.run(arm, train, tested, encoder, PLAN)
    assert all(benefit.is_done(arm, PLAN) for arm in benefit.arms(PLAN))
    longer = dataclasses.replace(PLAN, steps=5)  # what is kept is too short for this plan
    assert not benefit.is_done(benefit.Arm(benefit.RANDOM, 1.0, 1), longer)
    benefit.write(PLAN, films, encoder)
    results = json.loads((tmp_path / benefit.RESULTS).read_text())
    assert results["pretraining"] == {"films": 12, "sources": {"nih": 12}, "steps": 4, "cpu_s": 7}
    assert results["test"]["patients"] == 6
    rows = {(row["against"], row["share"], row["metric"][:4]): row for row in results["compared"]}
    assert set(rows) == {
        *((benefit.RANDOM, share, metric) for share in (1.0, 0.5) for metric in ("macr", "same")),
        (benefit.RANDOM, 0.0, "same"),  # without a label there is no classifier
        (benefit.LONGER, 1.0, "macr"),
        (benefit.LONGER, 1.0, "same"),
    }
    for row in rows.values():
        low, high = row["interval"]
        assert low <= high
        assert row["seeds"] == [1]
        assert row["difference"] == pytest.approx(row["pretrained"] - row["other"], abs=2e-4)
        assert row["trained_films"] == [12 * row["share"]]
        assert row["trained_patients"] == [6 * row["share"]]
    # The start is all that differs, and it does.
    ours, others = (
        np.load(benefit.Arm(start, 1.0, 1).path)["logits"]
        for start in (benefit.PRETRAINED, benefit.RANDOM)
    )
    assert not np.allclose(ours, others, atol=1e-3)
    runs = [json.loads(line) for line in (benefit.LOGS / "benefit.jsonl").read_text().splitlines()]
    assert {run["run"] for run in runs} == {arm.name for arm in benefit.arms(PLAN)}


def test_seeds_without_their_partner_are_left_out(
    films: list[Film], encoder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = dataclasses.replace(PLAN, shares=(1.0, 0.0), seeds=(1, 2))
    train, tested = pool.load(films), benefit.Tested(films, tiles_of(films, INPUT_SIZE))
    for start, seed in ((benefit.PRETRAINED, 1), (benefit.RANDOM, 1), (benefit.PRETRAINED, 2)):
        benefit.run(benefit.Arm(start, 0.0, seed), train, tested, encoder, plan)
    assert benefit.pairings(plan) == [benefit.Pairing(benefit.RANDOM, 0.0, (1,))]


def test_a_run_is_the_same_when_it_is_run_again(
    films: list[Film], encoder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    tested = benefit.Tested(films[:4], tiles_of(films[:4], INPUT_SIZE))
    train = pool.load(films)
    arm = benefit.Arm(benefit.PRETRAINED, 1.0, 1)
    kept = []
    for _ in range(2):
        benefit.run(arm, train, tested, encoder, PLAN)
        kept.append(np.load(arm.path))
    assert np.array_equal(kept[0]["logits"], kept[1]["logits"])
    assert np.array_equal(kept[0]["vectors"], kept[1]["vectors"])


def test_few_labels_are_whole_patients_and_the_seed_draws_them(films: list[Film]) -> None:
    half = benefit.labelled(films, 0.5, seed=1)
    people = {films[i].person for i in half}
    assert half == [i for i, film in enumerate(films) if film.person in people]
    assert len(people) == 3
    assert half == benefit.labelled(films, 0.5, seed=1)
    assert any(half != benefit.labelled(films, 0.5, seed=seed) for seed in range(2, 6))
    assert benefit.labelled(films, 0.0, seed=1) == []


# --- the page -------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_what_was_measured() -> None:
    results = json.loads((ROOT / benefit.RESULTS).read_text(encoding="utf-8"))
    assert (ROOT / page.PAGE).read_text(encoding="utf-8") == page.to_markdown(results)


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ((0.01, 0.03), "pretraining helps"),
        ((-0.03, -0.01), "pretraining harms"),
        ((-0.01, 0.03), "not decided"),
    ],
)
def test_a_difference_is_told_as_it_fell_out(interval: tuple[float, float], said: str) -> None:
    row = {
        "against": "random",
        "share": 0.1,
        "metric": "macro AUC of findings",
        "trained_films": [800, 820],
        "difference": sum(interval) / 2,
        "interval": interval,
    }
    sentence = page.verdict(row)
    assert said in sentence
    assert "10 % of the patients labelled (810 films), against a random start" in sentence


# --- paired figures -------------------------------------------------------------------------


def test_a_drawn_patient_brings_all_of_their_films() -> None:
    weights = paired.drawn(["a", "b", "a", "c"], draws=50)
    assert weights.shape == (51, 4)
    assert weights[0].tolist() == [1, 1, 1, 1]
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_a_weight_is_as_good_as_a_copy() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 40).astype(np.float32)
    truth[::7] = np.nan
    score = rng.integers(0, 5, 40).astype(np.float32)
    weights = rng.integers(0, 4, (20, 40))
    copied = [auc(np.repeat(truth, row), np.repeat(score, row)) for row in weights]
    assert weighted_aucs(truth, score, weights) == pytest.approx(copied)


def test_what_both_ways_share_does_not_widen_the_interval() -> None:
    """Films are hard or easy for both: alone each way is uncertain, their difference is not."""
    rng = np.random.default_rng(0)
    weights = paired.drawn([str(i) for i in range(300)])
    hard = rng.normal(size=300)
    better, worse = hard + 0.1 + rng.normal(0, 0.05, 300), hard
    ones, others = ([paired.weighted_mean(way, weights)] for way in (better, worse))
    gap = paired.difference(ones, others)
    assert gap.value == pytest.approx(0.1, abs=0.01)
    assert 0 < gap.interval[0] < gap.value < gap.interval[1]
    assert gap.interval[1] - gap.interval[0] < 0.02
    alone = np.percentile(ones[0][1:], (2.5, 97.5))
    assert alone[1] - alone[0] > 0.15
    swapped = paired.difference(others, ones)
    assert swapped.interval == pytest.approx((-gap.interval[1], -gap.interval[0]))


def test_seeds_are_averaged_and_each_is_told() -> None:
    ones = [np.array([0.8, 0.81, 0.79]), np.array([0.6, 0.62, 0.58])]
    others = [np.array([0.7, 0.7, 0.7]), np.array([0.6, 0.6, 0.6])]
    gap = paired.difference(ones, others)
    assert gap.value == pytest.approx(0.05)
    assert gap.by_seed == pytest.approx((0.1, 0.0))


def test_a_label_without_a_case_is_no_part_of_the_mean() -> None:
    truth = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], dtype=np.float32)
    logits = np.array([[2, 0], [1, 1], [1, 2], [0, 3]], dtype=np.float32)
    weights = np.array([[1, 1, 1, 1], [0, 1, 1, 0]])
    assert paired.macro_auc(truth, logits, weights) == pytest.approx([0.875, 0.5])
