"""RadGraph-type F1: how much two graphs of reports have in common.

F1-RadGraph as the package ``radgraph`` computes its reward (Delbrouck et al., Findings of EMNLP
2022): entities alone (simple, RG_E), entities and whether they have a relation (partial, RG_ER),
entities with their relations (complete); and the pair that RadCliQ uses (Yu et al., Patterns 2023),
F1 of entities and of relations apart, and their mean. Everything is a set: what a report says twice
counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Final

from cxr_agent.evaluation.texts.counts import NOTHING, Overlap
from cxr_agent.evaluation.texts.text_graph import Node, TextGraph

_Items = frozenset[tuple[Hashable, ...]]


@dataclass(frozen=True, slots=True)
class GraphF1:
    """One pair of graphs."""

    simple: Overlap
    partial: Overlap
    complete: Overlap
    relations: Overlap
    """Relations with both of their ends."""
    matched: tuple[str, ...]
    """Entities that both have, as ``effusion [OBS-DA]``."""
    candidate_only: tuple[str, ...]
    reference_only: tuple[str, ...]

    @property
    def combined(self) -> float:
        """RadCliQ's component: the mean of F1 of entities and F1 of relations.

        F1 of relations is 0 where there are none, as in RadCliQ's code: so two equal graphs
        without a relation come to 0.5.
        """
        return (self.simple.f1 + self.relations.f1) / 2


def radgraph_f1(reference: TextGraph, candidate: TextGraph) -> GraphF1:
    """Compare two graphs.

    As in the package, all of simple, partial and complete are 0 where one graph is empty.
    """
    entities = _entities(reference), _entities(candidate)
    known, given = entities
    return GraphF1(
        simple=_overlap(known, given),
        partial=_overlap(_with_flag(reference), _with_flag(candidate)),
        complete=_overlap(_with_relations(reference), _with_relations(candidate)),
        relations=_overlap(_relations(reference), _relations(candidate)),
        matched=_told(known & given),
        candidate_only=_told(given - known),
        reference_only=_told(known - given),
    )


def _overlap(reference: _Items, candidate: _Items) -> Overlap:
    return Overlap(len(reference & candidate), len(candidate), len(reference))


def _entities(graph: TextGraph) -> _Items:
    return frozenset((node.tokens, node.label) for node in graph.nodes)


def _with_flag(graph: TextGraph) -> _Items:
    return frozenset((node.tokens, node.label, bool(node.relations)) for node in graph.nodes)


def _with_relations(graph: TextGraph) -> _Items:
    return frozenset(item for node in graph.nodes for item in _told_by(node, graph))


def _told_by(node: Node, graph: TextGraph) -> Iterator[tuple[Hashable, ...]]:
    if not node.relations:
        yield node.tokens, node.label
    for kind, target in node.relations:
        yield node.tokens, node.label, kind, graph.nodes[target].tokens


def _relations(graph: TextGraph) -> _Items:
    return frozenset(
        (node.tokens, node.label, kind, graph.nodes[target].tokens, graph.nodes[target].label)
        for node in graph.nodes
        for kind, target in node.relations
    )


def _told(items: _Items) -> tuple[str, ...]:
    return tuple(sorted(f"{tokens} [{label}]" for tokens, label in items))


_PARTS: Final[dict[str, Callable[[GraphF1], Overlap]]] = {
    "simple": lambda one: one.simple,
    "partial": lambda one: one.partial,
    "complete": lambda one: one.complete,
    "relations": lambda one: one.relations,
}


def micro(scores: list[GraphF1]) -> dict[str, Overlap]:
    """All pairs' sets together, part by part. The package gives means over pairs instead."""
    return {name: sum(map(part, scores), NOTHING) for name, part in _PARTS.items()}
