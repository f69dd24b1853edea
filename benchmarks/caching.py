"""What the cache of results saves a reading, and what it costs where nothing is in it yet.

Readings with all in the cache, with an empty one and without any take turns, so that a noisy
machine falls on all of them.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.films import write_film
from cxr_agent.reading import Agent
from cxr_agent.toolbox.cache import cache as module
from cxr_agent.toolbox.cache import result_cache
from cxr_agent.toolbox.cache.store import EntryStore
from cxr_agent.toolbox.registry import Registry, built_in

_ROUNDS = 5
_COSTS = ((module, "key_of"), (module, "encode"), (EntryStore, "put"))
"""What a call that is not in the cache takes besides the tool."""
_GAINS = ((module, "key_of"), (EntryStore, "get"), (module, "decode"))

Parts = dict[str, list[float]]


def rows() -> list[tuple[str, str]]:
    """What the table shows, for a 2048 px film."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name, Agent(traces=Path(name)) as agent:
        folder = Path(name)
        film = write_film(folder, 2048)
        times: Parts = defaultdict(list)
        costs: Parts = defaultdict(list)
        gains: Parts = defaultdict(list)
        full = folder / "full"
        _read(agent, film, full)
        files = [path for path in full.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        disk = sum(512 * path.stat().st_blocks for path in files)
        for number in range(_ROUNDS):
            times["off"].append(_read(agent, film, None))
            with _timed(_COSTS, costs):
                times["miss"].append(_read(agent, film, folder / f"empty-{number}"))
            with _timed(_GAINS, gains):
                times["hit"].append(_read(agent, film, full))
            times["changed"].append(_read(agent, film, full, "measure_ctr", str(number)))
    off, miss, hit, one = (statistics.median(times[k]) for k in ("off", "miss", "hit", "changed"))
    return [
        ("one warm reading without a cache", f"{1000 * off:.0f} ms"),
        ("with all in the cache", f"{1000 * hit:.0f} ms, {off / hit:.1f} times as fast"),
        ("with one measuring tool changed", f"{1000 * one:.0f} ms"),
        ("with an empty cache", f"{1000 * miss:.0f} ms"),
        ("what a reading pays to fill it", _shown(costs)),
        ("what a reading pays to be served", _shown(gains)),
        (
            "a study on the disk",
            f"{size / 1000:.0f} kB in {len(files)} files, {disk / 1000:.0f} kB of blocks",
        ),
    ]


def _read(agent: Agent, film: Path, cache: Path | None, tool: str = "", version: str = "") -> float:
    """Seconds of a reading, ``tool`` being of another version."""
    tools = Registry(
        replace(spec, version=version) if spec.name == tool else spec for spec in built_in()
    )
    kept = result_cache(cache, tools) if cache is not None else None
    agent.setup = replace(agent.setup, registry=tools, cache=kept)
    began = time.perf_counter()
    agent.read(film)
    return time.perf_counter() - began


def _shown(parts: Parts) -> str:
    per_reading = {name: 1000 * sum(times) / _ROUNDS for name, times in parts.items()}
    shares = ", ".join(f"{name} {ms:.1f}" for name, ms in per_reading.items())
    return f"{sum(per_reading.values()):.1f} ms: {shares}"


@contextmanager
def _timed(functions: tuple[tuple[Any, str], ...], into: Parts) -> Iterator[None]:
    """Add up the seconds of all calls of some functions meanwhile."""
    owner, name = functions[0]
    function = getattr(owner, name)

    def timed(*arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            into[name].append(time.perf_counter() - began)

    with patch.object(owner, name, timed):
        if functions[1:]:
            with _timed(functions[1:], into):
                yield
        else:
            yield


if __name__ == "__main__":
    for what, measured in rows():
        print(f"{what}: {measured}")
