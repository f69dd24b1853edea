"""An HTML report as a tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "link", "img", "image", "polyline", "rect"}


@dataclass
class Node:
    tag: str
    attributes: dict[str, str]
    children: list[Node] = field(default_factory=list)
    text: str = ""

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    def walk(self) -> list[Node]:
        return [self, *(node for child in self.children for node in child.walk())]

    def having(self, name: str) -> list[Node]:
        return [node for node in self.walk() if name in node.classes]


class Page(HTMLParser):
    """A tree that fails on tags which do not match."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.root = Node("", {})
        self._open = [self.root]
        self.feed(source)
        assert self._open == [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for node in self._open:
            node.text += data


def outside(root: Node) -> list[str]:
    """Attribute values that could make a browser ask for something."""
    found = []
    for node in root.walk():
        for name, value in node.attributes.items():
            if name in {"src", "href", "srcset", "action", "poster", "data", "style"}:
                found += [] if value.startswith(("data:image/", "#")) else [f"{name}={value}"]
    return [entry for entry in found if "//" in entry or "url(" in entry or "style=" not in entry]
