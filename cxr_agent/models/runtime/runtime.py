"""One place that loads networks, on one device, under one memory budget."""

from __future__ import annotations

import os
import threading
from typing import ClassVar, Final

from cxr_agent.errors import ModelError
from cxr_agent.models.card import ModelCard
from cxr_agent.models.runtime.batching import Batches
from cxr_agent.models.runtime.device import Device, choose
from cxr_agent.models.runtime.gathering import Gathering
from cxr_agent.models.runtime.memory import MemoryBudget, limit_mib
from cxr_agent.models.runtime.network import Arrays, Network
from cxr_agent.models.runtime.notice import Notice, NoticeCode
from cxr_agent.models.store import WeightsForm, load_card

_PIXELS: Final = 32 * 384**2
_MOST: Final = 64
"""Of one batch to begin with: pixels, and tiles where these are small. ONNX Runtime is given the
tiles of a batch one by one."""
_AT_ONCE: Final = 2
"""Runs of a GPU at the same time: one computes while what the other takes or gives is copied.
Half precision makes the two together as large as the estimate below says of one."""
_WEIGHTS: Final = 4
_BYTES_PER_PIXEL: Final = 300
"""What a loaded network takes, in copies of its float32 weights (as stored, as laid out for the
processor, in between) and in bytes per pixel of a batch. From the resident memory of the anatomy
model in ONNX Runtime: 49 MiB when loaded, 95 MiB with one film, 40 MiB for each further one."""


class Runtime:
    """Loads networks when they are first run and keeps them while the memory budget allows.

    Safe to share between threads.

    Parameters
    ----------
    device
        ``auto`` (a GPU where one can be used), ``cpu``, ``cuda`` or ``cuda:N``.
    threads
        Threads of one run on the CPU; None leaves the choice to ONNX Runtime.
    memory_mib
        MiB for all networks together; without it ``CXR_AGENT_MEMORY_MIB``, and without that half
        of the machine's memory, or four fifths of the GPU's.
    gathers
        Whether threads that run the same model at about the same time share its runs; by default
        on a GPU only, because a CPU gains nothing by larger batches.

    Raises
    ------
    UsageError
        ``bad_device``, ``bad_memory``.
    ModelError
        ``device_unavailable``.
    """

    _shared: ClassVar[dict[tuple[int, Device, int | None, int | None], Runtime]] = {}
    _shared_lock: ClassVar = threading.Lock()

    def __init__(
        self,
        device: str = "auto",
        *,
        threads: int | None = None,
        memory_mib: int | None = None,
        gathers: bool | None = None,
    ) -> None:
        self.device = choose(device)
        self._gathers = self.device.kind == "cuda" if gathers is None else gathers
        self._gathering = Gathering(_AT_ONCE)
        self._threads = threads
        self._lock = threading.Lock()
        self._notices: list[Notice] = []
        self._batches: dict[str, Batches] = {}
        self.memory = MemoryBudget(limit_mib(memory_mib, _default_mib(self.device)), self._over)

    @classmethod
    def shared(
        cls, device: str = "auto", *, threads: int | None = None, memory_mib: int | None = None
    ) -> Runtime:
        """The runtime of this process with these options; made when first asked for."""
        # A forked process gets its own: sessions do not survive a fork.
        key = (os.getpid(), choose(device), threads, limit_mib(memory_mib, None))
        with cls._shared_lock:
            if key not in cls._shared:
                cls._shared[key] = cls(device, threads=threads, memory_mib=memory_mib)
            return cls._shared[key]

    @property
    def form(self) -> WeightsForm:
        """Which of a model's files this device runs."""
        return "safetensors" if self.device.kind == "cuda" else "onnx"

    def weights_sha256(self, card: ModelCard) -> str:
        """Hash of the file that this device runs."""
        return card.safetensors_sha256 if self.form == "safetensors" else card.weights_sha256

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What it did otherwise than asked, oldest first."""
        with self._lock:
            return tuple(self._notices)

    def tell(self, notice: Notice) -> None:
        """Take in what was done otherwise than asked; it is told once."""
        with self._lock:
            if notice not in self._notices:
                self._notices.append(notice)

    def network(self, model: str) -> Network:
        """The network of one embedded model. Its weights are loaded when it is first run.

        Running it raises what loading raises, and ``out_of_memory`` where not even one tile fits.

        Raises
        ------
        ModelError
            ``unknown_model`` or ``bad_card``.
        """
        return _Served(self, load_card(model))

    def run(self, card: ModelCard, tiles: Arrays) -> dict[str, Arrays]:
        """Run any number of tiles through one model; see :meth:`network`.

        On a GPU, threads that do so at about the same time share the runs, see
        :class:`~cxr_agent.models.runtime.gathering.Gathering`.
        """
        # Whoever holds a model must not wait for others: they may wait for its memory.
        if not self._gathers or self.memory.holding:
            return self._run(card, tiles)
        batches = self._batches_of(card)
        return self._gathering.run(
            card.id, tiles, lambda together: self._run(card, together), lambda: batches.size
        )

    def _run(self, card: ModelCard, tiles: Arrays) -> dict[str, Arrays]:
        mib = _estimate_mib(card, 1 if self.form == "onnx" else _most(card))
        with self.memory.held(card.id, lambda: self._load(card), mib) as network:
            return self._batches_of(card).run(network, tiles)

    def _load(self, card: ModelCard) -> Network:
        try:
            if self.device.kind == "cuda":
                from cxr_agent.models.runtime.torch_backend import TorchNetwork

                return TorchNetwork(card, self.device)
            from cxr_agent.models.runtime.onnx import OnnxNetwork

            return OnnxNetwork(card, threads=self._threads)
        except MemoryError:
            raise ModelError(
                "out_of_memory",
                f"the memory of {self.device} does not suffice to load {card.id}",
                hint="Free memory, or take --device cpu if this was a GPU.",
            ) from None

    def _batches_of(self, card: ModelCard) -> Batches:
        """Kept apart from the network: what fitted still holds when it is loaded again."""
        model = card.id
        with self._lock:
            if model not in self._batches:
                self._batches[model] = Batches(
                    _most(card),
                    lambda size: self.tell(Notice(NoticeCode.SMALLER_BATCHES, model, batch=size)),
                )
            return self._batches[model]

    def _over(self, model: str, mib: int) -> None:
        self.tell(Notice(NoticeCode.OVER_BUDGET, model, mib=mib))


class _Served:
    """A network that its runtime loads, keeps and may drop between two runs."""

    def __init__(self, runtime: Runtime, card: ModelCard) -> None:
        self._runtime = runtime
        self._card = card

    @property
    def card(self) -> ModelCard:
        return self._card

    def run(self, tiles: Arrays) -> dict[str, Arrays]:
        return self._runtime.run(self._card, tiles)


def _most(card: ModelCard) -> int:
    """Tiles of one batch to begin with."""
    return max(1, min(_MOST, _PIXELS // card.input_size**2))


def _estimate_mib(card: ModelCard, batch: int) -> int:
    """MiB that a network takes with what its batches leave behind for the next ones."""
    weights = 4 * card.parameters * _WEIGHTS
    return 1 + (weights + _BYTES_PER_PIXEL * card.input_size**2 * batch) // 2**20


def _default_mib(device: Device) -> int:
    if device.kind == "cuda":
        from cxr_agent.models.runtime.torch_backend import cuda_mib

        return cuda_mib(device) * 4 // 5
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**21
