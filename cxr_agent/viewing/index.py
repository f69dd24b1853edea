"""The list of runs as a page. It needs no script: its filters are a plain form."""

from __future__ import annotations

from collections.abc import Sequence

from cxr_agent.report.model import NOTICE
from cxr_agent.viewing.listing import Row, Wanted, planners, statuses
from cxr_agent.viewing.page import page


def index_page(rows: Sequence[Row], wanted: Wanted) -> str:
    """The runs that are asked for, newest first."""
    return page(
        "index.html.j2",
        script="",
        connects=True,
        notice=NOTICE,
        rows=[row for row in rows if wanted.fits(row)],
        count=len(rows),
        wanted=wanted,
        planners=planners(rows),
        statuses=statuses(rows),
    )
