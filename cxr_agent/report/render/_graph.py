"""The scene graph laid out for drawing: places on a schematic chest, findings beside it.

The patient's right is on the left of the picture. Labels stand in two columns, each level with its
place as far as its neighbours leave room, with a line to it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cxr_agent.evidence import Location
from cxr_agent.knowledge import scene_graph_rules
from cxr_agent.report.model import Report
from cxr_agent.report.render._wording import Words
from cxr_agent.report.scene_graph import (
    SceneAttributes,
    SceneGraph,
    SceneRelationship,
    State,
    scene_graphs,
)

COLUMN: Final = 232
"""Width of a column of labels, and where the chest begins, in units of the drawing."""
CHEST: Final = (360, 430)
_LINE: Final = 15
_TITLE: Final = 17
_GAP: Final = 9
_CHARACTERS: Final = 34
_MARKS: Final[dict[State, str]] = {"abnormal": "+", "uncertain": "?", "normal": "–", "located": ""}
"""A state is told by a sign as well as by a colour."""
_MARK_OF: Final = {"yes": "+", "no": "–", "uncertain": "?"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a label; the first of a wrapped text has the mark."""

    text: str
    mark: str
    state: str
    evidence: str


@dataclass(slots=True)
class Label:
    """What is said of one place."""

    title: str
    rows: list[Row]
    node: Node
    side: str
    top: float = 0.0

    @property
    def height(self) -> float:
        return _TITLE + _LINE * len(self.rows) + _GAP

    @property
    def edge(self) -> tuple[float, float]:
        """Where its line begins."""
        x = COLUMN - 8 if self.side == "left" else COLUMN + CHEST[0] + 4
        return x, self.top + 6

    def baseline(self, place: int) -> float:
        """Of the title, and of each row."""
        return self.top + 11 + (0 if place < 0 else _TITLE + _LINE * place)


@dataclass(frozen=True, slots=True)
class Node:
    """A place."""

    location: Location
    name: str
    x: float
    y: float
    state: State | None
    """None where nobody looked and nothing is placed."""
    evidence: str

    @property
    def mark(self) -> str:
        return _MARKS[self.state] if self.state is not None else ""

    @property
    def css(self) -> str:
        return self.state or "unknown"


@dataclass(frozen=True, slots=True)
class GraphDrawing:
    """One film's graph."""

    key: str
    title: str
    nodes: tuple[Node, ...]
    labels: tuple[Label, ...]
    height: float
    width: float = 2 * COLUMN + CHEST[0]
    shift: float = field(default=0.0)
    """How far down the chest stands, where the labels are higher than it."""


def graph_drawings(report: Report) -> tuple[GraphDrawing, ...]:
    """A drawing per film, current films first."""
    say = Words(report.language)
    titles = {film.handle: say.film_title(film) for film in report.films}
    return tuple(
        _drawn(graph, f"g{place}", titles[graph.image_id], say)
        for place, graph in enumerate(scene_graphs(report), start=1)
    )


def _drawn(graph: SceneGraph, key: str, title: str, say: Words) -> GraphDrawing:
    said = {one.bbox_name: one for one in graph.attributes}
    placed = {one.bbox_name: one for one in graph.objects}
    changed: dict[Location, list[SceneRelationship]] = {}
    for one in graph.relationships:
        changed.setdefault(one.bbox_name, []).append(one)
    told = [place for place in Location if place in changed or _tells(said.get(place))]
    columns = _columns(told)
    height = max(
        CHEST[1],
        *(sum(_height(said.get(p), changed.get(p, []), say) for p in c) for c in columns.values()),
    )
    shift = (height - CHEST[1]) / 2
    nodes = {}
    for place, (x, y) in scene_graph_rules().drawn.items():
        about = said.get(place)
        box = placed.get(place)
        nodes[place] = Node(
            location=place,
            name=say.location(place),
            x=x + COLUMN,
            y=y + shift,
            state=about.state if about is not None else None,
            evidence=box.evidence[0] if box is not None else "",
        )
    labels = [
        Label(
            title=say.location(place),
            rows=list(_rows(said.get(place), changed.get(place, []), say)),
            node=nodes[place],
            side=side,
        )
        for side, places in columns.items()
        for place in places
    ]
    for side in columns:
        _spread([label for label in labels if label.side == side], height)
    return GraphDrawing(key, title, tuple(nodes.values()), tuple(labels), height, shift=shift)


def _tells(about: SceneAttributes | None) -> bool:
    return about is not None and bool(about.phrases)


def _columns(places: list[Location]) -> dict[str, list[Location]]:
    """The patient's right goes left; what lies in the middle where there is more room."""
    drawn = scene_graph_rules().drawn
    columns: dict[str, list[Location]] = {"left": [], "right": []}
    middle = [p for p in places if not p.startswith(("right ", "left "))]
    for place in places:
        if place not in middle:
            columns["left" if place.startswith("right ") else "right"].append(place)
    for place in middle:
        fewer = min(columns, key=lambda side: (len(columns[side]), side == "left"))
        columns[fewer].append(place)
    return {
        side: sorted(found, key=lambda place: drawn[place][1]) for side, found in columns.items()
    }


def _rows(
    about: SceneAttributes | None, changed: list[SceneRelationship], say: Words
) -> Iterator[Row]:
    if about is not None:
        for code, values, cited, unplaced in zip(
            about.codes, about.attributes, about.evidence, about.unplaced, strict=True
        ):
            answer = values[0].split("|")[1]
            name = say.name(code) + (f" ({say.form('unplaced')})" if unplaced else "")
            yield from _wrapped(name, _MARK_OF[answer], answer, cited[0])
    for change in changed:
        value = change.relationship_names[0].split("|")[2] if change.relationship_names else ""
        text = f"{say.change(value)}: {change.attributes[0].split('|')[2]}"
        yield from _wrapped(text, "\N{NORTH EAST ARROW}", "change", change.evidence[0])


def _wrapped(text: str, mark: str, state: str, evidence: str) -> Iterator[Row]:
    for place, part in enumerate(textwrap.wrap(text, _CHARACTERS) or [""]):
        yield Row(part, "" if place else mark, state, evidence)


def _height(about: SceneAttributes | None, changed: list[SceneRelationship], say: Words) -> float:
    return _TITLE + _LINE * len(list(_rows(about, changed, say))) + _GAP


def _spread(labels: list[Label], height: float) -> None:
    """Each label level with its place, pushed down by the one above and up by the end."""
    below = 0.0
    for label in labels:
        label.top = max(below, label.node.y - label.height / 2)
        below = label.top + label.height
    room = height
    for label in reversed(labels):
        label.top = max(0.0, min(label.top, room - label.height))
        room = label.top
