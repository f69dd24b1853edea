"""Batches: any number of tiles, and what happens when the memory is full."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.errors import ModelError
from cxr_agent.models.runtime.batching import Batches
from cxr_agent.models.runtime.network import Arrays

from .fakes import SmallMemory, tiles_of


@given(st.integers(1, 40), st.integers(1, 16), st.integers(1, 16))
def test_the_batches_give_what_one_run_would(count: int, most: int, room: int) -> None:
    tiles = tiles_of(count)
    whole = SmallMemory(room=1000).run(tiles)
    network, told = SmallMemory(room), []
    found = Batches(most, told.append).run(network, tiles)
    assert set(found) == set(whole)
    for name, array in whole.items():
        assert np.array_equal(found[name], array)
        assert found[name].shape == array.shape
    assert max(network.batches) <= most
    assert told == sorted(set(told), reverse=True)


def test_a_full_memory_halves_the_batch_and_says_so() -> None:
    network, told = SmallMemory(room=3), []
    batches = Batches(32, told.append)
    batches.run(network, tiles_of(20))
    assert network.batches == [20, 10, 5, *[2] * 10]
    assert told == [10, 5, 2]
    assert batches.size == 2


def test_the_size_that_fitted_is_remembered() -> None:
    network = SmallMemory(room=3)
    batches = Batches(8)
    batches.run(network, tiles_of(8))
    network.batches.clear()
    batches.run(network, tiles_of(6))
    assert network.batches == [2, 2, 2]


def test_no_tiles_are_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no tiles"):
        Batches(4).run(SmallMemory(room=4), tiles_of(0))


def test_not_even_one_fits() -> None:
    network = SmallMemory(room=0)
    with pytest.raises(ModelError) as caught:
        Batches(4).run(network, tiles_of(4))
    assert caught.value.code == "out_of_memory"
    assert caught.value.hint
    assert network.batches == [4, 2, 1]


def test_another_error_is_no_full_memory() -> None:
    class Broken(SmallMemory):
        def run(self, tiles: Arrays) -> dict[str, Arrays]:
            self.batches.append(len(tiles))
            raise RuntimeError("cuDNN says no")

    network = Broken(room=3)
    with pytest.raises(RuntimeError, match="cuDNN"):
        Batches(8).run(network, tiles_of(8))
    assert network.batches == [8]


def test_two_threads_that_fail_together_shrink_once() -> None:
    meet = threading.Barrier(2, timeout=10)

    class Together(SmallMemory):
        def run(self, tiles: Arrays) -> dict[str, Arrays]:
            if len(tiles) == 8:
                meet.wait()
            return super().run(tiles)

    told: list[int] = []
    batches = Batches(8, told.append)
    found: list[Arrays] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(batches.run(Together(room=4), tiles_of(8))["sums"])
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert told == [4]
    assert len(found) == 2
    assert np.array_equal(*found)
