"""A patient's reports as Lunguage's rows, with its groups across dates (Moon et al., 2025).

Rows are those of :mod:`cxr_agent.prose.attributes`. ENTITYGROUP links one finding over all dates,
TEMPORALGROUP the dates of one episode. In Lunguage people and language models set both; here rules
do: an entity group is a finding and its side, and a denial or an improvement to nothing ends its
episode, so that the finding after it begins another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cxr_agent.evaluation.texts.statements import STATING
from cxr_agent.evidence import Change, Side
from cxr_agent.prose import Claim, Status
from cxr_agent.prose.attributes import FindingRow
from cxr_agent.prose.structure import structure


@dataclass(frozen=True, slots=True)
class Row:
    """One finding of one report."""

    entity: str
    attributes: Mapping[str, str]
    """By Lunguage's names, ``dx_status`` and ``dx_certainty`` among them."""
    study: int
    """Place of the report in time."""
    group: str
    """The entity group."""
    episode: int = 1
    """The temporal group, from 1, within its entity group."""
    resolved: bool = False
    """Told to be gone."""


def rows_of(text: str, study: int = 0) -> tuple[Row, ...]:
    """The rows of one report, each that it repeats once."""
    found = dict.fromkeys(_key(row) for row in _rows(text, study))
    return tuple(
        Row(entity, dict(attributes), study, group, resolved=resolved)
        for entity, attributes, group, resolved in found
    )


def timeline(reports: Sequence[str]) -> tuple[Row, ...]:
    """The rows of a patient's reports, the earliest first, with their episodes.

    A finding without a side joins its finding's only group with one, where there is just one.
    """
    rows = [row for study, text in enumerate(reports) for row in rows_of(text, study)]
    groups = {row.group for row in rows}
    rows = [replace(row, group=_joined(row.group, groups)) for row in rows]
    episode: dict[str, int] = {}
    open_now: dict[str, bool] = {}
    told: list[Row] = []
    for study in range(len(reports)):
        here = [row for row in rows if row.study == study]
        for group in dict.fromkeys(row.group for row in here):
            there = any(_is_there(row) for row in here if row.group == group)
            if group not in episode:
                episode[group] = 1
            elif there and not open_now[group]:
                episode[group] += 1
            open_now[group] = there
        told += [replace(row, episode=episode[row.group]) for row in here]
    return tuple(told)


def _is_there(row: Row) -> bool:
    return row.attributes["dx_status"] == Status.POSITIVE.value and not row.resolved


def _joined(group: str, groups: set[str]) -> str:
    if any(group.startswith(f"{side.value} ") for side in Side):
        return group
    sided = [f"{side.value} {group}" for side in Side if f"{side.value} {group}" in groups]
    return sided[0] if len(sided) == 1 else group


def _rows(text: str, study: int) -> Iterator[Row]:
    for sentence in structure(text).sentences:
        if sentence.section not in STATING:
            continue
        for claim, row in zip(sentence.claims, sentence.rows, strict=True):
            yield Row(
                entity=row.ent,
                attributes=_attributes(row),
                study=study,
                group=_group(claim, row),
                resolved=claim.change is Change.RESOLVED,
            )


def _attributes(row: FindingRow) -> dict[str, str]:
    return {
        "dx_status": row.dx_status.value,
        "dx_certainty": row.dx_certainty,
        **{name: ", ".join(values) for name, values in row.attributes.items()},
    }


def _group(claim: Claim, row: FindingRow) -> str:
    return f"{claim.side.value} {row.ent}" if claim.side is not None else row.ent


def _key(row: Row) -> tuple[str, tuple[tuple[str, str], ...], str, bool]:
    return row.entity, tuple(row.attributes.items()), row.group, row.resolved
