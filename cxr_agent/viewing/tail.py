"""Following a run while it is written: its further whole lines, as they come."""

from __future__ import annotations

from pathlib import Path

from cxr_agent.errors import TraceError
from cxr_agent.trace import Line
from cxr_agent.trace.layout import LINES
from cxr_agent.trace.reader import not_readable, parse


class Tail:
    """The lines of a run from its beginning; each is given once.

    Lines that cannot be read are passed over: a damaged run is shown, not followed further.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / LINES
        self._read = 0
        """Bytes of whole lines so far."""
        self._number = 0

    def further(self) -> list[Line] | None:
        """Lines since the last call; None where the file was cut, so that all counts anew.

        Raises
        ------
        TraceError
            ``trace_not_readable``.
        """
        try:
            size = self._file.stat().st_size
            if size < self._read:
                return None
            if size == self._read:
                return []
            with self._file.open("rb") as stream:
                stream.seek(self._read)
                data = stream.read(size - self._read)
        except OSError as error:
            raise not_readable(error, self._file) from error
        # What has no line feed yet is not acknowledged: it may still be taken back.
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        return [line for piece in whole.split(b"\n")[:-1] if (line := self._line(piece))]

    def _line(self, piece: bytes) -> Line | None:
        self._number += 1
        try:
            return parse(piece, self._number)
        except TraceError:
            return None
