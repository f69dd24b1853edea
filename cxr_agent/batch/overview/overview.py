"""An overview of a whole batch: read once, then summed up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cxr_agent.batch.layout import MANIFEST
from cxr_agent.batch.ledger import Ledger, Settled, State
from cxr_agent.batch.overview.attention import critical_in, failures_in, outliers_in
from cxr_agent.batch.overview.drift import (
    FALSE_DISCOVERIES,
    FEWEST,
    MOST_GROUPS,
    drift_between,
)
from cxr_agent.batch.overview.facets import FOLDER, OF_FILM, OF_LEDGER, Facet, facet_of, film_labels
from cxr_agent.batch.overview.facts import DriftFacts, FacetFacts, FolderFacts, Overview
from cxr_agent.batch.overview.gathering import Gathered, LabelsOf, gather
from cxr_agent.batch.overview.groups_table import GroupsTable
from cxr_agent.batch.overview.pace import time_of
from cxr_agent.batch.overview.subjects import subjects_of
from cxr_agent.batch.overview.summaries import abstained_of, findings_of, measurements_of
from cxr_agent.errors import UsageError

FILMS_UNASKED: Final = 5000
"""Reports that are opened for what they say of their films without being asked to: some seconds."""
_PARTIAL: Final = "partial"


def overview_of(
    folders: Sequence[Path],
    groups: Path | None = None,
    by: Sequence[str] = (),
    *,
    names: bool = False,
) -> Overview:
    """Sum up a batch, whose parts may lie in several folders; one that goes on may be looked at.

    Parameters
    ----------
    groups
        Table that says which site, date or group each study is of: see :class:`GroupsTable`.
    by
        What to compare studies by: columns of the table, or ``order``, ``device``, ``folder``,
        ``view``, ``spacing``, ``size``. By default the usual columns of the table, without one
        all of the others that are known.
    names
        Whether to tell what the user calls the studies, which may say who the patient is.

    Raises
    ------
    UsageError
        ``no_batch``, ``unknown_facet``, ``too_many_groups``, ``groups_not_readable``,
        ``bad_groups``.
    ConfigError
        ``bad_batch``.
    OutputError
        ``batch_in_use``.
    """
    places = tuple(dict.fromkeys(folder.absolute() for folder in folders))
    table = GroupsTable(groups) if groups is not None else None
    chosen, notes = _chosen(places, table, by)
    columns = tuple(name for name in chosen if table is not None and name in table.columns)
    films = any(name in OF_FILM and name not in columns for name in chosen)
    gathered = gather(
        places,
        _labels(table, films),
        tuple(dict.fromkeys((*columns, *(OF_FILM if films else ())))),
        names=names,
    )
    if not len(gathered.studies):
        notes.append("Nothing is settled yet.")
    elif columns and not any(gathered.labels[name].names for name in columns):
        notes.append(
            "The table of groups names none of these studies: it has to name them as the batch "
            "does, or by a film's path or file name."
        )
    facets = [facet_of(gathered, name, of_table=name in columns) for name in chosen]
    return _summed_up(gathered, facets, tuple(notes))


def _summed_up(gathered: Gathered, facets: Sequence[Facet], notes: tuple[str, ...]) -> Overview:
    counts = gathered.studies.state.counts()
    codes = gathered.studies.code.counts()
    return Overview(
        folders=tuple(_folder(gathered, place) for place in range(len(gathered.folders))),
        studies={state.value: counts.get(state.value, 0) for state in State}
        | {State.WAITING.value: gathered.waiting, _PARTIAL: codes.get("partial_reading", 0)},
        repeated=gathered.repeated,
        measurements=measurements_of(gathered),
        abstained=abstained_of(gathered),
        findings=findings_of(gathered),
        not_judged=dict(gathered.not_judged.most_common()),
        outliers=outliers_in(gathered),
        critical=critical_in(gathered),
        failures=failures_in(gathered),
        time=time_of(gathered),
        drift=_drift(gathered, facets),
        notes=notes,
    )


def _drift(gathered: Gathered, facets: Sequence[Facet]) -> DriftFacts:
    return DriftFacts(
        facets=tuple(
            FacetFacts(
                facet.name,
                dict(sorted(facet.labels.counts().items())),
                int((facet.labels.indices < 0).sum()),
            )
            for facet in facets
        ),
        comparisons=drift_between(facets, subjects_of(gathered)),
        fewest=FEWEST,
        false_discoveries=FALSE_DISCOVERIES,
    )


def _chosen(
    folders: Sequence[Path], table: GroupsTable | None, by: Sequence[str]
) -> tuple[tuple[str, ...], list[str]]:
    """What to compare by, and what to say about it."""
    if by:
        known = (*(table.columns if table is not None else ()), *OF_LEDGER, *OF_FILM)
        wanted = tuple(dict.fromkeys(name.strip().casefold() for name in by))
        for name in wanted:
            if name not in known:
                raise UsageError(
                    "unknown_facet",
                    f"studies cannot be grouped by {name[:40]!r}",
                    hint=f"One of {', '.join(known)[:300]}.",
                )
        return wanted, []
    if table is not None:
        return table.usual(), []
    read, of_ledger = 0, OF_LEDGER
    if len(folders) > MOST_GROUPS:
        of_ledger = tuple(name for name in OF_LEDGER if name != FOLDER)
    for folder in folders:
        with Ledger(folder, write=False) as ledger:
            read += ledger.counts()[State.READ]
    if read <= FILMS_UNASKED:
        return (*of_ledger, *OF_FILM), []
    return of_ledger, [
        f"View, spacing and size of the films were not looked at: for that, more than"
        f" {FILMS_UNASKED} reports have to be opened. Ask for it with --by view."
    ]


def _labels(table: GroupsTable | None, films: bool) -> LabelsOf | None:
    if table is None:
        return film_labels if films else None

    def both(settled: Settled, folder: Path) -> Mapping[str, str]:
        of_film = film_labels(settled, folder) if films else {}
        return {**of_film, **table.of(settled, folder)}

    return both


def _folder(gathered: Gathered, place: int) -> FolderFacts:
    manifest = _manifest(gathered.folders[place])
    setup = manifest.get("setup")
    setup = setup if isinstance(setup, Mapping) else {}
    weights, tools = setup.get("weights"), setup.get("tools")
    return FolderFacts(
        studies=Counter(gathered.studies.folder)[place],
        program=str(setup.get("program") or ""),
        weights={str(k): str(v) for k, v in weights.items()}
        if isinstance(weights, Mapping)
        else {},
        tools=tuple(map(str, tools)) if isinstance(tools, list) else (),
    )


def _manifest(folder: Path) -> dict[str, Any]:
    """What the batch was made by; nothing where it was killed before that was written."""
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
