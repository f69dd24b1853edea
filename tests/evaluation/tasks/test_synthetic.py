"""CheXGenBench as a run, on drawn chests and on copies of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxr_agent.errors import UsageError
from cxr_agent.evaluation.runs import Chosen, evaluate
from cxr_agent.evaluation.tasks import TaskOptions, task_named
from cxr_agent.synthesis.writing import png_bytes
from cxr_agent.testing.phantom import draw, random_spec


def drawn(folder: Path, seeds: range, noise: float = 0.0) -> None:
    folder.mkdir(parents=True)
    lines = ["file,cardiomegaly"]
    for seed in seeds:
        dice = np.random.default_rng(seed)
        spec = random_spec(dice)
        pixels = draw(spec, 128).pixels
        noisy = np.clip(pixels + dice.normal(0, noise, pixels.shape), 0, 1).astype(np.float32)
        (folder / f"{seed}.png").write_bytes(png_bytes(noisy))
        lines.append(f"{seed}.png,{int(spec.cardiothoracic_ratio > 0.5)}")
    (folder / "cases.csv").write_text("\n".join(lines))


def test_copies_are_told_from_others(tmp_path: Path) -> None:
    data = tmp_path / "data"
    drawn(data / "real", range(24))
    drawn(data / "holdout", range(100, 124))
    drawn(data / "synthetic", range(12), noise=0.005)
    task = task_named("chexgenbench", TaskOptions(data))
    result = evaluate(task, tmp_path / "run", Chosen(resamples=20))
    task.close()
    assert result.counts[0].done == 60
    found = {(one.name, one.about): one for one in result.estimates}
    assert found["copies of a training film", "privacy"].value == 1
    nearer = found["nearer to a training film than to the hold-out", "privacy"]
    assert (nearer.value, nearer.cases) == (1, 12)
    assert found["precision", "fidelity"].value == 1
    assert found["precision", "fidelity"].low is not None
    frechet = found["Fréchet distance", "fidelity"]
    assert frechet.value is not None
    assert frechet.value > 0
    assert frechet.low is None  # of the sets as they are: no resample is one
    assert found["recall", "fidelity"].cases == 24
    real = found["unlikely in those that should not", "utility, cardiomegaly, real"]
    assert real.cases == sum(
        line.endswith(",0") for line in (data / "real/cases.csv").read_text().splitlines()
    )


def test_folders_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not_a_genbench"):
        task_named("chexgenbench", TaskOptions(tmp_path))
