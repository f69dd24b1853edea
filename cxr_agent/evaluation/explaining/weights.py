"""The findings network as an ONNX file whose weights can be redrawn, block by block.

On the file that runs, not on a copy in another framework: what is tested is what is shipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import ConfigError
from cxr_agent.models.card import ModelCard
from cxr_agent.models.runtime.onnx import OnnxNetwork
from cxr_agent.study import FloatImage

if TYPE_CHECKING:
    from onnx import ModelProto

_BLOCK: Final = re.compile(r"(.*?/blocks\.\d+)/")
_WEIGHTED: Final = ("Conv", "Gemm", "MatMul")
Maps = NDArray[np.float32]
"""(N, K, s, s): of N films and K findings."""
MAPS: Final = "maps"
"""The output whose last layer is the head."""


@dataclass(frozen=True, slots=True)
class Block:
    """Layers that belong together: a residual block, or a layer by itself."""

    name: str
    tensors: tuple[str, ...]
    """Weights and biases."""


def blocks(content: bytes) -> tuple[Block, ...]:
    """Blocks with weights, from the output to the input, as a cascade takes them.

    Raises
    ------
    ConfigError
        ``onnx_missing``.
    """
    graph = _loaded(content).graph
    weights = {tensor.name for tensor in graph.initializer}
    found: dict[str, list[str]] = {}
    # Nodes stand in the order in which they run (ONNX IR specification, Graphs).
    for node in reversed(graph.node):
        mine = [name for name in node.input if name in weights]
        if node.op_type in _WEIGHTED and mine:
            found.setdefault(_block(node.name), []).extend(mine)
    return tuple(Block(name, tuple(tensors)) for name, tensors in found.items())


def _block(node: str) -> str:
    """The block that a node belongs to, by the name that torch's export gives it."""
    inside = _BLOCK.match(node)
    return (inside[1] if inside else node).strip("/")


def redrawn(content: bytes, some: Iterable[Block], dice: np.random.Generator) -> bytes:
    """The file with the weights of some blocks redrawn.

    Each tensor is redrawn from a normal distribution around 0 whose deviation is the tensor's root
    mean square: the network keeps its range and nothing of what was learnt, not even a mean that
    would let all that is bright or dark through as before.
    """
    from onnx import numpy_helper

    model = _loaded(content)
    wanted = {name for block in some for name in block.tensors}
    for tensor in model.graph.initializer:
        if tensor.name in wanted:
            values = numpy_helper.to_array(tensor)
            size = float(np.sqrt((values.astype(np.float64) ** 2).mean()))
            drawn = dice.normal(0, size, values.shape).astype(values.dtype)
            tensor.CopyFrom(numpy_helper.from_array(drawn, tensor.name))
    data: bytes = model.SerializeToString()
    return data


def features(content: bytes, card: ModelCard, tiles: FloatImage) -> FloatImage:
    """(N, C, s, s) what the last layer, which makes the maps, looks at.

    Parameters
    ----------
    tiles
        (N, S, S) as the network sees them.
    """
    from onnx import TensorProto, helper

    model = _loaded(content)
    (head,) = [node for node in model.graph.node if MAPS in node.output]
    model.graph.output.append(helper.make_tensor_value_info(head.input[0], TensorProto.FLOAT, None))
    network = OnnxNetwork(
        card.model_copy(update={"outputs": (head.input[0],)}),
        model.SerializeToString(),
        threads=1,
    )
    return network.run(tiles[:, None])[head.input[0]]


def maps_of(content: bytes, card: ModelCard, tiles: FloatImage) -> Maps:
    """(N, L, s, s) the maps that a file gives."""
    return OnnxNetwork(card, content, threads=1).run(tiles[:, None])[MAPS]


def _loaded(content: bytes) -> ModelProto:
    try:
        import onnx
    except ModuleNotFoundError:
        raise ConfigError(
            "onnx_missing",
            "redrawing the weights of a network needs onnx",
            hint='pip install "cxr-agent[eval]"',
        ) from None
    model: Any = onnx.load_from_string(content)
    return model  # type: ignore[no-any-return]
