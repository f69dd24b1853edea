"""What pretraining without labels is worth: the same training with it and without it.

    python -m training.pretrain --extra DIR --steps 400 --threads 1 --name short
    python -m training.pretrain.benefit --extra DIR --encoder training/runs/pretrain/short.pt

A findings classifier is trained for a fixed number of steps, and the embedding goes on from its
encoder, as the shipped models were made; once from the pretrained encoder, once from a random
start. Seed, films, their order and their exposure are the same in both. With no labels at all the
two encoders are compared as they are. Fewer labels means fewer labelled patients, drawn by the
seed. Both ways are tested on the same films of patients that neither training nor pretraining saw.

Pretraining costs time too: with ``--longer N`` one more random start, with all labels, is trained
for N steps, which may be chosen to take as long as pretraining and training together.

A run that is done is kept in ``training/runs/benefit``: a call that was stopped goes on from there.
Writes ``training/pretrain/benefit.json``; ``python -m training.pretrain.page`` makes the page.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from cxr_agent.models.networks.embedding import EmbeddingNet
from cxr_agent.models.networks.findings import INPUT_SIZE, FindingsNet
from training.embedding import train as embedding
from training.embedding.retrieval import precision_at
from training.films import pool, sets
from training.films.film import Film
from training.findings import data
from training.findings import train as findings
from training.pretrain import paired
from training.runs import RUNS, Average, Budget, Log, schedule

FOLDER: Final = RUNS / "benefit"
RESULTS: Final = Path("training/pretrain/benefit.json")
LOGS: Final = Path("training/pretrain/logs")
SOURCES: Final = ("nih",)
"""The one set that has all labels, for training and for testing."""
PRETRAINED: Final = "pretrained"
RANDOM: Final = "random"
LONGER: Final = "random, longer"
NEIGHBOURS: Final = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often is trained."""

    steps: int = 250
    """Of the findings classifier."""
    longer: int = 0
    """Steps of the longer training from a random start; 0 leaves it out."""
    embedding_steps: int = 40
    batch: int = 48
    embedding_batch: int = 48
    peak: float = 1.5e-3
    embedding_peak: float = 8e-4
    shares: tuple[float, ...] = (1.0, 0.1, 0.0)
    """Of the training patients, those with labels."""
    seeds: tuple[int, ...] = (1, 2)


@dataclass(frozen=True, slots=True)
class Arm:
    """One training."""

    start: str
    share: float
    seed: int

    @property
    def name(self) -> str:
        return f"{self.start.replace(', ', '-')}-{100 * self.share:g}-{self.seed}"

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}.npz"


@dataclass(frozen=True, slots=True)
class Tested:
    """What every arm is tested on."""

    films: list[Film]
    tiles: NDArray[np.float32]
    """(N, S, S)"""


@dataclass(frozen=True, slots=True)
class Pairing:
    """A pretrained start against another, over some seeds."""

    against: str
    share: float
    seeds: tuple[int, ...]

    def arms(self, start: str) -> list[Arm]:
        return [Arm(start, self.share, seed) for seed in self.seeds]


def steps_of(arm: Arm, plan: Plan) -> tuple[int, int]:
    """Of the classifier and of the embedding; none where there are no labels."""
    if not arm.share:
        return 0, 0
    return plan.longer if arm.start == LONGER else plan.steps, plan.embedding_steps


def is_done(arm: Arm, plan: Plan) -> bool:
    """Whether a run of this length was kept."""
    if not arm.path.exists():
        return False
    facts = json.loads(str(np.load(arm.path)["facts"]))
    return tuple(facts["steps"]) == steps_of(arm, plan)


def pairings(plan: Plan) -> list[Pairing]:
    """What is set side by side: over the seeds of which both runs are done, and each row says
    which these are."""
    wanted = [Pairing(RANDOM, share, plan.seeds) for share in plan.shares]
    wanted += [Pairing(LONGER, 1.0, plan.seeds[:1])] if plan.longer else []
    found = []
    for pair in wanted:
        both = zip(pair.arms(PRETRAINED), pair.arms(pair.against), strict=True)
        seeds = tuple(
            one.seed for one, other in both if is_done(one, plan) and is_done(other, plan)
        )
        found += [Pairing(pair.against, pair.share, seeds)] if seeds else []
    return found


