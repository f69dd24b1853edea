"""Which words fit a calibrated probability: ``kb/certainty.toml``."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from pydantic import Field

from cxr_agent.knowledge.files import Entry, entry, load, malformed


class CertaintyLevel(Entry):
    """One step of the scale from sure to sure not."""

    above: float = Field(ge=0, lt=1)
    """The probability that it begins above; the lowest level takes 0 in."""
    words: tuple[str, ...]


@lru_cache(maxsize=1)
def certainty_levels() -> dict[str, CertaintyLevel]:
    """The levels by name, the surest first.

    Raises
    ------
    ConfigError
        ``bad_definition``, also where they are not in order.
    """
    levels = {name: entry(CertaintyLevel, name, raw) for name, raw in load("certainty").items()}
    limits = [level.above for level in levels.values()]
    if any(higher <= lower for higher, lower in pairwise(limits)) or limits[-1] != 0:
        raise malformed("of the certainty levels")
    return levels


def certainty_of(probability: float) -> str:
    """The level that a calibrated probability in [0, 1] is on."""
    levels = certainty_levels()
    return next(
        (name for name, level in levels.items() if probability > level.above), list(levels)[-1]
    )
