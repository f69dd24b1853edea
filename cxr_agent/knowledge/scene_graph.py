"""A reading in Chest ImaGenome's terms: ``kb/scene_graph.toml``."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from cxr_agent.evidence import Location
from cxr_agent.knowledge.files import Entry, entry, load

Category = Literal["anatomicalfinding", "disease", "tubesandlines", "device"]


class Place(Entry):
    """A location as a part of the box around outlines."""

    of: tuple[str, ...]
    """Structures, all of which must be outlined."""
    share: tuple[float, float, float, float]
    """(left, top, right, bottom) as shares of that box."""


class Placed(Entry):
    """What a finding is in Chest ImaGenome's categories, and where it is by default."""

    category: Category
    at: tuple[str, ...]


class SceneGraphRules(Entry):
    """The whole file."""

    place: dict[Location, Place]
    finding: dict[str, Placed]
    drawn: dict[Location, tuple[float, float]]


@lru_cache(maxsize=1)
def scene_graph_rules() -> SceneGraphRules:
    """Read and check the rules. Raises ConfigError ``bad_definition``."""
    return entry(SceneGraphRules, "scene_graph", load("scene_graph"))