def arms(plan: Plan) -> list[Arm]:
    """Both ways side by side, seed after seed: an early end leaves whole pairs."""
    found = [
        Arm(start, share, seed)
        for seed in plan.seeds
        for share in plan.shares
        for start in (PRETRAINED, RANDOM)
    ]
    return [*found, *([Arm(LONGER, 1.0, plan.seeds[0])] if plan.longer else [])]


def labelled(films: Sequence[Film], share: float, seed: int) -> list[int]:
    """Indices of the films of a share of the patients."""
    people = sorted({film.person for film in films})
    count = round(share * len(people))
    kept = set(np.random.default_rng(seed).permutation(people)[:count].tolist())
    return [index for index, film in enumerate(films) if film.person in kept]


def part_of(train: pool.Pool, indices: list[int]) -> pool.Pool:
    return pool.Pool(
        tuple(train.films[i] for i in indices), train.squares[indices], train.reach[indices]
    )


def learn_findings(
    network: FindingsNet, train: pool.Pool, plan: Plan, arm: Arm, log: Log
) -> FindingsNet:
    """The averaged network after the arm's steps."""
    rng = np.random.default_rng(arm.seed)
    truth = data.targets(train.films)
    often = findings.sampling(truth)
    average = Average(FindingsNet(len(data.CODES)), network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.peak, weight_decay=5e-2)
    budget = Budget(0, steps_of(arm, plan)[0])
    for share in budget:
        schedule(optimiser, share, plan.peak, budget.step)
        picked = rng.choice(len(train), plan.batch, p=often)
        loss = findings.step(network, optimiser, train, truth, picked, rng)
        average.update(network, budget.step)
        if (budget.step + 1) % 50 == 0:
            log.write(stage="findings", step=budget.step + 1, loss=round(loss, 4))
    assert isinstance(average.network, FindingsNet)
    return average.network


def learn_embedding(
    network: EmbeddingNet, train: pool.Pool, plan: Plan, arm: Arm, log: Log
) -> EmbeddingNet:
    """The averaged network after ``plan.embedding_steps`` steps."""
    rng = np.random.default_rng(arm.seed)
    sampler = embedding.Sampler(train.films, seed=arm.seed)
    average = Average(EmbeddingNet(), network, decay=0.995)
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.embedding_peak, weight_decay=5e-2)
    budget = Budget(0, plan.embedding_steps)
    for share in budget:
        schedule(optimiser, share, plan.embedding_peak, budget.step)
        picked = sampler.pick(plan.embedding_batch)
        loss = embedding.step(network, optimiser, train, picked, rng)
        average.update(network, budget.step)
        if (budget.step + 1) % 10 == 0:
            log.write(stage="embedding", step=budget.step + 1, loss=round(loss, 4))
    assert isinstance(average.network, EmbeddingNet)
    return average.network


def run(arm: Arm, train: pool.Pool, tested: Tested, encoder: Path, plan: Plan) -> None:
    """Train one arm and keep what it says of the test films."""
    began = time.process_time()
    log = Log.start(FOLDER, arm.name)
    torch.manual_seed(arm.seed)
    # Both networks are born before a start is chosen: what chance gives them is the same.
    classifier = FindingsNet(len(data.CODES)).to(memory_format=torch.channels_last)
    place = EmbeddingNet().to(memory_format=torch.channels_last)
    if arm.start == PRETRAINED:
        classifier.encoder.load_state_dict(torch.load(encoder, weights_only=True))
    logits = np.zeros((0, len(data.CODES)), dtype=np.float32)
    labels = part_of(train, labelled(train.films, arm.share, arm.seed))
    if labels.films:
        classifier = learn_findings(classifier, labels, plan, arm, log)
        logits = findings.logits_of(classifier, tested.tiles)
    embedding.take_encoder(place, classifier.state_dict())
    if labels.films:
        place = learn_embedding(place, labels, plan, arm, log)
    vectors = embedding.embed(place, tested.tiles)
    facts = {
        **asdict(arm),
        "steps": steps_of(arm, plan),
        "films": len(labels),
        "patients": sets.people(labels.films),
        "cpu_s": round(time.process_time() - began),
    }
    log.write(**facts)
    np.savez(arm.path, logits=logits, vectors=vectors, facts=json.dumps(facts))


