"""A study that is read, and whose record is not on the disk yet.

Putting it there takes the disk's time and hardly the processor's: who reads many studies has that
done by another thread while the next study is read.
"""

from __future__ import annotations

from dataclasses import dataclass

from cxr_agent.reading.run import Run
from cxr_agent.report.model import Report


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a reading gave, before anybody may be told of it."""

    report: Report
    _run: Run

    def finish(self) -> Report:
        """Write the end of the run and close its trace, in any thread; to be called once.

        Raises
        ------
        OutputError
            When the trace cannot be written.
        """
        with self._run.trace:
            try:
                self._run.finish()
            except BaseException as error:
                self._run.fail(error)
                raise
        return self.report
