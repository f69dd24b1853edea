"""Consistency and robustness as runs: of readings whose differences are known, and of a film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_agent.evaluation.consistency.perturbations import Perturbation, family
from cxr_agent.evaluation.runs import Chosen, Outcome, Status, evaluate
from cxr_agent.evaluation.runs.task import Measure
from cxr_agent.evaluation.tasks import TaskOptions, task_named
from cxr_agent.evaluation.tasks.consistency import ConsistencyTask
from cxr_agent.evaluation.tasks.robustness import RobustnessTask
from cxr_agent.testing.phantom import PhantomSpec, draw


def reading(state: str = "unlikely", probability: float = 0.1, ratio: float = 0.5) -> Any:
    return {
        "states": {"effusion": state},
        "probabilities": {"effusion": probability},
        "values": {"ratio": {"value": ratio, "interval": [0.45, 0.55]}},
        "refused": None,
    }


GONE = {"states": {}, "probabilities": {}, "values": {}, "refused": "no_chest_film"}


def outcome(case: str, own: Any, **others: Any) -> Outcome:
    return Outcome(
        system="protocol",
        case=case,
        group=case,
        status=Status.DONE,
        values={
            "original": own,
            "perturbed": {name.replace("_", ":"): one for name, one in others.items()},
            "truth": {"effusion": True, "unheard": True},
            "questions": [9, 10],
        },
        seconds=1,
    )


OUTCOMES = [
    outcome("a", reading("flagged", 0.8), blur_1=reading("flagged", 0.7), blur_2=GONE),
    outcome("b", reading(), blur_1=reading(ratio=0.52), blur_2=reading("flagged", 0.6, 0.6)),
]


def values(measures: Sequence[Measure]) -> dict[tuple[str, str], float | None]:
    return {(one.name, one.about): one.statistic(OUTCOMES) for one in measures}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    pixels = draw(PhantomSpec(cardiothoracic_ratio=0.62), 512).pixels
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(folder / "a.png")
    (folder / "cases.csv").write_text("file,ctr\na.png,0.62\n")
    return folder


def test_consistency_by_hand(films: Path) -> None:
    found = values(ConsistencyTask(TaskOptions(films)).measures(OUTCOMES))
    assert found["same statement", ""] == 0.5
    assert found["same statement", "effusion"] == 0.5
    assert found["contradicted", "effusion"] == 0.25
    assert found["withheld", "effusion"] == 0.25
    assert found["change of probability", "effusion"] == pytest.approx((0.1 + 0 + 0.5) / 3)
    assert found["change of value", "ratio"] == pytest.approx((0 + 0.02 + 0.1) / 3)
    assert found["change over half the interval", "ratio"] == pytest.approx((0 + 0.4 + 2) / 3)
    assert found["within the interval", "ratio"] == pytest.approx(2 / 3)
    assert found["same statement", "blur, strength 1"] == 1.0
    assert found["film refused", "blur, strength 2"] == 0.5
    assert found["pairs of wordings with the same answer", ""] == 0.9
    kappa = found["kappa", "effusion"]
    assert kappa is not None
    assert 0 < kappa < 1
    assert ConsistencyTask(TaskOptions(films)).measures([]) == ()


def test_robustness_by_hand(films: Path) -> None:
    task = RobustnessTask(TaskOptions(films))
    found = values(task.measures(OUTCOMES))
    assert found["statements same", "blur 0.001"] == 1
    assert found["statements contradicted", "blur 0.002"] == 0.5
    assert found["statements withheld", "blur 0.002"] == 0.5
    assert found["against the truth: right", "the film as it is"] == 0.5
    assert found["against the truth: wrong", "the film as it is"] == 0.5
    assert found["against the truth: refused", "blur 0.002"] == 0.5
    assert found["against the truth: right", "blur 0.002"] == 0.5
    assert found["statements same", "noise 0.01"] is None
    contradicted, withheld, same = task.plots(OUTCOMES)
    (line,) = [one for one in contradicted.series if one.name == "blur"]
    assert (line.x, line.y) == ((0, 1, 2), (0, 0, 0.5))
    assert [one.y[0] for one in same.series] == [1] * len(same.series)
    assert len(withheld.series) == len(same.series)


def test_a_film_is_read_as_it_is_and_after_each_change(films: Path, tmp_path: Path) -> None:
    task = task_named("consistency", TaskOptions(films))
    assert isinstance(task, ConsistencyTask)
    task._steps = [Perturbation(family("rewritten"), 1), Perturbation(family("negative"), 1)]
    result = evaluate(task, tmp_path / "run", Chosen(resamples=10))
    task.close()
    assert (result.cases, result.counts[0].done) == (1, 1)
    found = {(one.name, one.about): one.value for one in result.estimates}
    assert found["same statement", "rewritten, strength 1"] == 1
    assert found["film refused", "negative, strength 1"] == 1
    asked = found["pairs of wordings with the same answer", ""]
    assert asked is not None
    assert asked > 0.85
    (trace,) = (tmp_path / "run" / "traces").iterdir()
    assert (trace / "trace.jsonl").is_file()