def compared(plan: Plan, test: list[Film]) -> Iterator[dict[str, Any]]:
    """The two ways side by side, for each pairing and each metric."""
    truth = data.targets(test)
    weights = paired.drawn([film.person for film in test])
    # Every film with a finding is a query; what its neighbours may be is all the other films.
    asked = np.array([any(film.labels.values()) for film in test])

    def auc(kept: Any) -> NDArray[np.float64]:
        return paired.macro_auc(truth, kept["logits"], weights)

    def precision(kept: Any) -> NDArray[np.float64]:
        shares = precision_at(kept["vectors"], test, NEIGHBOURS)
        return paired.weighted_mean(shares, weights[:, asked])

    for pair in pairings(plan):
        ours, others = (
            [np.load(arm.path) for arm in pair.arms(start)] for start in (PRETRAINED, pair.against)
        )
        facts = [json.loads(str(kept["facts"])) for kept in ours]
        metrics = [(f"same finding, precision at {NEIGHBOURS}", int(asked.sum()), precision)]
        if pair.share:
            metrics.insert(0, ("macro AUC of findings", len(test), auc))
        for metric, films, of in metrics:
            gap = paired.difference([of(kept) for kept in ours], [of(kept) for kept in others])
            yield {
                "against": pair.against,
                "share": pair.share,
                "seeds": list(pair.seeds),
                "metric": metric,
                "tested_films": films,
                "trained_films": [one["films"] for one in facts],
                "trained_patients": [one["patients"] for one in facts],
                **gap.rounded(),
            }


def positives(test: list[Film]) -> dict[str, int]:
    """Test films with each finding."""
    counts = np.nansum(data.targets(test), axis=0).astype(int).tolist()
    return dict(zip(data.CODES, counts, strict=True))


def main() -> None:
    usual = Plan()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, default=RUNS / "pretrain" / "short.pt")
    parser.add_argument("--steps", type=int, default=usual.steps)
    parser.add_argument("--longer", type=int, default=usual.longer)
    parser.add_argument("--embedding-steps", type=int, default=usual.embedding_steps)
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--shares", default="1,0.1,0", help="of the patients, with labels")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only-write", action="store_true", help="compare the runs that are done")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    plan = Plan(
        steps=chosen.steps,
        longer=chosen.longer,
        embedding_steps=chosen.embedding_steps,
        shares=tuple(float(share) for share in chosen.shares.split(",")),
        seeds=tuple(int(seed) for seed in chosen.seeds.split(",")),
    )
    films = data.frontal(chosen.shared, chosen.extra)
    test = data.part(films, "test", SOURCES)
    todo = [arm for arm in arms(plan) if not (chosen.only_write or is_done(arm, plan))]
    if todo:
        train = pool.load(data.part(films, "train", SOURCES))
        tested = Tested(test, findings.tiles_of(test, INPUT_SIZE))
        for arm in todo:
            run(arm, train, tested, chosen.encoder, plan)
    write(plan, test, chosen.encoder)


def write(plan: Plan, test: list[Film], encoder: Path) -> None:
    """Results, and the logs of all runs in one file."""
    log = encoder.with_suffix(".jsonl").read_text()
    first, *_, last = [json.loads(line) for line in log.splitlines()]
    results = {
        "pretraining": {
            "films": first["films"],
            "sources": first["sources"],
            "steps": last["step"],
            "cpu_s": last["cpu_s"],
        },
        "plan": asdict(plan),
        "test": {
            "films": len(test),
            "patients": sets.people(test),
            "positives": positives(test),
        },
        "compared": list(compared(plan, test)),
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    lines = [
        json.dumps({"run": arm.name, **json.loads(line)})
        for arm in arms(plan)
        if is_done(arm, plan)
        for line in (FOLDER / f"{arm.name}.jsonl").read_text().splitlines()
    ]
    (LOGS / "benefit.jsonl").write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
