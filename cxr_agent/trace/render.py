"""`trace show`: the outline of a run, coloured on a terminal and plain elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TextIO

from cxr_agent.trace.outline import Node, Tone, outline
from cxr_agent.trace.reader import Trace

if TYPE_CHECKING:
    from rich.tree import Tree

_STYLE: Final[dict[Tone, str]] = {
    "plain": "",
    "title": "bold",
    "good": "green",
    "warning": "yellow",
    "bad": "red",
    "quiet": "dim",
}


def render_plain(trace: Trace) -> str:
    """The run as indented lines, for files and pipes."""
    return "\n".join(_indented(outline(trace))) + "\n"


def show(trace: Trace, out: TextIO) -> None:
    """Print the run: a coloured tree when ``out`` is a terminal, else plain lines."""
    if not out.isatty():
        out.write(render_plain(trace))
        return
    from rich.console import Console

    # Nothing in the tree is markup, an emoji code or a pattern to highlight: it is data.
    Console(file=out, markup=False, emoji=False, highlight=False).print(_tree(outline(trace)))


def _indented(node: Node, depth: int = 0) -> Iterator[str]:
    yield "  " * depth + node.text
    for child in node.children:
        yield from _indented(child, depth + 1)


def _tree(node: Node) -> Tree:
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(node.text, style=_STYLE[node.tone]))
    tree.children.extend(_tree(child) for child in node.children)
    return tree
