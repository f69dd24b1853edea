"""What is left of a damaged run can still be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_agent.errors import TraceError
from cxr_agent.trace import read_trace, salvage_trace
from cxr_agent.trace.line import MAX_LINE_BYTES

from .example import COUNT


def test_an_intact_run_is_read_as_ever(folder: Path) -> None:
    assert salvage_trace(folder) == (read_trace(folder), ())


def test_lines_that_cannot_be_read_are_named_and_passed_over(lines: Path) -> None:
    pieces = lines.read_bytes().split(b"\n")
    pieces[0] = pieces[0].replace(b'"schema_version":2', b'"schema_version":99')
    pieces[6] = b"garbage"
    lines.write_bytes(b"\n".join(pieces)[:-3])
    trace, problems = salvage_trace(lines)
    assert [(problem.code, problem.line) for problem in problems] == [
        ("trace_schema", 1),
        ("trace_damaged", 7),
    ]
    assert trace.torn
    assert len(trace.lines) == COUNT - 3
    assert trace.started is None


def test_reading_ends_at_a_line_that_no_run_writes(lines: Path) -> None:
    with lines.open("ab") as file:
        file.write(b"x" * (MAX_LINE_BYTES + 2) + b"\n")
    trace, problems = salvage_trace(lines)
    assert len(trace.lines) == COUNT
    assert [problem.code for problem in problems] == ["trace_damaged"]


def test_no_trace_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="trace_not_found"):
        salvage_trace(tmp_path)
