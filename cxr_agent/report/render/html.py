"""The report as one HTML file: film, overlays, text and evidence, with no request to anywhere."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from cxr_agent.report.descriptors import opened
from cxr_agent.report.model import Report
from cxr_agent.report.render._artifacts import Artifact
from cxr_agent.report.render._differences import difference_views
from cxr_agent.report.render._graph import graph_drawings
from cxr_agent.report.render._heatmaps import gradient
from cxr_agent.report.render._plots import BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, plots
from cxr_agent.report.render._text import clean, lines
from cxr_agent.report.render._timeline import told_timelines
from cxr_agent.report.render._viewer import viewers
from cxr_agent.report.render._wording import Words

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATES: Final = resources.files("cxr_agent.report") / "templates"


def to_html(report: Report, artifact: Artifact) -> str:
    """One self-contained HTML document.

    Reads, prints and shows the film without JavaScript; with it, evidence ids light up what
    they stand for. Its own content security policy forbids every request and every script but
    the one in it.

    Parameters
    ----------
    artifact
        Gives the bytes of a file of the trace by its SHA-256. It may raise LookupError,
        OSError or a :class:`~cxr_agent.errors.CxrAgentError`: the report then says what could
        not be shown.
    """
    from markupsafe import Markup

    style, script = _source("report.css"), _source("report.js")
    films = viewers(report, artifact)
    say = Words(report.language)
    shown = {item.id for film in films for item in film.evidence}
    return _template().render(
        report=report,
        history=[line for line in lines(report.history) if line],
        sections=list(say.sections(report)),
        headline=list(say.headline(report)),
        films=films,
        # Evidence about a film that the report does not list still gets its card.
        graphs=graph_drawings(report),
        courses=[
            {"told": told, "plots": plots(told, say, f"p{place}")}
            for place, told in enumerate(told_timelines(report), start=1)
        ],
        plot_size=(WIDTH, HEIGHT),
        frame={"left": LEFT, "right": RIGHT, "bottom": BOTTOM},
        differences=difference_views(report, artifact),
        loose=[item for item in report.evidence if item.id not in shown],
        known={item.id for item in report.evidence},
        mapped={id for film in films for overlay in film.maps for id in overlay.evidence},
        opened=lambda item: opened(report, item),
        gradient=gradient(),
        say=say,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        policy=_policy(script),
    )


def _policy(script: str) -> str:
    """Nothing may be loaded; pictures are data, and the one script is known by its hash."""
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


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
    return environment.from_string(_source("report.html.j2"))


def _harmless(value: Any) -> Any:
    """What every value goes through before it is escaped: no control characters reach the page.

    Markup is our own (the style, the script, a macro's output) and passes unchanged.
    """
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    if value.isascii() and value.isprintable():
        return value  # pictures are a million characters, and these are harmless
    return clean(value)
