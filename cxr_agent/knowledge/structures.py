"""The anatomical structures that a mask can be of: ``kb/structures.toml``."""

from __future__ import annotations

from functools import lru_cache

from pydantic import model_validator

from cxr_agent.evidence import Location, Side
from cxr_agent.knowledge.files import Entry, entry, load


class Structure(Entry):
    """One structure; every source of masks calls it by the same code."""

    name: str
    """As a report writes it."""
    radlex: str = ""
    section: str
    location: Location | None = None
    side: Side | None = None
    """The patient's."""
    group: str = ""
    """Structures that tools take together: ``vertebrae``, ``posterior_ribs_right``."""
    order: int = 0
    """Place in its group, from 1 and from the head down."""
    mirrored: str = ""
    """The structure of the other side."""

    @model_validator(mode="after")
    def _ordered(self) -> Structure:
        if bool(self.group) != bool(self.order):
            raise ValueError("a member of a group has a place in it")
        return self


@lru_cache(maxsize=1)
def structures() -> dict[str, Structure]:
    """All structures by code."""
    return {code: entry(Structure, code, raw) for code, raw in load("structures").items()}


@lru_cache(maxsize=32)
def members(group: str) -> tuple[str, ...]:
    """Codes of a group's structures, from the head down."""
    found = [code for code, one in structures().items() if one.group == group]
    return tuple(sorted(found, key=lambda code: structures()[code].order))
