"""The printed schema describes the lines that are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from cxr_agent.trace import Event
from cxr_agent.trace.schema import json_schema

from .example import RUN_ID
from .golden import ROOT, VERSION_1, VERSION_2

PUBLISHED = ROOT / "docs" / "schemas" / "trace.json"
SCHEMA = json_schema()
KINDS = [kind.model_fields["type"].default for kind in get_args(get_args(Event)[0])]

_WHERE_SO = {"cached", "unread_views"}
"""Fields that are written only where there is something to say."""


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return found


def records(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]]


def test_is_json_and_stands_alone() -> None:
    text = json.dumps(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    named = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert named <= set(SCHEMA["$defs"])


def test_is_published() -> None:
    assert json.loads(PUBLISHED.read_text("utf-8")) == SCHEMA


@pytest.mark.parametrize("version", [VERSION_1, VERSION_2], ids=lambda path: path.name)
def test_golden_lines_fit_what_is_published(version: Path) -> None:
    """Each as it stands: old lines need no upgrade, since fields are only ever added."""
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(PUBLISHED.read_text("utf-8")))
    lines = records(version / RUN_ID / "trace.jsonl")
    assert lines
    for record in lines:
        validator.validate(record)


def test_every_kind_of_event_is_in_it() -> None:
    assert sorted(SCHEMA["properties"]["event"]["discriminator"]["mapping"]) == sorted(KINDS)
    assert len(KINDS) == 17


def test_keys_of_a_real_trace_are_those_of_the_schema(lines: Path) -> None:
    mapping = SCHEMA["properties"]["event"]["discriminator"]["mapping"]
    for record in records(lines):
        event = resolved({"$ref": mapping[record["event"]["type"]]})
        for value, schema in ((record, SCHEMA), (record["event"], event)):
            assert set(value) | _WHERE_SO == set(schema["properties"]) | _WHERE_SO
            assert set(schema["required"]) <= set(value)
            assert schema["additionalProperties"] is False


def test_a_validator_agrees(lines: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for record in records(lines):
        validator.validate(record)
        assert not validator.is_valid(record | {"seq": 0})
        assert not validator.is_valid(record | {"extra": 1})
        assert not validator.is_valid(record | {"event": {"type": "unknown"}})
