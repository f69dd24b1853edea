"""Four ways of running the networks of a reading on one device: what is compared in gpu.py.

The networks are the embedded ones, with random weights, which cost as much as any others. Nothing
of a reading but its networks runs here, so numpy, torch, pydantic and safetensors suffice.
"""

from __future__ import annotations

import importlib
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from cxr_agent.models.card import ModelCard
from cxr_agent.models.runtime.device import Device
from cxr_agent.models.runtime.gathering import Gathering
from cxr_agent.models.runtime.network import Arrays, Network
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.runtime.torch_backend import TorchNetwork
from cxr_agent.models.store import load_card

CALLS: Final = (("view", 1), ("anatomy", 7), ("embedding", 1), ("findings", 1))
"""Runs of a network that reading a film takes, and their tiles: 7 are the film and its altered
copies. A test holds this against a reading."""
EXPLAINED: Final = ("findings", 18)
"""One more for each finding that is present."""
_EXPLAINED_OF: Final = 2
"""Every second film shows a finding."""
_UNWAITED: Final = 8
"""Batches that follow one another without anybody waiting for their results."""
MODELS: Final = tuple(dict.fromkeys(model for model, _ in CALLS))

Film = list[tuple[str, Arrays]]


def films(count: int, most_px: int) -> list[Film]:
    """Made-up films: the tiles of each run in the order of a reading, of at most ``most_px``."""
    rng = np.random.default_rng(0)
    return [
        [
            (model, rng.normal(size=(tiles, 1, size, size)).astype(np.float32))
            for model, tiles in (*CALLS, *((EXPLAINED,) if number % _EXPLAINED_OF else ()))
            for size in [min(most_px, load_card(model).input_size)]
        ]
        for number in range(count)
    ]


def tiles_of_a_film(model: str) -> float:
    """Tiles of one model that a film takes in the mean."""
    extra = EXPLAINED[1] / _EXPLAINED_OF if model == EXPLAINED[0] else 0.0
    return extra + sum(tiles for name, tiles in CALLS if name == model)


def random_networks(device: Device) -> dict[str, TorchNetwork]:
    """The networks as a reading on a GPU has them."""
    torch.manual_seed(0)
    made = {model: TorchNetwork(load_card(model), device) for model in MODELS}
    for network in made.values():
        for part in network._network.modules():
            if callable(reset := getattr(part, "reset_parameters", None)):
                reset()
    return made


def plain_networks(made: dict[str, TorchNetwork], device: Device) -> dict[str, nn.Module]:
    """The same weights in float32, laid out as torch does by itself."""
    plain = {}
    for model, network in made.items():
        home = importlib.import_module(f"cxr_agent.models.networks.{network.card.architecture}")
        copy: nn.Module = home.deployed(network.card)
        copy.load_state_dict(network._network.state_dict())
        plain[model] = copy.eval().to(torch.device(str(device)))
    return plain


def bare_rate(network: TorchNetwork, tile: Arrays, size: int, seconds: float) -> float:
    """Tiles a second in batches of ``size``, from this machine's memory and back to it.

    Parameters
    ----------
    tile
        (1, S, S), of which the batch is made.
    """
    tiles = np.repeat(tile[None], size, axis=0)
    return size * _rate(lambda: network.run(tiles), seconds)


def resident_rate(network: TorchNetwork, tile: Arrays, size: int, seconds: float) -> float:
    """As :func:`bare_rate`, with tiles that lie on the device and results that stay there."""
    with torch.inference_mode(), network._precision():
        batch = torch.from_numpy(np.repeat(tile[None], size, axis=0)).to(network._place)

        def several() -> None:
            for _ in range(_UNWAITED):
                network._outputs(batch)
            if network._place.type == "cuda":
                torch.cuda.synchronize(network._place)

        return _UNWAITED * size * _rate(several, seconds)


