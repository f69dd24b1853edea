"""Studies read in this very process, one after the other: for debuggers, and for tools that
cannot be sent to another process. What crashes or hangs takes the batch along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cxr_agent.batch.work import Finished, ReaderSource, StudyResult, Take, Update, ended


class Inline:
    """A :class:`~cxr_agent.batch.work.Runner` without workers."""

    def __init__(self, source: ReaderSource) -> None:
        self._source = source

    def record(self) -> dict[str, Any]:
        """What it is, for the manifest."""
        return {"kind": "inline"}

    def run(self, take: Take) -> Iterator[Update]:
        """As :meth:`cxr_agent.batch.work.Runner.run`."""
        with self._source() as reader:
            while (task := take()) is not None:
                loaded = reader.load(task)
                read = loaded if isinstance(loaded, StudyResult) else reader.read(task, loaded)
                yield Finished(task, ended(read))
