"""Films that look alike: SQLite as the record of truth, an index beside it that may be thrown away.

Paths and texts in a store are the user's own and stay on this machine; what leaves
:mod:`cxr_agent.retrieval` about a film are its labels, its distance and a masked snippet.
"""

from cxr_agent.retrieval.collection import Collection, Engine
from cxr_agent.retrieval.items import Hit, Item, Where
from cxr_agent.retrieval.store import Store

__all__ = ["Collection", "Engine", "Hit", "Item", "Store", "Where"]
