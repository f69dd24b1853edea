"""``cxr-agent schema``: the JSON schemas of what the program writes."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel


class Document(StrEnum):
    """What has a schema; ``docs/schemas/`` holds each."""

    REPORT = "report"
    SCENE_GRAPH = "scene_graph"
    STRUCTURE = "structure"
    CHECK = "check"


def schema(
    document: Annotated[Document, typer.Argument(help="What `--json` of a command prints.")],
) -> None:
    """Print a JSON schema: report, scene_graph, structure, check. Traces: `trace schema`."""
    print(json.dumps(schema_of(document), indent=2, ensure_ascii=False))


def schema_of(document: Document) -> dict[str, object]:
    """The schema of one kind of document (JSON Schema 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_model(document).model_json_schema(mode="serialization"),
    }


def _model(document: Document) -> type[BaseModel]:
    match document:
        case Document.REPORT:
            from cxr_agent.report.model import Report

            return Report
        case Document.SCENE_GRAPH:
            from cxr_agent.report.scene_graph import SceneGraph

            return SceneGraph
        case Document.STRUCTURE:
            from cxr_agent.prose.structure import StructuredReport

            return StructuredReport
        case Document.CHECK:
            from cxr_agent.checking.model import CheckedReport

            return CheckedReport
