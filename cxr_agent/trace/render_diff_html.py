"""A comparison of two runs as one HTML file, with no request to anywhere and no script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from cxr_agent.trace.diff import Change, How, TraceDiff
from cxr_agent.trace.outline import Part
from cxr_agent.trace.render import clean
from cxr_agent.trace.render_diff import place, sides, summary

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATES: Final = resources.files("cxr_agent.trace") / "templates"
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_LONGEST: Final = 600
_SAID: Final = {
    How.CHANGED: "changed",
    How.ONLY_A: "only in A",
    How.ONLY_B: "only in B",
    How.MOVED: "moved",
}


@dataclass(frozen=True, slots=True)
class _Piece:
    """Words of a value, and whether the other side has them."""

    text: str
    same: bool


def diff_html(found: TraceDiff) -> str:
    """One self-contained HTML document."""
    from markupsafe import Markup

    return _template().render(
        found=found,
        parts=[(part, found.of(part)) for part in Part if found.of(part) or found.same.get(part)],
        summary=summary(found),
        said=_SAID,
        place=place,
        sides=_sides,
        style=Markup(_source("diff.css")),  # noqa: S704 - our own file
        policy=_POLICY,
    )


def _sides(change: Change) -> tuple[list[_Piece], list[_Piece]]:
    """Both values in pieces, so that what differs within them can be marked."""
    a, b = sides(change, _LONGEST)
    if not (isinstance(change.a, str) and isinstance(change.b, str)):
        return [_Piece(a, False)], [_Piece(b, False)]
    one, other = a.split(" "), b.split(" ")
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    return (
        list(_pieces((one[i:j], tag == "equal") for tag, i, j, _, _ in blocks)),
        list(_pieces((other[i:j], tag == "equal") for tag, _, _, i, j in blocks)),
    )


def _pieces(words: Iterator[tuple[list[str], bool]]) -> Iterator[_Piece]:
    yield from (_Piece(" ".join(some), same) for some, same in words if some)


def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    return environment.from_string(_source("diff.html.j2"))


def _harmless(value: Any) -> Any:
    """No control character of a run reaches the page; markup is our own."""
    return clean(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
