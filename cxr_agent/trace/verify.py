"""Whether a trace is still what the run wrote.

The hash chain finds a line that was changed, removed, added or moved, and the head file that the
last one was. They are no signature: who rewrites both leaves a chain that closes. To rule that
out, keep :attr:`Verification.head` somewhere else.

A run that was cut off has no head file, or one of an earlier end: it is intact and not sealed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from cxr_agent.errors import TraceError
from cxr_agent.trace.events import RunFinished, RunResumed, RunStarted, artifacts_of
from cxr_agent.trace.head import Head, decode_head
from cxr_agent.trace.line import FIRST, GENESIS
from cxr_agent.trace.reader import Trace


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as the run wrote it."""

    code: str
    message: str
    line: int | None = None
    """Number of the line in the file as it stands, from 1."""
    artifact: str | None = None
    """SHA-256 that names the artifact."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found."""

    run_id: str
    lines: int
    artifacts: int
    """Artifacts that the events point to."""
    problems: tuple[Problem, ...]
    finished: bool
    """The run was ended by its program, not by a crash."""
    torn: bool
    head: str
    """SHA-256 of the last line: stands for the whole trace."""
    sealed: bool
    """The head file tells of the last line, so that a change of it, or its loss, shows."""

    @property
    def intact(self) -> bool:
        """Nothing was changed; the run may still be unfinished."""
        return not self.problems


def verify(trace: Trace) -> Verification:
    """Check the chain, the order, the clock, and every artifact."""
    artifacts = _artifacts(trace)
    chain = tuple(_chain(trace))
    end = tuple(_end(trace, whole=not chain))
    return Verification(
        run_id=trace.run_id,
        lines=len(trace.lines),
        artifacts=len(artifacts),
        problems=(*chain, *end, *_clock(trace), *_shape(trace), *_damage(trace, artifacts)),
        finished=trace.finished is not None,
        torn=trace.torn,
        head=trace.digests[-1] if trace.digests else GENESIS,
        sealed=not chain and not end and _is_sealed(trace),
    )


def _chain(trace: Trace) -> Iterator[Problem]:
    gaps = _gaps(trace)
    seq, previous = FIRST - 1, GENESIS
    for number, (line, digest) in enumerate(zip(trace.lines, trace.digests, strict=True), FIRST):
        if line.seq in gaps:
            yield Problem("line_missing", gaps.pop(line.seq), line=number)
        elif line.seq != seq + 1:
            yield Problem("line_moved", f"line {number} is out of order", line=number)
        elif line.previous != previous:
            if number == FIRST:
                yield Problem("line_changed", "line 1 does not begin the chain", line=FIRST)
            else:
                yield Problem(
                    "line_changed",
                    f"line {number - 1} is not what line {number} was written after",
                    line=number - 1,
                )
        seq, previous = line.seq, digest


def _gaps(trace: Trace) -> dict[int, str]:
    """The sequence number after each gap, and what is missing before it.

    A tampered number may be huge, so what is missing is never counted one by one.
    """
    present = sorted({FIRST - 1, *(line.seq for line in trace.lines)})
    return {
        after: _span(before + 1, after - 1)
        for before, after in pairwise(present)
        if after > before + 1
    }


def _span(first: int, last: int) -> str:
    if first == last:
        return f"line {first} of the run is missing"
    return f"lines {first} to {last} of the run are missing"


def _is_sealed(trace: Trace) -> bool:
    head = decode_head(trace.head_file or b"")
    return head is not None and head.seq == len(trace.lines) and not trace.torn


def _end(trace: Trace, *, whole: bool) -> Iterator[Problem]:
    """The head file held against the lines; ``whole`` is whether their chain holds."""
    if trace.head_file is None:
        return
    head = decode_head(trace.head_file)
    if head is None:
        yield Problem("head_damaged", "the head file is not as a run writes it")
        return
    count = len(trace.lines)
    last = trace.lines[-1].seq if trace.lines else FIRST - 1
    if head.sha256 in trace.digests:
        number = trace.digests.index(head.sha256)
        here = Head(trace.lines[number].seq, head.sha256, trace.ends[number])
        # Where lines are missing or moved, sizes differ for that.
        if whole and head != here:
            yield Problem("head_damaged", f"the head file does not fit line {number + 1}")
    elif head.seq > last:
        yield Problem("end_missing", f"{_span(last + 1, head.seq)} at its end")
    elif head.seq == last:
        told = f"line {count} is not what the head file tells of it"
        yield Problem("line_changed", told, line=count)
    elif whole:  # the line after it tells what it was, and that is another thing
        yield Problem("head_damaged", f"the head file does not fit line {head.seq}")


def _clock(trace: Trace) -> Iterator[Problem]:
    for number, (before, after) in enumerate(pairwise(trace.lines), FIRST + 1):
        if isinstance(after.event, RunResumed):
            continue  # another process, perhaps after a restart of the machine: another clock
        if after.monotonic < before.monotonic:
            yield Problem("clock_backwards", f"line {number} is before line {number - 1}", number)


def _shape(trace: Trace) -> Iterator[Problem]:
    """A run starts once, first, and ends last, unless it is resumed."""
    if trace.started is None:
        yield Problem("no_start", "the trace does not begin with run_started")
    for number, line in enumerate(trace.lines, FIRST):
        if isinstance(line.event, RunStarted) and number > FIRST:
            yield Problem("second_start", f"line {number} starts the run again", number)
        ended = isinstance(line.event, RunFinished) and number < len(trace.lines)
        if ended and not isinstance(trace.lines[number].event, RunResumed):
            yield Problem("after_end", f"the run goes on after its end in line {number}", number)


def _artifacts(trace: Trace) -> dict[str, tuple[int, str]]:
    """SHA-256 to the first line that points to it, and what it is there."""
    found: dict[str, tuple[int, str]] = {}
    for number, event in enumerate(trace.events, FIRST):
        for what, sha256 in artifacts_of(event):
            found.setdefault(sha256, (number, what))
    return found


def _damage(trace: Trace, artifacts: dict[str, tuple[int, str]]) -> Iterator[Problem]:
    for sha256, (number, what) in artifacts.items():
        try:
            trace.artifact(sha256)
        except TraceError as error:
            yield Problem(error.code, f"{what}: {error.message}", number, sha256)
