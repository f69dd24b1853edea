"""The runs of a folder as a list: what each found, and which of them are asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_from_bytes

from cxr_agent.errors import TraceError, UsageError
from cxr_agent.trace import (
    Corrected,
    EvidenceAdded,
    TraceHeader,
    Withdrawn,
    list_traces,
    salvage_trace,
)
from cxr_agent.trace.layout import LINES
from cxr_agent.viewing.harmless import harmless

RUNNING: Final = "not finished"


@dataclass(frozen=True, slots=True)
class Found:
    """What a run holds beyond its header."""

    findings: tuple[str, ...] = ()
    """Readings of findings that count."""
    present: tuple[str, ...] = ()
    """Codes of those that are present, in words."""
    corrections: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One run of the list."""

    header: TraceHeader
    found: Found

    @property
    def name(self) -> str:
        return str(harmless(self.header.name))

    @property
    def address(self) -> str:
        """The name of the folder as it stands in an address."""
        return address_of(self.header)

    @property
    def planner(self) -> str:
        return str(harmless(self.header.planner or ""))

    @property
    def status(self) -> str:
        return self.header.status or self.header.problem or RUNNING

    @property
    def started(self) -> str:
        return (self.header.started or "")[:19].replace("T", " ")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs are asked for; an empty field asks for nothing."""

    since: str = ""
    until: str = ""
    status: str = ""
    planner: str = ""
    finding: str = ""
    """Words of a finding's reading."""

    @classmethod
    def asked(cls, fields: dict[str, str]) -> Wanted:
        """From the fields of a form; raises UsageError ``bad_date``."""
        kept = {name: fields.get(name, "").strip()[:200] for name in cls.__dataclass_fields__}
        for name in ("since", "until"):
            if kept[name]:
                try:
                    date.fromisoformat(kept[name])
                except ValueError:
                    raise UsageError("bad_date", "a date is given as 2026-01-31") from None
        return cls(**kept)

    def fits(self, row: Row) -> bool:
        day = row.started[:10]
        words = self.finding.lower().split()
        texts = [text.lower() for text in row.found.findings]
        return (
            (not self.since or self.since <= day)
            and (not self.until or (bool(day) and day <= self.until))
            and self.status in ("", row.status)
            and self.planner in ("", row.planner)
            and (not words or any(all(word in text for word in words) for text in texts))
        )


class Listing:
    """The runs of one folder; what was read of a run is kept until its file changes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._kept: dict[Path, tuple[tuple[int, int], Found]] = {}
        self._lock = threading.Lock()

    def rows(self) -> tuple[Row, ...]:
        """All runs, newest first. Raises TraceError ``trace_not_readable``."""
        return tuple(Row(header, self._found(header.directory)) for header in self._headers())

    def find(self, address: str) -> Path | None:
        """The folder of a run by its name in an address; only what is listed is found."""
        return next((h.directory for h in self._headers() if address_of(h) == address), None)

    def _headers(self) -> Iterator[TraceHeader]:
        for header in list_traces(self.root):
            # A link may lead anywhere; what is served lies in this folder.
            if not header.directory.is_symlink() and not (header.directory / LINES).is_symlink():
                yield header

    def _found(self, directory: Path) -> Found:
        try:
            state = (directory / LINES).stat()
        except OSError:
            return Found()
        stamp = (state.st_mtime_ns, state.st_size)
        with self._lock:
            kept = self._kept.get(directory)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        found = _read(directory)
        with self._lock:
            self._kept[directory] = stamp, found
        return found


def address_of(header: TraceHeader) -> str:
    """The name of a run's folder as it stands in an address."""
    return quote_from_bytes(bytes(header.directory.name, "utf-8", "surrogateescape"), safe="")


def planners(rows: Iterable[Row]) -> list[str]:
    """The planners that the list may be narrowed to."""
    return sorted({row.planner for row in rows if row.planner})


def statuses(rows: Iterable[Row]) -> list[str]:
    """The statuses that the list may be narrowed to."""
    return sorted({row.status for row in rows})


def _read(directory: Path) -> Found:
    try:
        trace, _ = salvage_trace(directory)
    except TraceError:
        return Found()
    gone = {i for event in trace.events if isinstance(event, Withdrawn) for i in event.evidence}
    counted: list[dict[str, Any]] = [
        event.evidence
        for event in trace.events
        if isinstance(event, EvidenceAdded)
        and event.evidence.get("kind") == "finding"
        and event.evidence.get("id") not in gone
    ]
    present = [item.get("code") for item in counted if item.get("polarity") == "present"]
    return Found(
        findings=tuple(str(harmless(str(item.get("reading", "")))) for item in counted),
        present=tuple(dict.fromkeys(str(harmless(str(c))).replace("_", " ") for c in present)),
        corrections=sum(isinstance(event, Corrected) for event in trace.events),
    )
