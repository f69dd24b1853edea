"""The memory budget: one load per key, nothing in use dropped, the longest idle first."""

from __future__ import annotations

import gc
import random
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from cxr_agent.errors import UsageError
from cxr_agent.models.runtime.memory import VARIABLE, MemoryBudget, limit_mib


class Thing:
    """Something that was loaded."""


def use(budget: MemoryBudget, key: str, mib: int = 10) -> None:
    with budget.held(key, Thing, mib):
        pass


def never() -> Thing:
    raise AssertionError("loaded again")


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.002)
    return False


def test_what_is_loaded_stays_for_the_next() -> None:
    budget = MemoryBudget(100)
    with budget.held("a", Thing, 10) as first:
        pass
    with budget.held("a", never, 10) as second:
        assert second is first


def test_concurrent_callers_share_one_load() -> None:
    budget, loads, start = MemoryBudget(100), [], threading.Barrier(8, timeout=10)

    def load() -> Thing:
        loads.append(1)
        time.sleep(0.05)
        return Thing()

    def ask(_: int) -> int:
        start.wait()
        with budget.held("a", load, 10) as thing:
            return id(thing)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert len(loads) == 1


def test_the_least_recently_used_goes_first_and_its_memory_is_free() -> None:
    budget = MemoryBudget(30)
    with budget.held("a", Thing, 10) as thing:
        ghost = weakref.ref(thing)
    del thing
    for key in ("b", "c"):
        use(budget, key)
    use(budget, "d")
    gc.collect()
    assert ghost() is None
    assert budget.loaded == ("b", "c", "d")
    use(budget, "b")
    use(budget, "e")
    assert budget.loaded == ("d", "b", "e")


def test_no_more_goes_than_must() -> None:
    budget = MemoryBudget(30)
    for key in ("a", "b", "c"):
        use(budget, key)
    use(budget, "d", 15)
    assert budget.loaded == ("c", "d")


def test_what_is_in_use_is_waited_for_and_not_dropped() -> None:
    budget, release = MemoryBudget(30), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        with budget.held("a", Thing, 20) as thing:
            use(budget, "b", 10)
            other = pool.submit(use, budget, "c", 20)
            release.wait(0.05)
            assert not other.done()
            assert budget.loaded == ("a", "b")  # dropping b would not have helped
            with budget.held("a", never, 20) as same:
                assert same is thing
        other.result(10)
    assert budget.loaded == ("c",)


def test_what_is_larger_than_the_budget_is_loaded_alone_and_told() -> None:
    told: list[tuple[str, int]] = []
    budget = MemoryBudget(30, lambda key, mib: told.append((key, mib)))
    use(budget, "a")
    use(budget, "huge", 100)
    assert budget.loaded == ("huge",)
    assert told == [("huge", 100)]
    use(budget, "huge", 100)
    assert told == [("huge", 100)]
    use(budget, "b")
    assert budget.loaded == ("b",)


def test_a_thread_that_holds_something_does_not_wait_for_itself() -> None:
    told: list[str] = []
    budget = MemoryBudget(15, lambda key, mib: told.append(key))
    with budget.held("a", Thing, 10), budget.held("b", Thing, 10):
        assert budget.loaded == ("a", "b")
    assert told == ["b"]
    use(budget, "c")
    assert budget.loaded == ("c",)


def test_without_a_limit_everything_stays() -> None:
    budget = MemoryBudget()
    for number in range(50):
        use(budget, str(number), 10_000)
    assert len(budget.loaded) == 50


def test_a_load_that_fails_is_tried_again_by_who_waited() -> None:
    budget, entered, loads = MemoryBudget(100), threading.Event(), []

    def fail_first() -> Thing:
        loads.append(1)
        if len(loads) == 1:
            entered.wait(10)
            raise OSError("the disk is gone")
        return Thing()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(use_with, budget, fail_first)
        assert eventually(lambda: bool(loads))
        second = pool.submit(use_with, budget, fail_first)
        entered.set()
        with pytest.raises(OSError, match="disk"):
            first.result(10)
        second.result(10)
    assert len(loads) == 2
    assert budget.loaded == ("a",)


def use_with(budget: MemoryBudget, load: Callable[[], Thing]) -> None:
    with budget.held("a", load, 10):
        pass


def test_an_error_inside_gives_back() -> None:
    budget = MemoryBudget(10)
    with pytest.raises(ZeroDivisionError), budget.held("a", Thing, 10):
        _ = 1 / 0
    use(budget, "b")
    assert budget.loaded == ("b",)


def test_many_threads_never_exceed_the_limit() -> None:
    sizes = {str(number): 5 + 5 * number for number in range(6)}  # 5 to 30 MiB
    lock, alive, peak = threading.Lock(), dict.fromkeys(sizes, 0), [0]

    class Sized(Thing):
        def __init__(self, key: str) -> None:
            self.key = key
            with lock:
                alive[key] += 1
                total = sum(sizes[name] * count for name, count in alive.items())
                peak[0] = max(peak[0], total)

        def __del__(self) -> None:
            with lock:
                alive[self.key] -= 1

    over: list[str] = []
    budget = MemoryBudget(45, lambda key, mib: over.append(key))

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(150):
            key = rng.choice(list(sizes))
            with budget.held(key, lambda key=key: Sized(key), sizes[key]) as thing:
                assert thing.key == key
                assert alive[key] == 1
            del thing

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work, seed) for seed in range(6)]:
            done.result(60)
    assert not over
    assert peak[0] <= 45


@pytest.mark.parametrize(
    ("asked", "variable", "limit"),
    [(None, None, 7), (None, "", 7), (None, "512", 512), (64, "512", 64), (64, None, 64)],
)
def test_where_the_limit_comes_from(
    asked: int | None, variable: str | None, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if variable is not None:
        monkeypatch.setenv(VARIABLE, variable)
    assert limit_mib(asked, 7) == limit


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "much", "4G", "²"])
def test_no_limit_at_all(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(UsageError) as caught:
        limit_mib(None, 7)
    assert caught.value.code == "bad_memory"
    assert VARIABLE in caught.value.hint
