"""Reports for people and programs: terminal, plain text, Markdown, JSON, HTML, RIS.

Importing this costs next to nothing: rich, jinja2 and Pillow are loaded by the renderer that
needs them.
"""

from __future__ import annotations

from cxr_agent.report.render.as_json import to_json, to_scene_graph_json
from cxr_agent.report.render.html import to_html
from cxr_agent.report.render.markdown import to_markdown
from cxr_agent.report.render.ris import to_ris
from cxr_agent.report.render.terminal import render_terminal, to_text

__all__ = [
    "render_terminal",
    "to_html",
    "to_json",
    "to_markdown",
    "to_ris",
    "to_scene_graph_json",
    "to_text",
]
