"""What places on a film are called, and who can outline them: ``kb/regions.toml``."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from pydantic import model_validator

from cxr_agent.knowledge.files import Entry, entry, load

SourceName = Literal["embedded", "cxas", "derived", "prompted"]
"""The anatomy model of this program, CXAS, a rule on outlines, a model shown a box or a point."""


class Region(Entry):
    """One place, or one on each side."""

    names: tuple[str, ...]
    both: tuple[str, ...] = ()
    """Names that mean both sides."""
    code: str = ""
    """Of a place that has no side."""
    right: str = ""
    left: str = ""
    hint: tuple[float, float, float, float] | None = None
    """(left, top, right, bottom) as shares of the box around both lungs."""

    @model_validator(mode="after")
    def _sided(self) -> Region:
        if bool(self.code) == bool(self.right and self.left):
            raise ValueError("a place has one code, or one for each side")
        return self


class RegionBook(Entry):
    """The whole file."""

    order: tuple[SourceName, ...]
    box_models: tuple[str, ...]
    point_models: tuple[str, ...]
    side: dict[Literal["right", "left", "both"], tuple[str, ...]]
    silent: dict[Literal["words"], tuple[str, ...]]
    region: dict[str, Region]


@lru_cache(maxsize=1)
def region_book() -> RegionBook:
    """Read the file. Raises ConfigError ``bad_definition``."""
    return entry(RegionBook, "regions", load("regions"))
