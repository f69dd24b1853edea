"""What machine this is, and how busy its GPU was."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Final

import torch

from cxr_agent.models.runtime.device import Device, describe

_EVERY_MS: Final = 100
_END_S: Final = 10.0


class GpuUsage(AbstractContextManager["GpuUsage"]):
    """Asks the driver ten times a second while the block runs.

    What ``nvidia-smi`` calls utilisation is the share of time in which anything at all ran on the
    GPU; it does not tell how much of the GPU that took.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._asked: subprocess.Popen[str] | None = None
        self._text = ""

    def __enter__(self) -> GpuUsage:
        tool = shutil.which("nvidia-smi")
        if self._device.kind == "cuda" and tool is not None:
            query = "--query-gpu=utilization.gpu,memory.used"
            form = "--format=csv,noheader,nounits"
            index = f"--id={self._device.index}"
            self._asked = subprocess.Popen(
                [tool, query, form, index, f"--loop-ms={_EVERY_MS}"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._asked is not None:
            self._asked.terminate()
            self._text = self._asked.communicate(timeout=_END_S)[0]

    @property
    def told(self) -> str:
        """Mean utilisation and most memory; empty where nothing is known."""
        return read_usage(self._text)


def read_usage(text: str) -> str:
    """Lines of ``utilisation, MiB`` in words; the last one may be torn."""
    seen = [
        (int(first), int(second))
        for line in text.splitlines()
        for first, _, second in [line.partition(", ")]
        if first.isdigit() and second.isdigit()
    ]
    if not seen:
        return ""
    busy = statistics.fmean(percent for percent, _ in seen)
    return f", GPU busy {busy:.0f} % of the time, {max(mib for _, mib in seen)} MiB"


def machine(device: Device) -> str:
    """One line on what the figures were measured on."""
    parts = [describe(device)]
    if device.kind == "cuda":
        parts += [f"{_processor()}, {os.cpu_count()} cores", f"CUDA {torch.version.cuda}"]
    else:
        parts.append(_processor())
    parts += [f"torch {torch.__version__}", f"Python {platform.python_version()}"]
    return "; ".join(parts)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
