"""Which processor runs the networks.

A reading on the CPU must stay light, so torch is asked only where a GPU can be there at all. The
paths that a GPU takes were tested with fakes in place of torch and the driver, not on one.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from cxr_agent.errors import ModelError, UsageError

CHOICES: Final = "auto, cpu, cuda or cuda:N"
_FORM: Final = re.compile(r"auto|cpu|cuda(?::([0-9]{1,3}))?")
_INSTALL: Final = 'pip install "cxr-agent[gpu]"'


@dataclass(frozen=True, slots=True)
class Device:
    """One processor; its text is what ``--device`` takes."""

    kind: Literal["cpu", "cuda"]
    index: int = 0
    """Of the GPU."""

    def __str__(self) -> str:
        return "cpu" if self.kind == "cpu" else f"cuda:{self.index}"


CPU: Final = Device("cpu")


def choose(text: str) -> Device:
    """The device that ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` stands for on this machine.

    Raises
    ------
    UsageError
        ``bad_device``: none of these.
    ModelError
        ``device_unavailable``: a GPU was asked for and cannot be used.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise UsageError("bad_device", f"{text!r} is no device", hint=f"Give {CHOICES}.")
    if text == "cpu":
        return CPU
    why = _why_no_gpu()
    if text == "auto":
        return CPU if why else Device("cuda")
    if why:
        raise ModelError("device_unavailable", f"{text} cannot be used: {why[0]}", hint=why[1])
    index, count = int(form[1] or 0), _gpus()
    if index >= count:
        raise ModelError(
            "device_unavailable",
            f"{text} cannot be used: {_number(count)} here, counted from cuda:0",
            hint="Give a lower number, or --device auto.",
        )
    return Device("cuda", index)


def describe(device: Device) -> str:
    """One device for people."""
    if device.kind == "cpu":
        return f"CPU, {os.cpu_count() or 1} cores"
    from cxr_agent.models.runtime.torch_backend import cuda_mib, cuda_name

    return f"{device}, {cuda_name(device)}, {cuda_mib(device)} MiB"


def memory_mib(gpu: Device) -> int:
    """Memory of a GPU, in MiB."""
    from cxr_agent.models.runtime.torch_backend import cuda_mib

    return cuda_mib(gpu)


def unused_gpu(asked: str = "auto") -> str | None:
    """One line on a GPU that is here and not used, and why; None where there is nothing to say."""
    present = _signs_of_gpu()
    if present is None:
        return None
    if asked == "cpu":
        return f"{present} is here and not used, because the device asked for is cpu"
    why = _why_no_gpu()
    return f"{present} is here and not used: {why[0]}. {why[1]}" if why else None


def _why_no_gpu() -> tuple[str, str] | None:
    """Why no GPU can be used, and what to do about it; None where one can."""
    if _signs_of_gpu() is None:
        return "no NVIDIA GPU or driver is here", "Take --device cpu or auto."
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides it", "Unset CUDA_VISIBLE_DEVICES."
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed", f"{_INSTALL} installs it."
    from cxr_agent.models.runtime.torch_backend import cuda_state

    match cuda_state():
        case "ready":
            return None
        case "built_without":
            return "torch was built without CUDA", "Install a CUDA build of torch: see pytorch.org."
        case "no_gpu":
            return "torch finds no GPU that works", "See whether nvidia-smi runs."


def _signs_of_gpu() -> str | None:
    """What speaks for a GPU, found without loading any library."""
    if any(_device_nodes()):
        return "an NVIDIA GPU"
    if shutil.which("nvidia-smi") is not None or _driver_library():
        return "an NVIDIA driver"
    return None


def _device_nodes() -> list[Path]:
    """GPUs as Linux shows them; ``dxg`` is how Windows' subsystem for Linux does."""
    root = Path("/dev")
    return [*root.glob("nvidia[0-9]*"), *root.glob("dxg")]


def _driver_library() -> bool:
    folders = ("/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")
    searched = [*os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep), *folders]
    return any((Path(folder) / "libcuda.so.1").exists() for folder in searched if folder)


def _gpus() -> int:
    from cxr_agent.models.runtime.torch_backend import cuda_count

    return cuda_count()


def _number(gpus: int) -> str:
    return "one GPU is" if gpus == 1 else f"{gpus} GPUs are"
