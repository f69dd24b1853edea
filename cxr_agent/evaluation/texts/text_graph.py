"""Graphs of entities and relations of a whole report, by rule or from RadGraph's own output.

RadGraph (Jain et al., NeurIPS 2021; RadGraph-XL, Delbrouck et al., Findings of ACL 2024) writes
JSON with ``entities``: by number ``tokens``, ``label``, ``start_ix``, ``end_ix`` and ``relations``,
a list of ``[type, number of the target]``. Such output, of any of its models, is read here, so that
scores can be had from RadGraph's graphs in place of ours. Loading its model is not: its checkpoints
need the package ``radgraph``, which carries a copy of AllenNLP; run it apart and read its output.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import InputError
from cxr_agent.evaluation.texts.statements import STATING
from cxr_agent.prose.structure import structure

_MOST_BYTES: Final = 256 << 20
_MOST_ENTITIES: Final = 20_000
"""Of one report: far above any real one."""


@dataclass(frozen=True, slots=True)
class Node:
    """An entity: words in lower case, label, and what it points to."""

    tokens: str
    label: str
    """``OBS-DP`` or ``Observation::definitely present``, as the source has it."""
    relations: tuple[tuple[str, int], ...] = ()
    """Type of the relation and place of its target among the nodes."""


@dataclass(frozen=True, slots=True)
class TextGraph:
    """A report as a graph."""

    nodes: tuple[Node, ...]


def graph_by_rule(text: str) -> TextGraph:
    """The graphs of a report's sentences side by side; see :mod:`cxr_agent.prose.graph`.

    Raises
    ------
    UsageError
        ``report_too_long`` beyond 200,000 characters.
    """
    nodes: list[Node] = []
    for sentence in structure(text).sentences:
        if sentence.section not in STATING:
            continue
        first = len(nodes)
        nodes += [
            Node(
                tokens=" ".join(entity.tokens.lower().split()),
                label=entity.label,
                relations=tuple(
                    (relation.type, first + relation.target)
                    for relation in sentence.relations
                    if relation.source == entity.id
                ),
            )
            for entity in sentence.entities
        ]
    return TextGraph(tuple(nodes))


def graph_of_radgraph(annotation: Mapping[str, Any]) -> TextGraph:
    """One report of RadGraph's output.

    Raises
    ------
    InputError
        ``unreadable_report`` when it is not in RadGraph's form.
    """
    entities = annotation.get("entities")
    if not isinstance(entities, dict) or len(entities) > _MOST_ENTITIES:
        raise _not_radgraph("no entities")
    places = {str(number): place for place, number in enumerate(entities)}
    return TextGraph(tuple(_node(entity, places) for entity in entities.values()))


def read_radgraph(path: Path) -> dict[str, TextGraph]:
    """All reports of a file that RadGraph wrote, by their keys.

    Raises
    ------
    InputError
        ``unreadable_report``.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        content = json.loads(raw[:_MOST_BYTES]) if len(raw) <= _MOST_BYTES else None
    except (OSError, ValueError, RecursionError):
        raise _not_radgraph("no JSON") from None
    if not isinstance(content, dict):
        raise _not_radgraph("no object of reports, or more than 256 MiB")
    return {
        str(key): graph_of_radgraph(annotation)
        for key, annotation in content.items()
        if isinstance(annotation, dict) and "entities" in annotation
    }


def _node(entity: object, places: Mapping[str, int]) -> Node:
    if not isinstance(entity, dict):
        raise _not_radgraph("an entity that is no object")
    tokens, label, relations = entity.get("tokens"), entity.get("label"), entity.get("relations")
    if not isinstance(tokens, str) or not isinstance(label, str) or not isinstance(relations, list):
        raise _not_radgraph("an entity without tokens, label or relations")
    return Node(tokens.lower(), label, tuple(_relation(one, places) for one in relations))


def _relation(relation: object, places: Mapping[str, int]) -> tuple[str, int]:
    if not isinstance(relation, list) or len(relation) != 2:
        raise _not_radgraph("a relation that is no pair")
    kind, target = relation
    if not isinstance(kind, str) or str(target) not in places:
        raise _not_radgraph("a relation to no entity")
    return kind, places[str(target)]


def _not_radgraph(what: str) -> InputError:
    return InputError(
        "unreadable_report",
        f"the graphs are not in RadGraph's form: {what}",
        hint="Give the JSON that the package radgraph returns, or its processed data set files.",
    )
