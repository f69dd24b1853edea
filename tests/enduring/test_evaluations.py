"""An evaluation that is killed again and again, or two at once: each case is answered once."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from cxr_agent.evaluation.runs.folder import OUTCOMES, TRACES
from tests.cli.program import Ran, run_program
from tests.enduring.commands import EVALUATING
from tests.enduring.disks import whole
from tests.enduring.killing import KILLED, run_killed
from tests.long_runs import long_or

KILLS: Final = long_or(5, 200)
PAIRS: Final = long_or(12, 60)
SYSTEMS: Final = 3
MOST_AT_ONCE: Final = 8
"""Outcomes before a kill; how many more there are is left to chance."""
LATEST_S: Final = 0.03
EARLY: Final = 0.2
"""Share of kills while the program starts, or makes the folder."""
SEED: Final = 53
WORDS: Final = ("effusion", "pneumothorax", "consolidation", "atelectasis", "oedema")


def evaluating(data: Path, out: Path) -> tuple[str | Path, ...]:
    return ("eval", "texts", "--data", data, "--out", out, "--resamples", "5", "--json")


def evaluated(data: Path, out: Path) -> Ran:
    return run_program(*evaluating(data, out), traces=out.parent, heavy=EVALUATING)


def pairs(path: Path) -> Path:
    """Reports of made patients with their references."""
    rows = (
        {
            "id": str(number),
            "patient": f"p{number // 2}",
            "reference": f"Small {('left', 'right')[number % 2]} {WORDS[number % 5]}.",
            "candidate": f"No {WORDS[number % 3]}. Small left {WORDS[number % 5]}.",
        }
        for number in range(PAIRS)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def acknowledged(out: Path) -> list[bytes]:
    """Whole lines of outcomes."""
    path = out / OUTCOMES
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def has(out: Path, least: int) -> bool:
    return len(acknowledged(out)) >= least


def answered_once(out: Path) -> None:
    """Every case, by every system; and nothing in the folder is a part of a file."""
    lines = [json.loads(line) for line in acknowledged(out)]
    assert len({(one["system"], one["case"]) for one in lines}) == len(lines) == PAIRS * SYSTEMS
    assert {one["status"] for one in lines} == {"done"}
    assert (out / TRACES).is_dir()
    whole(out)


def ended(ran: Ran) -> list[Any]:
    """What came out, which no kill may change."""
    assert ran.status == 0, ran.err
    return [ran.json["estimates"], ran.json["cases"], ran.json["groups"]]


@pytest.mark.long
def test_kills_at_random_moments(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    draw, data = random.Random(SEED), pairs(tmp_path / "pairs.jsonl")
    never = ended(evaluated(data, tmp_path / "never"))
    kills = hits = runs = 0
    while kills < KILLS:
        runs += 1
        out, killed = tmp_path / f"run-{runs}", True
        while killed and kills < KILLS:
            before, early = acknowledged(out), draw.random() < EARLY
            more = 0 if early else draw.randint(1, MOST_AT_ONCE)
            ran = run_killed(
                *evaluating(data, out),
                traces=tmp_path,
                heavy=EVALUATING,
                working=partial(has, out, len(before) + more),
                later_s=draw.uniform(0, 0.5) if early else draw.uniform(0, LATEST_S),
            )
            killed = ran.status == KILLED
            assert killed or ended(ran) == never
            now = acknowledged(out)
            assert now[: len(before)] == before, "what was acknowledged is gone"
            kills += killed
            hits += killed and len(before) < len(now) < PAIRS * SYSTEMS
        assert ended(evaluated(data, out)) == never
        answered_once(out)
    record_property("kills", kills)
    record_property("seed", SEED)
    record_property("runs", runs)
    record_property("between_outcomes", hits)
    assert hits >= KILLS // 2


def test_two_at_once(tmp_path: Path) -> None:
    data, out = pairs(tmp_path / "pairs.jsonl"), tmp_path / "out"
    with ThreadPoolExecutor(2) as pool:
        ran = list(pool.map(evaluated, [data] * 2, [out] * 2))
    for one in ran:
        assert one.status == 0 or one.errors == [("", "evaluation_in_use")], one.err
    assert any(one.status == 0 for one in ran)
    answered_once(out)
