"""Networks in torch: the back end of a GPU, and the only module of a reading that loads torch.

The weights are the same as in ONNX Runtime. A GPU copies beside what it computes, but only from and
to memory that the system does not move (pinned), and only in another stream than the one that
computes: so each run has a stream to itself. What a GPU alone takes (autocast, streams, pinned
memory, its memory being full) was tested with fakes in place of ``torch.cuda``; the rest was tested
on the CPU.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cxr_agent.errors import ModelError
from cxr_agent.models.card import ModelCard
from cxr_agent.models.runtime.device import Device
from cxr_agent.models.runtime.network import Arrays
from cxr_agent.models.store import verified_weights

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class TorchNetwork:
    """A :class:`~cxr_agent.models.runtime.network.Network` in torch, channels last.

    On a GPU it runs in half precision where torch's autocast holds that for safe, and what runs at
    the same time is copied and computed side by side.

    Raises
    ------
    ModelError
        ``weights_missing``, ``weights_damaged``; ``unknown_architecture``.
    MemoryError
        The device has no room for the weights.
    """

    def __init__(self, card: ModelCard, device: Device) -> None:
        self._card = card
        self._on_gpu = device.kind == "cuda"
        self._place = _place(device)
        network = _build(card)
        try:
            self._network = self._moved(network)
            return
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise
        self._give_back()
        raise MemoryError(f"no memory to load {card.id}")

    @property
    def card(self) -> ModelCard:
        return self._card

    def run(self, tiles: Arrays) -> dict[str, Arrays]:
        """As :meth:`cxr_agent.models.runtime.network.Network.run`."""
        try:
            return self._run(tiles)
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise
        # Only here, past the error and its frames, is the memory of the failed run free.
        self._give_back()
        raise MemoryError(f"no memory for {len(tiles)} tiles of {self._card.id}")

    def _moved(self, network: nn.Module) -> nn.Module:
        import torch

        network.eval().requires_grad_(False).to(self._place)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self._on_gpu:
            torch.cuda.synchronize(self._place)  # runs are in other streams than this copy
        return network

    def _run(self, tiles: Arrays) -> dict[str, Arrays]:
        import torch

        with torch.inference_mode(), self._precision():
            found = self._on_gpu_run(tiles) if self._on_gpu else self._on_cpu_run(tiles)
        return dict(zip(self._card.outputs, found, strict=True))

    def _on_gpu_run(self, tiles: Arrays) -> list[Arrays]:
        with _streams(str(self._place)).one():
            return _fetched(self._outputs(_sent(tiles, self._place)))

    def _on_cpu_run(self, tiles: Arrays) -> list[Arrays]:
        import torch

        outputs = self._outputs(torch.from_numpy(np.ascontiguousarray(tiles)))
        return [output.float().contiguous().numpy() for output in outputs]

    def _outputs(self, batch: Tensor) -> tuple[Tensor, ...]:
        import torch

        outputs: tuple[Tensor, ...] = self._network(
            batch.contiguous(memory_format=torch.channels_last)
        )
        return outputs

    def _precision(self) -> AbstractContextManager[Any]:
        import torch

        if not self._on_gpu:
            return nullcontext()
        return torch.autocast("cuda", dtype=torch.float16)

    def _give_back(self) -> None:
        import torch

        if self._on_gpu:
            torch.cuda.empty_cache()


def cuda_state() -> Literal["ready", "built_without", "no_gpu"]:
    """Whether torch, which must be installed, can use a GPU."""
    import torch

    if torch.cuda.is_available():
        return "ready"
    return "no_gpu" if torch.version.cuda else "built_without"


def cuda_count() -> int:
    """GPUs that torch sees."""
    import torch

    return torch.cuda.device_count()


def cuda_name(device: Device) -> str:
    """What one GPU is called."""
    import torch

    return torch.cuda.get_device_name(device.index)


def cuda_mib(device: Device) -> int:
    """Memory of one GPU in MiB."""
    import torch

    return int(torch.cuda.get_device_properties(device.index).total_memory) // 2**20


def _place(device: Device) -> torch.device:
    import torch

    return torch.device(str(device))


class _Streams:
    """The streams of one GPU; each run has one to itself for as long as it takes.

    As few are made as there were runs at the same time: torch keeps freed memory by stream.
    """

    def __init__(self, place: torch.device) -> None:
        self._place = place
        self._idle: list[Any] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        """A stream for what is done inside the block."""
        import torch

        try:
            stream = self._idle.pop()
        except IndexError:
            stream = torch.cuda.Stream(self._place)  # type: ignore[no-untyped-call]
        try:
            with torch.cuda.stream(stream):
                yield
        finally:
            self._idle.append(stream)


def _sent(tiles: Arrays, place: torch.device) -> Tensor:
    """The tiles on the GPU, or on their way: what is done with them in this stream waits."""
    import torch

    pinned = torch.from_numpy(np.ascontiguousarray(tiles)).pin_memory()
    return pinned.to(place, non_blocking=True)


def _fetched(outputs: Sequence[Tensor]) -> list[Arrays]:
    """What a network gave, as float32 in this machine's memory.

    All outputs are on their way before the first one is waited for.
    """
    import torch

    found: list[Tensor] = []
    for output in outputs:
        host = torch.empty(output.shape, dtype=torch.float32, pin_memory=True)
        found.append(host.copy_(output.float().contiguous(), non_blocking=True))
    torch.cuda.current_stream().synchronize()
    return [host.numpy() for host in found]


@cache
def _streams(place: str) -> _Streams:
    """Shared by all networks of one GPU."""
    import torch

    return _Streams(torch.device(place))


def _build(card: ModelCard) -> nn.Module:
    """The card's network with its weights, see :mod:`cxr_agent.models.networks`."""
    from safetensors.torch import load

    content = verified_weights(card, "safetensors")
    try:
        home = importlib.import_module(f"cxr_agent.models.networks.{card.architecture}")
    except ModuleNotFoundError:
        raise ModelError(
            "unknown_architecture",
            f"there is no architecture {card.architecture} for {card.id}",
            hint="Install the package again.",
        ) from None
    network: nn.Module = home.deployed(card)
    trained: nn.Module = getattr(network, "network", network)
    try:
        trained.load_state_dict(load(content))
    except Exception as error:
        raise ModelError("weights_damaged", f"the weights of {card.id} do not load") from error
    return network


def _out_of_memory(error: RuntimeError) -> bool:
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
