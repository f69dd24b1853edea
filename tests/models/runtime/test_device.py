"""Which device a text stands for. No GPU takes part: torch and the system are asked by fakes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cxr_agent.errors import ModelError, UsageError
from cxr_agent.models.runtime import device
from cxr_agent.models.runtime.device import CPU, Device, choose, describe, unused_gpu

from .fakes import FakeGpu, hide_gpu, show_gpu


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_gpu(monkeypatch)


@pytest.fixture
def torch_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    show_gpu(monkeypatch)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    show_gpu(monkeypatch)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeGpu(count=2).install(monkeypatch)


@given(st.text(max_size=12))
def test_anything_else_is_a_usage_error(text: str) -> None:
    assume(text not in ("auto", "cpu") and not text.startswith("cuda"))
    with pytest.raises(UsageError) as caught:
        choose(text)
    assert caught.value.code == "bad_device"


@pytest.mark.parametrize("text", ["gpu", "cuda:", "cuda:-1", "CPU", "cpu:0", "cuda:0 ", "cuda:٣"])
def test_near_misses(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose(text)
    assert caught.value.code == "bad_device"
    assert "cuda:N" in caught.value.hint


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu() -> None:
    assert choose("cpu") == choose("auto") == CPU
    assert unused_gpu("auto") is None
    assert unused_gpu("cpu") is None
    for text in ("cuda", "cuda:1"):
        with pytest.raises(ModelError) as caught:
            choose(text)
        assert caught.value.code == "device_unavailable"
        assert "--device cpu" in caught.value.hint


@pytest.mark.usefixtures("two_gpus")
def test_with_two_gpus() -> None:
    assert choose("auto") == choose("cuda") == Device("cuda", 0)
    assert choose("cuda:1") == Device("cuda", 1)
    assert choose("cpu") == CPU
    assert str(choose("cuda:1")) == "cuda:1"
    with pytest.raises(ModelError) as caught:
        choose("cuda:2")
    assert caught.value.code == "device_unavailable"
    assert "2 GPUs are here" in caught.value.message
    assert unused_gpu("auto") is None


@pytest.mark.usefixtures("two_gpus")
def test_devices_for_people() -> None:
    assert describe(Device("cuda", 1)) == "cuda:1, Fake 1, 8192 MiB"
    assert describe(CPU) == f"CPU, {os.cpu_count()} cores"


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_that_was_not_asked_for() -> None:
    assert "asked for is cpu" in (unused_gpu("cpu") or "")


@pytest.mark.parametrize(
    ("state", "why"),
    [("no_torch", "torch is not installed"), ("torch_without_cuda", "built without CUDA")],
)
def test_a_gpu_that_cannot_be_used(state: str, why: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(state)
    assert choose("auto") == CPU
    line = unused_gpu("auto")
    assert line is not None
    assert why in line
    assert "\n" not in line
    with pytest.raises(ModelError) as caught:
        choose("cuda")
    assert caught.value.code == "device_unavailable"
    assert why in caught.value.message
    assert caught.value.hint


@pytest.mark.usefixtures("torch_without_cuda")
def test_a_gpu_that_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert "finds no GPU that works" in (unused_gpu("auto") or "")


@pytest.mark.parametrize("hidden", ["", "-1"])
@pytest.mark.usefixtures("two_gpus")
def test_gpus_that_the_user_hides(hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert choose("auto") == CPU
    assert "CUDA_VISIBLE_DEVICES" in (unused_gpu("auto") or "")


@pytest.mark.usefixtures("no_gpu")
def test_the_driver_alone_is_a_sign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(device, "_device_nodes", list)
    monkeypatch.setattr(device.shutil, "which", lambda name: None)
    (tmp_path / "libcuda.so.1").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{os.pathsep}{tmp_path}")
    assert "NVIDIA driver is here" in (unused_gpu("cpu") or "")


def test_without_a_gpu_torch_is_not_imported() -> None:
    code = (
        "import sys\n"
        "from cxr_agent.models.runtime.device import choose, unused_gpu\n"
        "assert str(choose('auto')) == str(choose('cpu')) == 'cpu'\n"
        "unused_gpu('auto')\n"
        "assert 'torch' not in sys.modules"
    )
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run([sys.executable, "-c", code], env=hidden, check=True)
