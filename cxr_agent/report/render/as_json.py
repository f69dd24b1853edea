"""The report as JSON, for programs."""

from __future__ import annotations

import json

from cxr_agent.report.model import Report
from cxr_agent.report.scene_graph import scene_graphs


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


def to_scene_graph_json(report: Report, indent: int | None = 2) -> str:
    """The scene graph of every film, in Chest ImaGenome's terms, as a JSON list.

    See :mod:`cxr_agent.report.scene_graph` for what departs from Chest ImaGenome.
    """
    graphs = [graph.model_dump(mode="json") for graph in scene_graphs(report)]
    return json.dumps(graphs, indent=indent, ensure_ascii=False)
