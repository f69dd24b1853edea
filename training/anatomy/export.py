"""From trained weights to the files that ship: ONNX for reading, safetensors for torch.

python -m training.anatomy.export --name final
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from cxr_agent.models.networks.anatomy import INPUT_SIZE, AnatomyNet
from training.anatomy.train import RUNS

WEIGHTS = Path("cxr_agent/models/weights/anatomy")


class Probabilities(nn.Module):
    """The network with its logits turned into probabilities, as the reading path wants them."""

    def __init__(self, network: AnatomyNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, tile: Tensor) -> tuple[Tensor, Tensor]:
        masks, film = self.network(tile)
        return masks.sigmoid(), film.sigmoid()


def load(name: str) -> AnatomyNet:
    """The averaged weights of one run, ready for evaluation."""
    network = AnatomyNet()
    network.load_state_dict(torch.load(RUNS / f"{name}.pt", weights_only=True))
    return network.eval()


def to_onnx(network: AnatomyNet) -> bytes:
    """An ONNX model with input ``tile`` (N, 1, S, S) and outputs ``masks`` and ``film``."""
    buffer = io.BytesIO()
    torch.onnx.export(
        Probabilities(network).eval(),
        (torch.zeros(1, 1, INPUT_SIZE, INPUT_SIZE),),
        buffer,
        input_names=["tile"],
        output_names=["masks", "film"],
        dynamic_axes={"tile": {0: "n"}, "masks": {0: "n"}, "film": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    return buffer.getvalue()


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
