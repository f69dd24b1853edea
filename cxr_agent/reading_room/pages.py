"""The pages, drawn by the viewer's code, and the few files that they link to."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from cxr_agent.reading.setup import Setup
from cxr_agent.reading_room.downloads import FORMS
from cxr_agent.reading_room.session import Session
from cxr_agent.reading_room.study import SentStudy
from cxr_agent.report.model import NOTICE
from cxr_agent.trace import salvage_trace
from cxr_agent.viewing.correcting import findings
from cxr_agent.viewing.page import VIEWER, Linked, page, run_page, script_of, style_of

_STYLE: Final = "/static/room.css"
_START: Final = Linked(_STYLE, "/static/start.js")
_STUDY: Final = Linked(_STYLE, "/static/study.js")


@lru_cache(maxsize=1)
def static() -> dict[str, tuple[str, str]]:
    """Address to media type and text of every file that a page links to."""
    return {
        _STYLE: ("text/css", style_of(("view.css", "room.css"))),
        _START.script: ("text/javascript", script_of(("parts.js", "start.js"))),
        _STUDY.script: ("text/javascript", script_of((*VIEWER, "ask.js"))),
    }


def start_page(session: Session, setup: Setup) -> str:
    """Where films are dropped, what becomes of them, and what was read."""
    return page(
        "start.html.j2",
        script="",
        linked=_START,
        notice=NOTICE,
        guard=session.guard,
        limits=session.limits,
        studies=session.studies,
        may_leave=setup.send_images or setup.host.allow_remote,
        model=setup.model.name if setup.model is not None else "",
    )


def study_page(session: Session, study: SentStudy) -> str:
    """A study: the viewer's page of its run, with somebody to ask. Raises TraceError."""
    assert study.directory is not None
    base = f"/study/{study.name}"
    live: dict[str, Any] = {
        "events": f"{base}/events",
        "corrections": f"{base}/corrections",
        "questions": f"{base}/questions",
        "state": f"{base}/state",
        "page": session.guard.page,
        "findings": findings(),
        "downloads": [
            {"address": f"{base}/report", "title": "Open the report", "saved": False},
            *(
                {"address": f"{base}/{name}", "title": form.title, "saved": True}
                for name, form in FORMS.items()
            ),
        ],
    }
    return run_page(*salvage_trace(study.directory), live, _STUDY)
