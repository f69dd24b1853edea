"""The headers of many files, read by a few decode workers, in the order of the files."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Final

from cxr_agent.batch.listing.found import Candidate, Fault, Found
from cxr_agent.errors import InputCode, InputError, PriorCode
from cxr_agent.imaging import Decoder
from cxr_agent.imaging.film_folder import FileNumber, file_number
from cxr_agent.imaging.heading import Heading
from cxr_agent.imaging.refusal import refusal

_MOST_WORKERS: Final = 4
_AHEAD: Final = 64
"""Files that are asked for before the first of them has answered."""


class Headings:
    """Workers that read headers; to be closed."""

    def __init__(self) -> None:
        count = max(1, min(_MOST_WORKERS, os.cpu_count() or 1))
        self._decoders = [Decoder() for _ in range(count)]
        self._idle: SimpleQueue[Decoder] = SimpleQueue()
        for decoder in self._decoders:
            self._idle.put(decoder)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="cxr-headings")

    def of(self, path: str) -> Heading:
        """One; raises as :meth:`~cxr_agent.imaging.Decoder.heading_of`."""
        decoder = self._idle.get()
        try:
            return decoder.heading_of(path)
        except UnicodeEncodeError:  # a text that is no name of a file anywhere
            raise refusal(InputCode.UNREADABLE_PATH) from None
        finally:
            self._idle.put(decoder)

    def read(self, candidates: Iterable[Candidate]) -> Iterator[Found]:
        """Each candidate with its heading; a file that was there before with a fault."""
        known: set[FileNumber] = set()
        asked: deque[Future[Found]] = deque()
        for candidate in candidates:
            asked.append(self._pool.submit(self._found, candidate, _is_known(candidate, known)))
            if len(asked) >= _AHEAD:
                yield asked.popleft().result()
        while asked:
            yield asked.popleft().result()

    def _found(self, candidate: Candidate, known: bool) -> Found:
        if candidate.given is not None:
            return Found(candidate)
        if candidate.fault is not None:
            return Found(candidate, fault=candidate.fault)
        if known:
            return Found(candidate, fault=Fault.of(refusal(PriorCode.DUPLICATE_FILM)))
        what = ""
        try:
            heading = self.of(candidate.path)
            for n, prior in enumerate(candidate.said.priors if candidate.said else (), 1):
                what = f"prior {n}"
                self.of(prior)
        except InputError as error:
            return Found(candidate, fault=Fault.of(error, what))
        return Found(candidate, heading, place=candidate.path)

    def close(self) -> None:
        """End the workers."""
        self._pool.shutdown(cancel_futures=True)
        for decoder in self._decoders:
            decoder.close()


def _is_known(candidate: Candidate, known: set[FileNumber]) -> bool:
    """Whether the file was met under another name; it is known from now on."""
    number = file_number(candidate.path) if candidate.path else None
    if number is None:
        return False
    if number in known:
        return True
    known.add(number)
    return False
