"""The radiographic descriptors of findings, and what is normal for them."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Literal

from pydantic import Field, model_validator

from cxr_agent.evidence import Location, Side
from cxr_agent.knowledge.files import Entry, entry, load


class Descriptor(Entry):
    """A sign that speaks for a finding."""

    finding: str
    name: str
    region: Location
    side: Side | None = None
    """Of a sign that one side has by itself."""
    quantity: str
    more: Literal["higher", "lower"]
    source: str


class Reference(Entry):
    """A quantity on normal films."""

    films: int
    quantiles: tuple[float, ...] = Field(min_length=3)
    """At equal steps from the least to the greatest."""

    @model_validator(mode="after")
    def _rising(self) -> Reference:
        if list(self.quantiles) != sorted(self.quantiles):
            raise ValueError("quantiles must rise")
        return self

    @property
    def median(self) -> float:
        return self.quantiles[len(self.quantiles) // 2]

    def share_below(self, value: float) -> float:
        """Share of normal films with a smaller quantity, in [0, 1]."""
        steps = len(self.quantiles) - 1
        place = bisect_left(self.quantiles, value)
        if place == 0:
            return 0.0
        if place > steps:
            return 1.0
        low, high = self.quantiles[place - 1], self.quantiles[place]
        within = (value - low) / (high - low) if high > low else 0.0
        return (place - 1 + within) / steps


@lru_cache(maxsize=1)
def descriptors() -> dict[str, Descriptor]:
    """``kb/descriptors.toml`` by code. Raises ConfigError ``bad_definition``."""
    return {code: entry(Descriptor, code, raw) for code, raw in load("descriptors").items()}


@lru_cache(maxsize=1)
def descriptor_references() -> dict[str, Reference]:
    """``kb/descriptor_reference.toml`` by quantity. Raises ConfigError ``bad_definition``."""
    return {code: entry(Reference, code, raw) for code, raw in load("descriptor_reference").items()}
