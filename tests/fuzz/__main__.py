"""``python -m tests.fuzz --cases 100000 --log docs/fuzzing.log``: a whole campaign.

Cases run in rounds, each with a seed of its own; the log is written anew after each, so that a
campaign that is stopped has told what it did. What made trouble is kept in ``--keep``.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from .engine import Campaign, fuzz
from .messages import fuzz_messages

_ROUND = 2000
_OF_MESSAGES = 0.05


def main() -> int:
    said = argparse.ArgumentParser(prog="python -m tests.fuzz")
    said.add_argument("--cases", type=int, default=100_000)
    said.add_argument("--seed", type=int, default=1, help="of the first round")
    said.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    said.add_argument("--log", type=Path)
    said.add_argument("--keep", type=Path, help="folder for files that made trouble")
    given = said.parse_args()
    began, total, rounds = time.monotonic(), Campaign(), 0
    while total.total < given.cases and time.monotonic() - began < given.seconds:
        size = min(_ROUND, given.cases - total.total)
        messages = round(size * _OF_MESSAGES)
        for one in (fuzz(size - messages, given.seed + rounds),
                    fuzz_messages(messages, given.seed + rounds)):  # fmt: skip
            _add(total, one)
        rounds += 1
        text = "\n".join(_told(total, given.cases, given.seed, rounds)) + "\n"
        if given.log:
            given.log.write_text(text)
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            for one in total.troubles:
                (given.keep / f"{one.target.replace(' ', '_')}-{one.name}").write_bytes(one.data)
    print(text, end="")
    return 1 if total.troubles else 0


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


def _told(total: Campaign, wanted: int, seed: int, rounds: int) -> Iterator[str]:
    hangs = sum(one.what == "hang" for one in total.troubles)
    yield f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, seeds {seed} to {seed + rounds - 1}"
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


if __name__ == "__main__":
    raise SystemExit(main())
