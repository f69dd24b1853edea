"""One run as a page: the chain of its steps, what each rests on, and the films that they saw."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cxr_agent.report.model import NOTICE
from cxr_agent.report.render.drawn import gradient
from cxr_agent.trace import SCHEMA_VERSION, Problem, Trace, Verification, salvage_trace, verify
from cxr_agent.viewing.gathering import Gathering
from cxr_agent.viewing.harmless import embedded, harmless

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATES: Final = resources.files("cxr_agent.viewing") / "templates"
_VIEWER: Final = (
    "parts.js",
    "chain.js",
    "film.js",
    "statements.js",
    "detail.js",
    "right.js",
    "state.js",
    "list.js",
    "selection.js",
    "keys.js",
    "paper.js",
    "viewer.js",
)
"""The scripts of the page, in their order; they share one scope."""
_LIVE: Final = ("live.js",)
VIEWER: Final = (*_VIEWER, *_LIVE)
"""The scripts of the page of a run that is served."""
LINKED_POLICY: Final = (
    "default-src 'none'; img-src data:; style-src 'self'; script-src 'self'; base-uri 'none'; "
    "connect-src 'self'; form-action 'self'"
)
"""That of a page whose style and script are files of the server's own."""


@dataclass(frozen=True, slots=True)
class Linked:
    """Where a page gets its style and its script from, in place of holding them."""

    style: str
    script: str


def to_page(path: Path) -> str:
    """One self-contained HTML document, whatever state the run is in.

    Its own content security policy forbids every request and every script but the one in it.

    Parameters
    ----------
    path
        Folder of the run, or its ``trace.jsonl``.

    Raises
    ------
    TraceError
        ``trace_not_found`` or ``trace_not_readable``; a damaged run is shown with its problems.
    """
    trace, problems = salvage_trace(path)
    return run_page(trace, problems)


def run_page(
    trace: Trace,
    problems: Sequence[Problem] = (),
    live: dict[str, Any] | None = None,
    linked: Linked | None = None,
) -> str:
    """The page of a run that was read.

    Parameters
    ----------
    problems
        What :func:`~cxr_agent.trace.salvage_trace` could not read.
    live
        Where a page that is served gets further lines from, and sends corrections to; and
        questions, and what can be taken away, where there is somebody who answers.
    linked
        Where style and script are, where the page does not hold them.
    """
    from markupsafe import Markup

    data = {
        **Gathering(trace.artifact).take(trace.lines),
        "verification": verification_of(trace, problems),
        "gradient": gradient(),
        "live": live,
    }
    return page(
        "view.html.j2",
        script=script_of(_VIEWER if live is None else VIEWER),
        connects=live is not None,
        linked=linked,
        title=harmless(trace.run_id),
        notice=NOTICE,
        data=Markup(embedded(data)),  # noqa: S704 - escaped for a script block already
        served=live is not None,
        asks=live is not None and "questions" in live,
        downloads=live.get("downloads", ()) if live is not None else (),
        verification=data["verification"],
    )


def verification_of(trace: Trace, problems: Sequence[Problem] = ()) -> dict[str, Any]:
    """What :func:`~cxr_agent.trace.verify` found, and what could not be read at all."""
    found: Verification = verify(trace)
    started = trace.started
    return {
        **harmless(asdict(found)),
        "problems": [harmless(asdict(one)) for one in (*problems, *found.problems)],
        "intact": found.intact and not problems,
        "schema_version": started.schema_version if started is not None else None,
        "newest_schema": SCHEMA_VERSION,
    }


def page(
    template: str,
    *,
    script: str,
    connects: bool = False,
    styles: Sequence[str] = ("view.css",),
    linked: Linked | None = None,
    **values: Any,
) -> str:
    """A page of this package from its template, with its style and its policy."""
    from markupsafe import Markup

    return _template(template).render(
        style=Markup(style_of(styles)),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704 - our own file
        policy=LINKED_POLICY if linked is not None else _policy(script, connects),
        linked=linked,
        **values,
    )


def style_of(names: Sequence[str]) -> str:
    """Our own style sheets as one."""
    return "".join(map(_source, names))


def script_of(names: Sequence[str]) -> str:
    """Our own scripts as one, in a scope of its own."""
    return '(() => {\n"use strict";\n' + "\n".join(_source(name) for name in names) + "})();"


def _policy(script: str, connects: bool) -> str:
    """Nothing may be loaded; pictures are data, and the one script is known by its hash."""
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own = "connect-src 'self'; form-action 'self'" if connects else "form-action 'none'"
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; {own}"
    )


@lru_cache(maxsize=32)
def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@lru_cache(maxsize=4)
def _template(name: str) -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_source(name))
