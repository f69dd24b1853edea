"""What every training run does alike."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training is an extra")

from torch import nn  # noqa: E402

from training import runs  # noqa: E402
from training.runs import (  # noqa: E402
    Average,
    Budget,
    Log,
    Stage,
    descend,
    device,
    keep_log,
    pipeline,
    schedule,
)


def test_a_budget_of_steps_is_exact() -> None:
    budget = Budget(minutes=0, steps=4)
    seen = [(share, budget.step) for share in budget]
    assert seen == [(0, 0), (0.25, 1), (0.5, 2), (0.75, 3)]
    assert budget.step == 4


def test_a_budget_of_minutes_ends_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 30))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    budget = Budget(minutes=2, _began=time.monotonic())
    assert list(budget) == [0.25, 0.5, 0.75]


def optimiser() -> torch.optim.Optimizer:
    groups = [{"params": [nn.Parameter(torch.zeros(1))]} for _ in range(2)]
    return torch.optim.SGD(groups, lr=9.0)


def rate(share: float, step: int, peak: float = 0.1) -> float:
    made = optimiser()
    schedule(made, share, peak, step)
    rates = {group["lr"] for group in made.param_groups}
    assert len(rates) == 1
    return rates.pop()


def test_the_rate_warms_up_and_decays_to_almost_nothing() -> None:
    assert rate(0, 0) == pytest.approx(0.001, rel=0.01)
    assert rate(0, 49) == pytest.approx(0.05, rel=0.01)
    assert rate(0, 99) == pytest.approx(0.1, rel=0.01)
    assert rate(0, 5000) == pytest.approx(0.1, rel=0.01)
    assert rate(0.5, 5000) == pytest.approx(0.05, rel=0.01)
    assert 0 < rate(1, 5000) < 1e-5
    falling = [rate(share / 20, 5000) for share in range(21)]
    assert falling == sorted(falling, reverse=True)


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


def test_an_average_begins_as_the_network_and_follows_it_slowly() -> None:
    network = small()
    average = Average(small(), network, decay=0.9)
    for kept, new in zip(average.network.parameters(), network.parameters(), strict=True):
        assert torch.equal(kept, new)
        assert kept is not new
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    before = [kept.detach().clone() for kept in average.network.parameters()]
    average.update(network, step=10_000)
    for kept, old in zip(average.network.parameters(), before, strict=True):
        assert torch.allclose(kept, old * 0.9 + 0.1)


def test_an_average_forgets_the_first_steps_sooner() -> None:
    """Else the random weights of the start would still be in it at the end of a short run."""
    network = small()
    average = Average(small(), network, decay=0.998)
    before = [kept.detach().clone() for kept in average.network.parameters()]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    average.update(network, step=0)
    for kept, old in zip(average.network.parameters(), before, strict=True):
        assert torch.allclose(kept, old / 20 + 19 / 20)


def test_an_average_keeps_what_normalisation_learnt() -> None:
    network = small()
    average = Average(small(), network)
    for step in range(60):
        network.train()
        network(torch.randn(8, 1, 5, 5) + 2)
        average.update(network, step)
    kept, new = average.network[1], network[1]
    assert int(kept.num_batches_tracked) == int(new.num_batches_tracked) == 60
    assert torch.allclose(kept.running_mean, new.running_mean, atol=0.1)
    assert not average.network.training


def test_a_step_goes_down_and_never_far() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 100.0)
    made = torch.optim.SGD(network.parameters(), lr=1.0)
    for _ in range(2):
        descend(network, made, (network.weight**2).sum())
    # The gradient is about 200; it is cut to a length of 2, and not added to the last one.
    assert network.weight.item() == pytest.approx(96.0, abs=1e-3)


def test_a_log_has_one_json_line_per_report_and_starts_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "runs" / "view"
    Log.start(folder, "a").write(step=1)
    log = Log.start(folder, "a")
    log.write(step=2, auc={"pneumothorax": 0.5})
    log.write(step=3)
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert lines == [{"step": 2, "auc": {"pneumothorax": 0.5}}, {"step": 3}]
    assert capsys.readouterr().out.count("\n") == 3
    keep_log(folder, "a", tmp_path / "logs")
    assert (tmp_path / "logs" / "a.jsonl").read_text() == log.path.read_text()


def test_a_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, kind in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert device().type == kind


class Calls:
    """Stands in for processes; each leaves a log, as training does."""

    def __init__(self, fails: str = "") -> None:
        self.modules: list[tuple[str, ...]] = []
        self._fails = fails

    def __call__(self, command: list[str], *, check: bool) -> None:
        assert check
        assert command[:2] == [sys.executable, "-m"]
        module = command[2].rpartition(".")[2]
        self.modules.append((module, *command[3:]))
        if module == self._fails:
            raise subprocess.CalledProcessError(1, command)
        if module == "train":
            name = command[command.index("--name") + 1]
            Log.start(runs.RUNS / "findings", name).write(run=name)


PLAN = (Stage("a", 10, ("--seed", "2")), Stage("b", 3))


def started(monkeypatch: pytest.MonkeyPatch, folder: Path, calls: Calls) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(subprocess, "run", calls)
    monkeypatch.setattr(sys, "argv", ["x", "--extra", "films", "--scale", "0.5"])
    pipeline("findings", "All stages.", PLAN)


def test_a_pipeline_trains_keeps_the_logs_and_then_measures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = Calls()
    started(monkeypatch, tmp_path, calls)
    places = ("--shared", "../shared", "--extra", "films")
    assert calls.modules == [
        ("train", *places, "--name", "a", "--minutes", "5.0", "--seed", "2"),
        ("train", *places, "--name", "b", "--minutes", "1.5"),
        ("evaluate", *places),
        ("card",),
    ]
    kept = sorted((tmp_path / "training" / "findings" / "logs").iterdir())
    assert [path.name for path in kept] == ["a.jsonl", "b.jsonl"]


def test_a_pipeline_stops_at_a_stage_that_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = Calls(fails="evaluate")
    with pytest.raises(subprocess.CalledProcessError):
        started(monkeypatch, tmp_path, calls)
    assert [module for module, *_ in calls.modules] == ["train", "train", "evaluate"]
