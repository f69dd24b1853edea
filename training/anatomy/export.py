"""From trained weights to the files that ship: ONNX for reading, safetensors for torch.

python -m training.anatomy.export --name final
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from cxr_agent.models.networks.anatomy import INPUT_SIZE, OUTPUTS, AnatomyNet, Probabilities
from training import export
from training.anatomy.train import RUNS

WEIGHTS = Path("cxr_agent/models/weights/anatomy")


def load(name: str) -> AnatomyNet:
    """The averaged weights of one run, ready for evaluation."""
    network = AnatomyNet()
    network.load_state_dict(torch.load(RUNS / f"{name}.pt", weights_only=True))
    return network.eval()


def to_onnx(network: AnatomyNet) -> bytes:
    """An ONNX model with input ``tile`` (N, 1, S, S) and outputs ``masks`` and ``film``."""
    return export.to_onnx(Probabilities(network), INPUT_SIZE, OUTPUTS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="final")
    network = load(parser.parse_args().name)
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    (WEIGHTS / "anatomy.onnx").write_bytes(to_onnx(network))
    # Half precision on disk only: batch norms and small nets lose nothing that a test can see.
    half = {
        key: value.half() if value.dtype.is_floating_point else value
        for key, value in network.state_dict().items()
    }
    save_file(half, WEIGHTS / "anatomy.safetensors")
    for path in sorted(WEIGHTS.iterdir()):
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
