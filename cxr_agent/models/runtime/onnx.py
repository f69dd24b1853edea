"""ONNX Runtime on the CPU: the back end of a reading without a GPU. No torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from cxr_agent.errors import ModelError
from cxr_agent.models.card import ModelCard
from cxr_agent.models.runtime.network import Arrays
from cxr_agent.models.runtime.onnx_check import require_plain
from cxr_agent.models.store import verified_weights

_SILENT: Final = 4
"""Level of its log. It would write errors to stderr that are raised as well."""
_FULL_MEMORY: Final = ("bad_alloc", "Failed to allocate memory")
"""How ONNX Runtime's own exceptions tell of it: they have no class for it (1.32)."""


class OnnxNetwork:
    """A :class:`~cxr_agent.models.runtime.network.Network` in ONNX Runtime.

    Parameters
    ----------
    card
        Of the model.
    weights
        An ONNX file in place of the embedded one: training evaluates its runs this way.
    threads
        Threads of one run; None leaves the choice to ONNX Runtime.

    Raises
    ------
    ModelError
        ``weights_missing``; ``weights_damaged``, also where the outputs are not the card's;
        ``onnx_refused`` where ``weights`` is no plain network.
    """

    def __init__(
        self, card: ModelCard, weights: bytes | None = None, *, threads: int | None = None
    ) -> None:
        self._card = card
        if weights is None:
            content = verified_weights(card)
        else:
            content = weights
            require_plain(content, f"the file in place of {card.id}")
        self._session = session_of(content, f"the weights of {card.id}", threads=threads)
        self._input = self._session.get_inputs()[0].name
        if not set(card.outputs) <= {output.name for output in self._session.get_outputs()}:
            raise ModelError(
                "weights_damaged", f"the weights of {card.id} lack an output that its card names"
            )

    @property
    def card(self) -> ModelCard:
        return self._card

    def run(self, tiles: Arrays) -> dict[str, Arrays]:
        """As :meth:`cxr_agent.models.runtime.network.Network.run`; tile by tile.

        Several at once gain nothing on a CPU and take the memory of several
        (``benchmarks/runtimes.py``).
        """
        try:
            return self._run(tiles)
        except Exception as error:
            if _out_of_memory(error):
                raise MemoryError(f"no memory for {len(tiles)} tiles of {self._card.id}") from error
            raise

    def _run(self, tiles: Arrays) -> dict[str, Arrays]:
        names = self._card.outputs
        first = self._session.run(list(names), {self._input: tiles[:1]})
        # Arrays of our own, because those outputs belong to the session and would keep it alive.
        found = {}
        for name, output in zip(names, first, strict=True):
            found[name] = np.empty((len(tiles), *output.shape[1:]), dtype=np.float32)
            found[name][:1] = output
        if len(tiles) > 1:
            self._run_others(np.ascontiguousarray(tiles, dtype=np.float32), found)
        return found

    def _run_others(self, tiles: Arrays, found: dict[str, Arrays]) -> None:
        """Let the network write what it makes of all tiles but the first to their places."""
        binding = self._session.io_binding()
        for index in range(1, len(tiles)):
            _bind(binding.bind_input, self._input, tiles[index : index + 1])
            for name, array in found.items():
                _bind(binding.bind_output, name, array[index : index + 1])
            self._session.run_with_iobinding(binding)


def session_of(content: bytes, name: str, *, threads: int | None = None) -> Any:
    """An ONNX Runtime session on the CPU.

    Parameters
    ----------
    content
        A file whose hash is known, or that
        :func:`~cxr_agent.models.runtime.onnx_check.require_plain` let through.
    name
        For errors.
    threads
        As of :class:`OnnxNetwork`.

    Raises
    ------
    ModelError
        ``weights_damaged``.
    MemoryError
        There is not enough to load it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    # A thread that waits for work in a loop takes the core that another process, or Python
    # itself, could work on: two readings side by side took twice as long.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _SILENT
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if _out_of_memory(error):
            raise MemoryError(f"no memory to load {name}") from error
        raise ModelError("weights_damaged", f"{name} cannot be loaded") from error


def _bind(bind: Callable[..., None], name: str, array: Arrays) -> None:
    bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)


def _out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in _FULL_MEMORY)
