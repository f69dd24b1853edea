"""A store of films whose build is killed again and again: what it held stays, at the end all is."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from cxr_agent.retrieval.building import BATCH
from tests.cli.program import Ran, run_program
from tests.enduring.killing import KILLED, run_killed
from tests.long_runs import long_or
from tests.retrieval.made import films as pictures

KILLS: Final = long_or(4, 60)
FILMS: Final = long_or(4, 12) * BATCH
SEED: Final = 41
EARLY: Final = 0.2
"""Share of kills while the program starts, or decodes its first films."""
EARLIEST_S: Final = 0.02


def kept(store: Path) -> set[tuple[str, str]]:
    """Films and the hashes of their vectors that are committed."""
    if not (store / "store.sqlite").is_file():
        return set()
    with closing(sqlite3.connect(store / "store.sqlite")) as base:
        try:
            return set(base.execute("SELECT sha256, vector_sha256 FROM item"))
        except sqlite3.OperationalError:  # killed before there was a table
            return set()


def kb(*command: str | Path, store: Path) -> Ran:
    ran = run_program("kb", *command, "--store", store, traces=store.parent / "traces")
    assert ran.status == 0, ran.err
    return ran


class Killed:
    """Builds of one store, each killed while it works."""

    def __init__(self, films: Path, store: Path, draw: random.Random, batch_s: float) -> None:
        self.films, self.store, self.draw, self.batch_s = films, store, draw, batch_s
        self.held = set[tuple[str, str]]()

    def build(self) -> tuple[bool, bool]:
        """Whether it was killed, and whether that was after its first commit and before its end."""
        before = len(self.held)
        early = self.draw.random() < EARLY
        ran = run_killed(
            *("kb", "build", self.films, "--store", self.store),
            traces=self.store.parent / "traces",
            working=(lambda: True) if early else (lambda: len(kept(self.store)) > before),
            later_s=self.draw.uniform(EARLIEST_S, 0.5) if early
            else self.draw.uniform(0, 1.5 * self.batch_s),
        )  # fmt: skip
        assert ran.status in (0, KILLED), ran.err
        now = kept(self.store)
        assert self.held <= now, "what was committed is gone"
        self.held = now
        return ran.status == KILLED, ran.status == KILLED and before < len(now) < FILMS


def seconds_of_a_batch(films: Path, store: Path) -> float:
    """Measured, with the build that is never killed."""
    began = time.monotonic()
    kb("build", films, store=store)
    whole_s, began = time.monotonic() - began, time.monotonic()
    kb("build", films, store=store)  # nothing is left to do
    return max(0.01, (whole_s - (time.monotonic() - began)) * BATCH / FILMS)


@pytest.mark.long
def test_kills_at_random_moments(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    draw, films = random.Random(SEED), pictures(tmp_path / "films", FILMS)
    never = tmp_path / "never-killed"
    batch_s = seconds_of_a_batch(films, never)
    kills = hits = stores = 0
    while kills < KILLS:
        stores += 1
        one = Killed(films, tmp_path / f"store-{stores}", draw, batch_s)
        killed = True
        while killed and kills < KILLS:
            killed, hit = one.build()
            kills, hits = kills + killed, hits + hit
        if killed:
            kb("build", films, store=one.store)
        assert one.held <= kept(one.store) == kept(never)  # as if never killed
        kb("verify", store=one.store)
    record_property("kills", kills)
    record_property("seed", SEED)
    record_property("films", FILMS)
    record_property("stores", stores)
    record_property("between_commits", hits)
    assert hits >= long_or(1, KILLS // 2)
