"""Which of many runs are meant: by their ends first, which are cheap, then by what they found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Final

from cxr_agent.errors import TraceError, UsageError
from cxr_agent.trace.events import EvidenceAdded, Withdrawn
from cxr_agent.trace.find import TraceHeader
from cxr_agent.trace.layout import LINES
from cxr_agent.trace.line import stamp
from cxr_agent.trace.reader import read_trace

STATUSES: Final = ("complete", "partial", "refused", "failed", "unfinished", "damaged")
POLARITIES: Final = ("present", "absent", "uncertain")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a run must be like; None and empty ask for nothing."""

    since: str | None = None
    """As :attr:`TraceHeader.started`."""
    until: str | None = None
    """The last moment that is not too late."""
    planner: str | None = None
    """Part of its name, in any case."""
    statuses: frozenset[str] = frozenset()
    """Of :data:`STATUSES`."""
    slower: float | None = None
    """Took more seconds than this."""
    faster: float | None = None
    """Took fewer seconds than this."""
    finding: str | None = None
    """Code of a finding that the run states and did not withdraw."""
    polarity: str | None = None

    def choose(
        self, headers: Iterable[TraceHeader], limit: int | None = None
    ) -> Iterator[TraceHeader]:
        """Those that are meant, in their order; no more runs are read than it takes."""
        return islice(filter(self._fits, headers), limit)

    def _fits(self, header: TraceHeader) -> bool:
        return self._ends_fit(header) and (self.finding is None or self._found(header))

    def _ends_fit(self, header: TraceHeader) -> bool:
        started = header.started
        return (
            (self.since is None or (started is not None and started >= self.since))
            and (self.until is None or (started is not None and started <= self.until))
            and (self.planner is None or self.planner.lower() in (header.planner or "").lower())
            and (not self.statuses or status_of(header) in self.statuses)
            and (self.slower is None or (header.seconds or 0) > self.slower)
            and (
                self.faster is None or (header.seconds is not None and header.seconds < self.faster)
            )
        )

    def _found(self, header: TraceHeader) -> bool:
        """A run that cannot be read states nothing."""
        try:
            # Most runs that cannot match are told by their bytes, long before their lines.
            if str(self.finding).encode() not in (header.directory / LINES).read_bytes():
                return False
            events = read_trace(header.directory).events
        except (OSError, TraceError):
            return False
        gone = {id for e in events if isinstance(e, Withdrawn) for id in e.evidence}
        return any(
            event.evidence.get("kind") == "finding"
            and event.evidence.get("code") == self.finding
            and event.evidence.get("id") not in gone
            and self.polarity in (None, event.evidence.get("polarity"))
            for event in events
            if isinstance(event, EvidenceAdded)
        )


def status_of(header: TraceHeader) -> str:
    """One of :data:`STATUSES`."""
    return header.status or ("damaged" if header.problem else "unfinished")


def moment(text: str, *, after: bool = False) -> str:
    """A date, or a date with a time, as a trace writes moments; UTC where no zone is given.

    Parameters
    ----------
    after
        Of a date the end, not the beginning.

    Raises
    ------
    UsageError
        ``bad_date``.
    """
    try:
        if "T" in text or " " in text or ":" in text:
            found = datetime.fromisoformat(text)
        else:
            found = datetime.combine(date.fromisoformat(text), time.max if after else time.min)
        return stamp(found if found.tzinfo else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise UsageError(
            "bad_date",
            f"{text!r} is no date",
            hint="write 2026-01-31, or 2026-01-31T14:30 (UTC)",
        ) from None


def statuses(text: str) -> frozenset[str]:
    """Statuses out of a list with commas; raises :class:`UsageError` ``bad_status``."""
    named = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not named or not named <= set(STATUSES):
        raise UsageError(
            "bad_status", f"{text!r} names no status of a run", hint=f"of {', '.join(STATUSES)}"
        )
    return named


def finding(text: str) -> tuple[str, str | None]:
    """Code and polarity out of ``CODE`` or ``CODE=present``; raises ``bad_finding``."""
    code, separator, polarity = text.partition("=")
    if not code or (separator and polarity not in POLARITIES):
        raise UsageError(
            "bad_finding",
            f"{text!r} is no finding",
            hint=f"write CODE, or CODE= and one of {', '.join(POLARITIES)}",
        )
    return code, polarity or None
