"""What every training run does alike: a budget, a schedule, an average of weights, a log."""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

RUNS = Path("training/runs")


@dataclass(slots=True)
class Budget:
    """A run's length: wall-clock minutes, or steps where a run must be exact."""

    minutes: float
    steps: int | None = None
    _began: float = field(default_factory=time.monotonic)
    _step: int = 0

    def __iter__(self) -> Iterator[float]:
        """The share of the budget that is used up, before each step."""
        while True:
            share = (
                self._step / self.steps
                if self.steps
                else (time.monotonic() - self._began) / (60 * self.minutes)
            )
            if share >= 1:
                return
            yield share
            self._step += 1

    @property
    def step(self) -> int:
        return self._step


def schedule(optimiser: torch.optim.Optimizer, share: float, peak: float, step: int) -> None:
    """Cosine decay over the budget after a hundred steps of warming up."""
    rate = peak * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * share)) + 1e-6
    for group in optimiser.param_groups:
        group["lr"] = rate


class Average:
    """Exponential average of a network's weights (Polyak and Juditsky, 1992)."""

    def __init__(self, average: nn.Module, network: nn.Module, decay: float = 0.998) -> None:
        average.load_state_dict(network.state_dict())
        self.network = average.eval()
        self._decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        decay = min(self._decay, (step + 1) / (step + 20))
        for kept, new in zip(
            self.network.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)


def descend(network: nn.Module, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step down."""
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    optimiser.step()


def device() -> torch.device:
    """A GPU where there is one: the same scripts run on both."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True, slots=True)
class Log:
    """One JSON line per report."""

    path: Path

    @classmethod
    def start(cls, folder: Path, name: str) -> Log:
        folder.mkdir(parents=True, exist_ok=True)
        log = cls(folder / f"{name}.jsonl")
        log.path.write_text("")
        return log

    def write(self, **facts: Any) -> None:
        line = json.dumps(facts)
        print(line, flush=True)
        with self.path.open("a") as file:
            file.write(line + "\n")


def keep_log(folder: Path, name: str, kept: Path) -> None:
    """Copy a run's log to where cards quote it from."""
    kept.mkdir(parents=True, exist_ok=True)
    (kept / f"{name}.jsonl").write_text((folder / f"{name}.jsonl").read_text())


@dataclass(frozen=True, slots=True)
class Stage:
    """One run of a package's ``train`` module."""

    name: str
    minutes: float
    arguments: tuple[str, ...] = ()


def pipeline(package: str, text: str, plan: Sequence[Stage], *, then: Sequence[str] = ()) -> None:
    """Train all stages of a package, keep their logs, evaluate, write card and files.

    Parameters
    ----------
    text
        What ``--help`` says.
    then
        Modules to run between the last stage and the evaluation.
    """
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path, required=True)
    parser.add_argument("--scale", type=float, default=1.0, help="of all training times")
    chosen = parser.parse_args()
    places = ("--shared", str(chosen.shared), "--extra", str(chosen.extra))

    def run(module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", f"training.{package}.{module}", *arguments]
        subprocess.run(command, check=True)

    for stage in plan:
        minutes = str(stage.minutes * chosen.scale)
        run("train", *places, "--name", stage.name, "--minutes", minutes, *stage.arguments)
        keep_log(RUNS / package, stage.name, Path("training") / package / "logs")
    for module in then:
        run(module)
    run("evaluate", *places)
    run("card")
