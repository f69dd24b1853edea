"""``--device``: what it takes, and what is said about it on standard error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxr_agent.trace import RunStarted, ToolReturned, list_traces, read_trace

from .program import Films, run_program

HIDDEN = {"CUDA_VISIBLE_DEVICES": ""}
"""Whatever GPU the tests meet, torch shall not use it."""
NOTE = "cxr-agent: note: "
GPU_HERE = """
import pathlib
from cxr_agent.models.runtime import device
device._device_nodes = lambda: [pathlib.Path("/dev/nvidia0")]
from cxr_agent.cli.main import run
run()
"""
NO_TORCH = """
import sys
from cxr_agent.cli.main import _run
status = _run()
assert "onnxruntime" in sys.modules
assert not {"torch", "transformers", "monai"} & set(sys.modules)
sys.exit(status)
"""


def commands(films: Films, folder: Path) -> dict[str, list[str]]:
    film = str(films["grey8.png"])
    return {
        "read": ["read", film],
        "segment": ["segment", film, "--out", str(folder / "masks")],
        "demo": ["demo", film, "--html", str(folder / "demo.html")],
        "doctor": ["doctor", "--no-speed"],
    }


@pytest.mark.parametrize("command", ["read", "segment", "demo", "doctor"])
def test_what_is_no_device(command: str, films: Films, tmp_path: Path) -> None:
    arguments = [*commands(films, tmp_path)[command], "--device", "tpu"]
    ran = run_program(*arguments, traces=tmp_path / "traces")
    assert (ran.status, ran.errors) == (2, [("", "bad_device")])
    assert "cuda:N" in ran.err
    assert not ran.out


@pytest.mark.parametrize("command", ["read", "segment", "demo", "doctor"])
def test_a_gpu_that_is_not_there(command: str, films: Films, tmp_path: Path) -> None:
    arguments = [*commands(films, tmp_path)[command], "--device", "cuda"]
    ran = run_program(*arguments, traces=tmp_path / "traces", env=HIDDEN)
    assert (ran.status, ran.errors) == (6, [("", "device_unavailable")])
    assert "\n  next: " in ran.err


@pytest.mark.parametrize("command", ["read", "segment", "demo", "doctor"])
def test_the_cpu(command: str, films: Films, tmp_path: Path) -> None:
    arguments = [*commands(films, tmp_path)[command], "--device", "cpu"]
    ran = run_program(*arguments, traces=tmp_path / "traces")
    assert ran.status == 0, ran.err
    if command == "doctor":
        assert "\nDevice\n  CPU, " in ran.out


def test_the_device_stands_in_the_trace(films: Films, tmp_path: Path) -> None:
    assert run_program("read", films["grey8.png"], traces=tmp_path, env=HIDDEN).status == 0
    (header,) = list_traces(tmp_path)
    started = read_trace(header.directory).events[0]
    assert isinstance(started, RunStarted)
    assert started.config["device"] == "cpu"
    assert started.config["notices"] == []
    assert "torch" not in started.versions


@pytest.mark.parametrize("command", ["read", "segment"])
def test_a_gpu_that_lies_idle_is_told_once(command: str, films: Films, tmp_path: Path) -> None:
    arguments = [*commands(films, tmp_path)[command], str(films["grey16.png"]), "--device", "cpu"]
    ran = run_program(*arguments, traces=tmp_path / "traces", start=("-c", GPU_HERE))
    assert ran.status == 0, ran.err
    notes = [line for line in ran.err.splitlines() if line.startswith(NOTE)]
    assert notes == [
        f"{NOTE}an NVIDIA GPU is here and not used, because the device asked for is cpu"
    ]


def test_doctor_gives_an_idle_gpu_as_advice(films: Films, tmp_path: Path) -> None:
    arguments = ("doctor", "--no-speed", "--json", "--device", "cpu")
    told = run_program(*arguments, traces=tmp_path, start=("-c", GPU_HERE)).json
    assert any("NVIDIA GPU is here and not used" in line for line in told["advice"])


def test_a_budget_that_is_too_small_is_told_and_traced(films: Films, tmp_path: Path) -> None:
    small = {"CXR_AGENT_MEMORY_MIB": "5"}
    twice = [str(films["grey8.png"])] * 2
    ran = run_program("read", *twice, "--json", "--device", "cpu", traces=tmp_path, env=small)
    assert ran.status == 0, ran.err
    assert len(json.loads(ran.out)) == 2
    models = ("view", "anatomy", "embedding", "findings")
    for note, model in zip(ran.err.splitlines(), models, strict=True):
        assert note.startswith(f"{NOTE}{model} takes ")
    # In the run in which it came up with the step, in the next among what held from the start.
    second, first = (read_trace(header.directory) for header in list_traces(tmp_path))
    codes = [event.codes for event in first.events if isinstance(event, ToolReturned)]
    over = ("over_budget",)
    assert codes == [over, over, (), over, over, (), (), (), (), ()]
    assert not any(event.codes for event in second.events if isinstance(event, ToolReturned))
    started = second.events[0]
    assert isinstance(started, RunStarted)
    assert [notice["code"] for notice in started.config["notices"]] == ["over_budget"] * 4


def test_what_is_no_budget(films: Films, tmp_path: Path) -> None:
    wrong = {"CXR_AGENT_MEMORY_MIB": "lots"}
    ran = run_program("read", films["grey8.png"], traces=tmp_path, env=wrong)
    assert (ran.status, ran.errors) == (2, [("", "bad_memory")])


@pytest.mark.parametrize("command", ["read", "segment"])
def test_a_reading_on_the_cpu_imports_no_torch(command: str, films: Films, tmp_path: Path) -> None:
    arguments = commands(films, tmp_path)[command]
    ran = run_program(*arguments, traces=tmp_path / "t", start=("-c", NO_TORCH), env=HIDDEN)
    assert ran.status == 0, ran.err
