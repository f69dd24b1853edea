"""From a trained network to the files that ship: ONNX for reading, safetensors for torch."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

WEIGHTS = Path("cxr_agent/models/weights")


@dataclass(frozen=True, slots=True)
class Shipped:
    """Names and hashes for the card."""

    weights_file: str
    weights_sha256: str
    safetensors_file: str
    safetensors_sha256: str


def to_onnx(deployed: nn.Module, size: int, outputs: tuple[str, ...]) -> bytes:
    """An ONNX model with input ``tile`` (N, 1, size, size) and the outputs by name."""
    buffer = io.BytesIO()
    torch.onnx.export(
        deployed.eval(),
        (torch.zeros(1, 1, size, size),),
        buffer,
        input_names=["tile"],
        output_names=list(outputs),
        dynamic_axes={name: {0: "n"} for name in ("tile", *outputs)},
        opset_version=17,
        dynamo=False,
    )
    return buffer.getvalue()


def ship(
    model: str, network: nn.Module, deployed: nn.Module, size: int, outputs: tuple[str, ...]
) -> Shipped:
    """Write both files of one model.

    The safetensors file is in half precision: batch norms and small nets lose nothing by it that
    a test can see. The same rounded weights go into the ONNX file.
    """
    folder = WEIGHTS / model
    folder.mkdir(parents=True, exist_ok=True)
    half = {
        key: value.half() if value.dtype.is_floating_point else value
        for key, value in network.state_dict().items()
    }
    safetensors = folder / f"{model}.safetensors"
    save_file(half, safetensors)
    safetensors.chmod(0o644)  # it is written for its owner alone
    network.load_state_dict({key: value.float() for key, value in half.items()})
    onnx = folder / f"{model}.onnx"
    onnx.write_bytes(to_onnx(deployed, size, outputs))
    return shipped(model)


def shipped(model: str) -> Shipped:
    """What :func:`ship` wrote before."""
    folder = WEIGHTS / model
    onnx, safetensors = folder / f"{model}.onnx", folder / f"{model}.safetensors"
    return Shipped(onnx.name, _sha256(onnx), safetensors.name, _sha256(safetensors))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
