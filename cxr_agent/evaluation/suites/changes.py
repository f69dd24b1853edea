"""What changed where, out of all that a reading says of two films.

A place has the change of the findings there, as the scene graph of the current film tells it; where
that tells nothing, of what was measured there: the heart's share of the thorax at the cardiac
silhouette, and the grey level of a zone of the lung, of which more is worse. A lung without an
entry of its own has what its zones have together: no change where none changed, one direction where
they changed in one alone. What contradicts itself is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cxr_agent.evidence import Change, EvidenceKind, Location
from cxr_agent.knowledge import vocabulary
from cxr_agent.report.model import Report
from cxr_agent.report.scene_graph import scene_graphs

_CUE: Final = "comparison|yes|"
_NO_CHANGE: Final = "no change"
_SAID: Final = {
    Change.IMPROVED: "improved",
    Change.RESOLVED: "improved",
    Change.WORSENED: "worsened",
    Change.NEW: "worsened",
    Change.NO_CHANGE: _NO_CHANGE,
}
_MEASURED_AT: Final = {"cardiothoracic_ratio": Location.CARDIAC_SILHOUETTE}
"""Where a measurement is that has no place of its own."""
_ZONES: Final = ("upper lung zone", "mid lung zone", "lower lung zone")


def changes_of(report: Report) -> dict[str, str]:
    """``improved``, ``worsened`` or ``no change`` by location."""
    found = {**_clear(_measured(report)), **_clear(_of_findings(report))}
    for side in ("right", "left"):
        zones = {found[place] for zone in _ZONES if (place := f"{side} {zone}") in found}
        moved = zones - {_NO_CHANGE}
        if zones and len(moved) < 2:
            found.setdefault(f"{side} lung", moved.pop() if moved else _NO_CHANGE)
    return {place: change for place, change in found.items() if change}


def _of_findings(report: Report) -> Iterator[tuple[str, str]]:
    """An empty change is one that the evidence contradicts."""
    for one in scene_graphs(report)[0].relationships:
        for name in one.relationship_names or ("",):
            yield one.bbox_name.value, name.removeprefix(_CUE)


def _measured(report: Report) -> Iterator[tuple[str, str]]:
    for item in report.evidence:
        if item.kind is not EvidenceKind.COMPARISON or item.of_prior:
            continue
        place = item.location or _MEASURED_AT.get(item.code)
        if place is not None and vocabulary()[item.code].kind != "finding":
            yield place.value, _SAID[Change(item.category or "")]


def _clear(pairs: Iterator[tuple[str, str]]) -> dict[str, str]:
    """Of places that are named in one way alone; of others an empty change."""
    said: dict[str, set[str]] = {}
    for place, change in pairs:
        said.setdefault(place, set()).add(change)
    return {place: found.pop() if len(found) == 1 else "" for place, found in said.items()}
