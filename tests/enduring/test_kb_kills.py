"""A store of films whose build is killed again and again: what it held stays, at the end all is."""

from __future__ import annotations

import random
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from tests.cli.program import run_program
from tests.long_runs import long_or
from tests.retrieval.made import films as pictures

KILLS: Final = long_or(4, 60)
ROUND: Final = long_or(4, 10)
"""After so many kills a store is left to be built to its end, and another is begun."""
FILMS: Final = 24
SEED: Final = 41
LATEST_S: Final = 0.6


def kept(store: Path) -> set[tuple[str, str]]:
    """Films and the hashes of their vectors that are committed."""
    if not (store / "store.sqlite").is_file():
        return set()
    with closing(sqlite3.connect(store / "store.sqlite")) as base:
        try:
            return set(base.execute("SELECT sha256, vector_sha256 FROM item"))
        except sqlite3.OperationalError:  # killed before there was a table
            return set()


def kb(*command: str | Path, store: Path, timeout: float = 120) -> bool:
    """Whether it ended before it was killed."""
    arguments = ("kb", *command, "--store", store)
    try:
        ran = run_program(*arguments, traces=store.parent / "traces", timeout=timeout)
    except subprocess.TimeoutExpired:
        return False
    assert ran.status == 0, ran.err
    return True


@pytest.mark.long
def test_kills_at_random_moments(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    draw, films = random.Random(SEED), pictures(tmp_path / "films", FILMS)
    kills = hits = stores = 0
    whole: set[tuple[str, str]] = set()
    while kills < KILLS:
        store, before, ended = tmp_path / f"store-{stores}", set[tuple[str, str]](), False
        for _ in range(min(ROUND, KILLS - kills)):
            ended = kb("build", films, store=store, timeout=draw.uniform(0.02, LATEST_S))
            assert before <= kept(store), "what was committed is gone"
            before = kept(store)
            if ended:
                break
            kills += 1
            hits += 0 < len(before) < FILMS
        assert ended or kb("build", films, store=store)
        assert before <= kept(store)
        assert len(kept(store)) == FILMS
        assert whole in (set(), kept(store))  # each store is as if never killed
        whole = kept(store)
        assert kb("verify", store=store)
        stores += 1
    for name, value in {"kills": kills, "seed": SEED, "stores": stores}.items():
        record_property(name, value)
    record_property("in_the_middle", hits)
