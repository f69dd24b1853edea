"""ONNX Runtime against eager torch: the same network, weights, tile and threads."""

from __future__ import annotations

import statistics
import time

import numpy as np

from cxr_agent.models.shelf import Shelf

_RUNS = 15


def rows() -> list[tuple[str, str]]:
    """What the table shows; the two take turns, so a drift of the machine hits both."""
    import torch

    from cxr_agent.models.networks.anatomy import AnatomyNet

    model = Shelf().anatomy()
    network = AnatomyNet().eval()
    size = model.card.input_size
    tile = np.random.default_rng(0).normal(0, 1, (size, size)).astype(np.float32)
    tensor = torch.from_numpy(tile)[None, None]
    ratios, onnx_times = [], []
    for run in range(_RUNS + 2):
        began = time.perf_counter()
        model.predict(tile)
        onnx = time.perf_counter() - began
        began = time.perf_counter()
        with torch.inference_mode():
            network(tensor)
        eager = time.perf_counter() - began
        if run >= 2:
            ratios.append(eager / onnx)
            onnx_times.append(onnx)
    return [
        ("the network in ONNX Runtime", f"{1000 * statistics.median(onnx_times):.0f} ms"),
        ("eager torch over ONNX Runtime", f"{statistics.median(ratios):.2f} : 1"),
    ]
