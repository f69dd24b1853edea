"""The report as JSON, for programs."""

from __future__ import annotations

from cxr_agent.report.model import Report


def to_json(report: Report, indent: int | None = 2) -> str:
    """The report with all its evidence as one JSON object.

    Keys stand in the order of the classes' fields and never move; intervals and boxes are
    lists; what is unknown is ``null``. :meth:`Report.model_validate_json` reads it back.

    Parameters
    ----------
    indent
        Spaces per level; None gives one line.
    """
    return report.model_dump_json(indent=indent)
