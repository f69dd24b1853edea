"""What can still be read of a run whose file is damaged."""

from __future__ import annotations

from pathlib import Path

from cxr_agent.errors import TraceError
from cxr_agent.trace.head import read_head
from cxr_agent.trace.line import Line, digest
from cxr_agent.trace.reader import Trace, lines_file, not_readable, parse, raw_lines
from cxr_agent.trace.verify import Problem


def salvage_trace(path: Path) -> tuple[Trace, tuple[Problem, ...]]:
    """Read a run as :func:`read_trace` does, but go on after a line that cannot be read.

    For looking at it, never for building on it: what is left may lack what mattered.

    Returns
    -------
    tuple
        What could be read, and a problem for each line that could not.

    Raises
    ------
    TraceError
        ``trace_not_found`` or ``trace_not_readable``.
    """
    file = lines_file(path)
    lines: list[Line] = []
    digests: list[str] = []
    ends: list[int] = []
    head: bytes | None = None
    problems: list[Problem] = []
    torn = False
    try:
        head = read_head(file.parent)
        with file.open("rb") as stream:
            for number, data, whole in raw_lines(stream):
                if not whole:
                    torn = True
                    break
                try:
                    lines.append(parse(data, number))
                    digests.append(digest(data))
                    ends.append(stream.tell())
                except TraceError as error:
                    problems.append(Problem(error.code, error.message, number))
    except TraceError as error:
        problems.append(Problem(error.code, error.message))
    except OSError as error:
        raise not_readable(error, file) from error
    trace = Trace(file.parent, tuple(lines), tuple(digests), torn, tuple(ends), head)
    return trace, tuple(problems)
