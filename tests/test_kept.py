"""What is worked out once from an array."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cxr_agent.kept import kept_with_array


def _fixed(*values: float) -> np.ndarray:
    array = np.array(values)
    array.setflags(write=False)
    return array


class Counted:
    """A sum that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.total = kept_with_array(self._total)

    def _total(self, array: np.ndarray, factor: int = 1) -> float:
        self.calls += 1
        if factor == 0:
            raise ValueError("no factor")
        return factor * float(array.sum())


def test_asked_once_for_each_further_argument() -> None:
    counted, array = Counted(), _fixed(1, 2)
    assert [counted.total(array, 2), counted.total(array, 3), counted.total(array, 2)] == [6, 9, 6]
    assert counted.calls == 2


def test_equal_arrays_are_two_arrays() -> None:
    counted, one, other = Counted(), _fixed(1, 2), _fixed(1, 2)
    assert counted.total(one) == counted.total(other)
    assert counted.calls == 2


def test_an_array_that_can_be_written_is_looked_at_every_time() -> None:
    counted, array = Counted(), np.array([1.0, 2.0])
    assert counted.total(array) == 3
    array[0] = 5
    assert counted.total(array) == 7


def test_nothing_is_kept_of_an_array_that_is_gone() -> None:
    counted = Counted()
    for value in range(50):  # ids are used again
        array = _fixed(value)
        assert counted.total(array) == value
        ghost = weakref.ref(array)
        del array
    gc.collect()
    assert ghost() is None


def test_what_failed_is_tried_again() -> None:
    counted, array = Counted(), _fixed(1)
    for _ in range(2):
        with pytest.raises(ValueError, match="no factor"):
            counted.total(array, 0)
    assert counted.calls == 2


def test_threads_wait_for_the_first_of_them() -> None:
    calls: list[int] = []

    @kept_with_array
    def slow(array: np.ndarray) -> float:
        calls.append(threading.get_ident())
        time.sleep(0.05)
        return float(array.sum())

    array = _fixed(1, 2, 3)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(slow, [array] * 4)) == [6.0] * 4
    assert len(calls) == 1
