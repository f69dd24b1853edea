"""By what studies are grouped to look for drift, where no table of the user's says it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_agent.batch.layout import report_file
from cxr_agent.batch.ledger import Settled, State
from cxr_agent.batch.overview.columns import Labels
from cxr_agent.batch.overview.gathering import Gathered

ORDER: Final = "order"
DEVICE: Final = "device"
FOLDER: Final = "folder"
OF_LEDGER: Final[tuple[str, ...]] = (ORDER, DEVICE, FOLDER)
OF_FILM: Final[tuple[str, ...]] = ("view", "spacing", "size")
"""Facts of a study's first film. They stand in its report, which has to be opened for them."""
_PARTS: Final = 4
_OF_ITS_OWN: Final = 11
"""Sizes of films that are groups by themselves; all rarer ones are one."""
OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class Facet:
    """A way to group studies."""

    name: str
    labels: Labels


def film_labels(settled: Settled, folder: Path) -> Mapping[str, str]:
    """View, kind of spacing and size of the first film; nothing where the report is not there."""
    if settled.state is not State.READ:
        return {}
    try:
        report = json.loads(report_file(folder, settled.number, ".json").read_bytes())
        film = report["films"][0]
        return {
            "view": str(film["view"]).lower(),
            "spacing": str(film["spacing_kind"] or "none"),
            "size": f"{int(film['rows'])} x {int(film['columns'])}",
        }
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return {}


def facet_of(gathered: Gathered, name: str, *, of_table: bool = False) -> Facet:
    """One of ``OF_LEDGER`` or ``OF_FILM``; or a column of the user's table, whatever its name."""
    if of_table:
        return Facet(name, gathered.labels[name])
    match name:
        case "order":
            return Facet(name, _in_order(gathered))
        case "device":
            return Facet(name, gathered.studies.device)
        case "folder":
            return Facet(name, Labels.of(f"folder {i + 1}" for i in gathered.studies.folder))
        case "size":
            return Facet(name, _rare_as_one(gathered.labels[name]))
        case _:
            return Facet(name, gathered.labels[name])


def _in_order(gathered: Gathered) -> Labels:
    """Quarters of the studies, by when they were read."""
    ended = np.array(gathered.studies.ended)
    known = int(np.isfinite(ended).sum())
    rank = np.empty(len(ended), dtype=np.int64)
    rank[np.argsort(ended, kind="stable")] = np.arange(len(ended))  # NaN comes last
    parts = (rank * _PARTS // max(known, 1)) + 1
    return Labels.of(f"quarter {part} of reading" if part <= _PARTS else "" for part in parts)


def _rare_as_one(labels: Labels) -> Labels:
    common = {name for name, _ in Counter(labels.counts()).most_common(_OF_ITS_OWN)}
    names: list[Any] = [*labels.names, ""]
    kept = [name if name in common or not name else OTHER for name in names]
    return Labels.of(kept[index] for index in labels.indices)