class _Served(Runtime):
    """A runtime with networks that are there already."""

    def __init__(self, made: Mapping[str, Network], device: Device, at_once: int) -> None:
        super().__init__(str(device), gathers=True)
        self._made = made
        self._gathering = Gathering(at_once)

    def _load(self, card: ModelCard) -> Network:
        return self._made[card.id]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What came of reading in several lanes."""

    rate: float
    """Films a second."""
    batch: float
    """Tiles of the anatomy network that went together, in the mean."""


def gathered(
    made: dict[str, TorchNetwork],
    device: Device,
    read: Sequence[Film],
    *,
    lanes: int,
    at_once: int,
    seconds: float,
) -> Gathered:
    """Threads that run the networks of one film after another, as lanes of a batch do."""
    anatomy = _Counted(made["anatomy"])
    served = _Served({**made, "anatomy": anatomy}, device, at_once)
    _read(served, read[:2])
    anatomy.runs.clear()
    done: list[int] = []
    numbers = itertools.count()
    end = time.perf_counter() + seconds

    def lane() -> None:
        while time.perf_counter() < end:
            number = next(numbers)
            _read(served, [read[number % len(read)]])
            done.append(number)

    began = time.perf_counter()
    threads = [threading.Thread(target=lane) for _ in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = len(done) / (time.perf_counter() - began)
    return Gathered(rate, sum(anatomy.runs) / len(anatomy.runs))


class _Counted:
    """A network that notes how many tiles each run had."""

    def __init__(self, network: TorchNetwork) -> None:
        self.card = network.card
        self._network = network
        self.runs: list[int] = []

    def run(self, tiles: Arrays) -> dict[str, Arrays]:
        self.runs.append(len(tiles))
        return self._network.run(tiles)


def _read(served: Runtime, read: Iterable[Film]) -> None:
    for film in read:
        for model, tiles in film:
            served.network(model).run(tiles)


def sequential_rate(
    plain: dict[str, nn.Module], device: Device, read: Sequence[Film], seconds: float, *, each: bool
) -> float:
    """Films a second where each tool runs its own network on one film at a time.

    As MedRAX calls its tools: float32, one film, one tool, one model after another; what a tool
    wants to see is copied to the device, and its result is waited for.

    Parameters
    ----------
    each
        Whether a tool shows its network one tile at a time; else all that it has of the film.
    """
    place = torch.device(str(device))
    numbers = itertools.count()

    def one() -> None:
        for model, tiles in read[next(numbers) % len(read)]:
            for part in np.split(tiles, len(tiles)) if each else [tiles]:
                run_plain(plain[model], part, place)

    return _rate(one, seconds)


@torch.inference_mode()
def run_plain(network: nn.Module, tiles: Arrays, place: torch.device) -> list[Arrays]:
    """One run in float32, with copies that are waited for."""
    outputs: Any = network(torch.from_numpy(tiles).to(place))
    return [output.cpu().numpy() for output in outputs]


def difference(
    made: dict[str, TorchNetwork], plain: dict[str, nn.Module], device: Device, film: Film
) -> tuple[float, float]:
    """How far results move that are run in a batch, from alone, and from float32.

    The largest over all outputs, in shares of the range of one that is wider than 1.
    """
    from_alone = from_plain = 0.0
    for model, tiles in film:
        alone = made[model].run(tiles)
        batch = made[model].run(np.concatenate([tiles[::-1], tiles, tiles]))
        exact = run_plain(plain[model], tiles, torch.device(str(device)))
        for (name, one), other in zip(alone.items(), exact, strict=True):
            spread = max(1.0, float(np.ptp(other)))
            together = batch[name][len(tiles) : 2 * len(tiles)]
            from_alone = max(from_alone, float(np.abs(together - one).max()) / spread)
            from_plain = max(from_plain, float(np.abs(together - other).max()) / spread)
    return from_alone, from_plain


def _rate(function: Callable[[], object], seconds: float) -> float:
    """Calls a second; the first ones warm up."""
    for _ in range(2):
        function()
    count, began = 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < seconds or not count:
        function()
        count += 1
    return count / max(taken, time.perf_counter() - began)
