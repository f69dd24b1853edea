"""ONNX Runtime against the torch back end, batches against single films: the same network, weights,
tiles and processor."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from cxr_agent.models.runtime.device import CPU
from cxr_agent.models.runtime.network import Network
from cxr_agent.models.runtime.onnx import OnnxNetwork, session_of
from cxr_agent.models.runtime.torch_backend import TorchNetwork
from cxr_agent.models.store import load_card, verified_weights

_RUNS = 9
_BATCH = 8


def rows() -> list[tuple[str, str]]:
    """What the table shows."""
    card = load_card("anatomy")
    size = card.input_size
    tiles = np.random.default_rng(0).normal(0, 1, (_BATCH, 1, size, size)).astype(np.float32)
    onnx, torch = OnnxNetwork(card), TorchNetwork(card, CPU)
    session = session_of(verified_weights(card), card.id)  # what runs a batch as a batch

    def alone(network: Network) -> Callable[[], None]:
        def run() -> None:
            for tile in tiles:
                network.run(tile[None])

        return run

    onnx_alone, onnx_given, onnx_batch, torch_alone, torch_batch = in_turns(
        alone(onnx),
        lambda: onnx.run(tiles),
        lambda: session.run(None, {session.get_inputs()[0].name: tiles}),
        alone(torch),
        lambda: torch.run(tiles),
    )
    return [
        (
            "one film through the network in ONNX Runtime",
            f"{1000 * statistics.median(onnx_alone) / _BATCH:.0f} ms",
        ),
        ("the torch back end over ONNX Runtime, one by one", ratio(torch_alone, onnx_alone)),
        (
            f"a batch of {_BATCH} over one by one: ONNX Runtime, torch",
            f"{ratio(onnx_batch, onnx_alone)}, {ratio(torch_batch, torch_alone)}",
        ),
        (
            f"{_BATCH} tiles given at once to the back end, which runs them one by one",
            ratio(onnx_given, onnx_alone),
        ),
    ]


def in_turns(*functions: Callable[[], object]) -> list[list[float]]:
    """Seconds of each; they take turns, so a drift of the machine hits all."""
    seconds: list[list[float]] = [[] for _ in functions]
    for run in range(_RUNS + 1):
        for measured, function in zip(seconds, functions, strict=True):
            began = time.perf_counter()
            function()
            if run:  # the first one warms up
                measured.append(time.perf_counter() - began)
    return seconds


def ratio(one: list[float], other: list[float]) -> str:
    return f"{statistics.median(a / b for a, b in zip(one, other, strict=True)):.2f} : 1"
