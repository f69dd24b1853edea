"""The benchmark of a GPU: that it runs at all, and measures what a reading does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks import gpu
from benchmarks.batch import noted
from benchmarks.films import write_film
from benchmarks.gpu_paths import CALLS, EXPLAINED
from benchmarks.gpu_usage import read_usage
from cxr_agent.reading import Agent


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_it_runs_on_a_cpu_and_says_that_this_says_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gpu.main(["--device", "cpu", "--quick"])
    told = capsys.readouterr().out
    assert "This is a CPU: the figures say nothing about a GPU." in told
    assert "gathered over the bare loop (limit 0.90)" in told
    assert "films a second" in told


def test_nothing_but_a_gpus_figures_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "gpu.md"
    page.write_text("as it was")
    with pytest.raises(SystemExit):
        gpu.main(["--device", "cpu", "--quick", "--write", str(page)])
    assert "on a GPU" in capsys.readouterr().err
    assert page.read_text() == "as it was"


def test_what_is_kept_takes_the_place_of_what_was_measured_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "gpu.md"
    page.write_text("# GPU\n\nHow.\n\n## Measured\n\nNothing yet.\n")
    gpu.keep(page, "| fast |\n")
    gpu.keep(page, "| faster |\n")
    assert page.read_text() == "# GPU\n\nHow.\n\n## Measured\n\n| faster |\n"


def test_usage_is_read_up_to_a_torn_line() -> None:
    assert read_usage("40, 1000\n80, 3000\n9") == ", GPU busy 60 % of the time, 3000 MiB"
    assert read_usage("[N/A], 3\n") == ""
    assert read_usage("") == ""


def test_the_runs_are_those_of_a_reading(tmp_path: Path) -> None:
    with noted() as runs, Agent(traces=tmp_path, model="none", device="cpu") as agent:
        agent.read(write_film(tmp_path, 512))
        calls = sorted((model, len(tiles)) for model, tiles in runs)
    assert sorted({*calls} - {EXPLAINED}) == sorted(CALLS)
    assert len([call for call in calls if call != EXPLAINED]) == len(CALLS)
