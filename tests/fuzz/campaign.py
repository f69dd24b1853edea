"""A whole campaign: rounds of cases, and a log that is written anew after each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from .engine import Campaign, fuzz
from .messages import fuzz_messages

_ROUND = 2000
_OF_MESSAGES = 0.05


def campaign(
    cases: int,
    seed: int = 1,
    *,
    seconds: float = float("inf"),
    log: Path | None = None,
    keep: Path | None = None,
) -> Campaign:
    """Run so many cases in rounds, each with a seed of its own from ``seed`` on.

    Parameters
    ----------
    seconds
        Stop after so many.
    log
        What was done, also by a campaign that is stopped.
    keep
        Folder for files that made trouble.
    """
    began, total, rounds = time.monotonic(), Campaign(), 0
    while total.total < cases and time.monotonic() - began < seconds:
        size = min(_ROUND, cases - total.total)
        messages = round(size * _OF_MESSAGES)
        for one in (fuzz(size - messages, seed + rounds), fuzz_messages(messages, seed + rounds)):
            _add(total, one)
        rounds += 1
        if log:
            log.write_text("\n".join(told(total, cases, seed)) + "\n")
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            for one in total.troubles:
                (keep / f"{one.target.replace(' ', '_')}-{one.name}").write_bytes(one.data)
    return total


def _add(total: Campaign, one: Campaign) -> None:
    total.cases += one.cases
    total.taken += one.taken
    for name, codes in one.codes.items():
        total.codes.setdefault(name, Counter()).update(codes)
    for name, seconds in one.slowest.items():
        total.slowest[name] = max(total.slowest.get(name, 0.0), seconds)
    total.troubles += one.troubles
    total.seconds += one.seconds
    total.workers_ended += one.workers_ended


def told(total: Campaign, wanted: int, seed: int) -> Iterator[str]:
    """Lines of the log."""
    hangs = sum(one.what == "hang" for one in total.troubles)
    yield f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, seeds from {seed} on"
    yield f"{total.total} of {wanted} cases in {total.seconds:.0f} s"
    yield f"escapes from the typed errors: {len(total.troubles) - hangs}"
    yield f"hangs (over 10 s): {hangs}"
    yield f"decoding processes that a codec ended, and that were replaced: {total.workers_ended}"
    yield ""
    yield f"{'reader':<20}{'cases':>8}{'taken':>8}{'refused':>9}{'slowest':>10}  codes"
    for name in sorted(total.cases):
        codes = total.codes.get(name, Counter())
        common = ", ".join(f"{code} {count}" for code, count in codes.most_common(6))
        slowest = f"{total.slowest[name]:.2f} s"
        yield (
            f"{name:<20}{total.cases[name]:>8}{total.taken[name]:>8}{codes.total():>9}"
            f"{slowest:>10}  {common}"
        )
    for one in total.troubles:
        yield f"! {one.target}, seed {one.seed}, {one.name}: {one.what}"
