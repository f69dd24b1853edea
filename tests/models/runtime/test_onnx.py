"""The CPU's back end, its full memory included: made so by a limit of the process."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import weakref

import numpy as np
import pytest

from cxr_agent.errors import ModelError
from cxr_agent.models.runtime.onnx import OnnxNetwork
from cxr_agent.models.store import load_card, verified_weights

from .fakes import tiles_of

CARD = load_card("anatomy")


@pytest.fixture(scope="module")
def network() -> OnnxNetwork:
    return OnnxNetwork(CARD, threads=1)


@pytest.mark.parametrize("count", [1, 3])
def test_outputs_have_the_cards_names_and_one_row_per_tile(
    network: OnnxNetwork, count: int
) -> None:
    found = network.run(tiles_of(count, CARD.input_size))
    assert tuple(found) == CARD.outputs == ("masks", "film")
    size = CARD.input_size
    assert found["masks"].shape == (count, len(CARD.structures), size, size)
    assert found["film"].shape == (count,)
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}


def test_an_output_owns_its_memory(network: OnnxNetwork) -> None:
    """Else one kept mask would keep the whole session alive."""
    found = network.run(tiles_of(1, CARD.input_size))
    assert all(array.flags.owndata for array in found.values())


def test_weights_in_place_of_the_embedded_ones() -> None:
    tiles = tiles_of(1, CARD.input_size)
    given = OnnxNetwork(CARD, verified_weights(CARD), threads=1).run(tiles)
    assert np.array_equal(given["masks"], OnnxNetwork(CARD, threads=1).run(tiles)["masks"])
    with pytest.raises(ModelError) as caught:
        OnnxNetwork(CARD, b"")
    assert caught.value.code == "onnx_refused"


def test_a_card_that_names_other_outputs() -> None:
    card = CARD.model_copy(update={"outputs": ("masks", "spine")})
    with pytest.raises(ModelError) as caught:
        OnnxNetwork(card)
    assert caught.value.code == "weights_damaged"
    assert "output" in caught.value.message


def test_tiles_of_a_wrong_shape_are_no_full_memory(network: OnnxNetwork) -> None:
    with pytest.raises(Exception, match="dimensions") as caught:
        network.run(np.zeros((1, 2, CARD.input_size, CARD.input_size), dtype=np.float32))
    assert not isinstance(caught.value, MemoryError)


def test_a_network_that_nobody_has_is_gone() -> None:
    loaded = OnnxNetwork(CARD, threads=1)
    found = loaded.run(tiles_of(1, CARD.input_size))
    ghost = weakref.ref(loaded._session)
    del loaded
    gc.collect()
    assert ghost() is None
    assert found["film"].shape == (1,)


FULL = """
import json, resource
from pathlib import Path
import numpy as np
from cxr_agent.models.runtime.batching import Batches
from cxr_agent.models.runtime.onnx import OnnxNetwork
from cxr_agent.models.store import load_card

def limit(mib):
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + mib * 2**20, resource.RLIM_INFINITY))

card = load_card("anatomy").model_copy(update={"outputs": ("film",)})  # a small result
network = OnnxNetwork(card, threads=1)
size = network.card.input_size
tiles = np.random.default_rng(0).normal(size=(40, 1, size, size)).astype(np.float32)
limit(1)
try:
    network.run(tiles)
    full = ""
except MemoryError as error:
    full = str(error)
limit(200)
told = []
found = Batches(40, told.append).run(network, tiles)
alone = network.run(tiles[:1])["film"]
print(json.dumps([told, len(found["film"]), float(abs(found["film"][0] - alone[0])), full]))
"""


@pytest.mark.slow
def test_many_tiles_take_the_memory_of_one_and_a_full_memory_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL], capture_output=True, text=True, check=True, timeout=120
    )
    told, count, difference, full = json.loads(done.stdout)
    assert not told
    assert count == 40
    assert difference == 0
    assert "no memory for 40 tiles" in full
    assert not done.stderr  # ONNX Runtime would log what is handled here


def test_each_of_several_tiles_gets_what_it_gets_alone(network: OnnxNetwork) -> None:
    tiles = np.random.default_rng(0).normal(size=(1, 3, CARD.input_size, CARD.input_size))
    several = np.swapaxes(tiles, 0, 1).astype(np.float32)  # laid out otherwise in memory
    found = network.run(several)
    for index in range(3):
        alone = network.run(several[index : index + 1])
        for name, array in found.items():
            assert np.array_equal(array[index], alone[name][0])
