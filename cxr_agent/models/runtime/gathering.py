"""Studies that are read at the same time share the runs of the networks.

While the device is busy, calls queue up; when it gets free, what is queued up for one model goes
through it in one run. So nobody ever waits for company: a call that finds the device idle runs at
once and alone, and the busier the device, the larger the batches. There is no timer and no thread
of its own: the call that stands first in the queue does the run for all that join it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cxr_agent.models.runtime.network import Arrays

_Found = dict[str, Arrays]


@dataclass(slots=True, eq=False)
class _Call:
    """One caller's tiles on their way."""

    model: str
    tiles: Arrays
    woken: threading.Event = field(default_factory=threading.Event)
    leading: bool = False
    """It has one of the device's places and does a run, or is about to."""
    alone: bool = False
    """It was part of a run that failed."""
    gone: bool = False
    """Its caller was interrupted."""
    part: _Found | None = None

    def joins(self, leader: _Call) -> bool:
        """Whether it may be part of the other one's run."""
        return self.model == leader.model and not (self.alone or leader.alone)


class Gathering:
    """Gathers the calls of several threads for one device.

    The device has places for a few runs at a time. Places are given in the order of the calls,
    whatever model they are for, and calls for one model stay in their order too.

    Parameters
    ----------
    at_once
        Runs that the device does at the same time.
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: deque[_Call] = deque()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """Calls that wait for a place or a run to join."""
        with self._lock:
            return len(self._waiting)

    def run(
        self,
        model: str,
        tiles: Arrays,
        network: Callable[[Arrays], _Found],
        most: Callable[[], int],
    ) -> _Found:
        """Run tiles through a model, together with those of others where that costs no time.

        A run of several calls that fails is done again for each of them by itself, so an error
        reaches only whom it concerns, and in the caller's own thread. A caller that is
        interrupted leaves; nobody waits for it.

        Parameters
        ----------
        model
            Calls with the same name may go together.
        tiles
            (N, 1, S, S) float32, N at least 1.
        network
            Runs any number of tiles through the model; each array that it gives has N as its
            first axis.
        most
            Tiles that go together at most, asked when a run begins. More than that from one call
            are handed to ``network`` all the same.

        Returns
        -------
        dict
            By name, what ``network`` gave for these tiles. The arrays may be views: they keep what
            was run together in memory.
        """
        if not len(tiles):
            raise ValueError("no tiles")
        call = _Call(model, tiles)
        try:
            with self._lock:
                self._waiting.append(call)
                self._appoint()
            while call.part is None:
                call.woken.wait()
                call.woken.clear()
                if call.leading:
                    self._lead(call, network, most)
        except BaseException:
            self._leave(call)
            raise
        return call.part

    def _appoint(self) -> None:
        """Give free places to the calls that wait longest; under the lock."""
        while self._free and self._waiting:
            call = self._waiting.popleft()
            self._free -= 1
            call.leading = True
            call.woken.set()

    def _lead(
        self, leader: _Call, network: Callable[[Arrays], _Found], most: Callable[[], int]
    ) -> None:
        """Do one run for a call and all that join it, then give the place to the next one."""
        calls = [leader]
        again: list[_Call] = []
        try:
            self._join(calls, most())
            _hand_out(calls, network(_together(calls)))
        except Exception:
            if len(calls) == 1:
                raise
            for call in calls:
                call.alone = True
            again = calls
        except BaseException:
            again = calls[1:]  # it is the leader alone who was interrupted
            raise
        finally:
            self._end(leader, again)

    def _join(self, calls: list[_Call], most: int) -> None:
        """Take the calls that wait for the same model, in their order, until no more fits."""
        count = len(calls[0].tiles)
        with self._lock:
            for call in [call for call in self._waiting if call.joins(calls[0])]:
                count += len(call.tiles)
                if count > most:
                    return
                calls.append(call)
                self._waiting.remove(call)

    def _end(self, leader: _Call, again: Sequence[_Call]) -> None:
        with self._lock:
            left = [call for call in again if call.part is None and not call.gone]
            self._waiting.extendleft(reversed(left))
            leader.leading = False
            self._free += 1
            self._appoint()

    def _leave(self, call: _Call) -> None:
        with self._lock:
            call.gone = True
            if call in self._waiting:
                self._waiting.remove(call)
            if call.leading:  # it was interrupted before its run began
                call.leading = False
                self._free += 1
                self._appoint()


def _together(calls: Sequence[_Call]) -> Arrays:
    return calls[0].tiles if len(calls) == 1 else np.concatenate([call.tiles for call in calls])


def _hand_out(calls: Sequence[_Call], found: _Found) -> None:
    """Views, not copies: the outlines of one film take 20 MB, and nobody keeps them for long."""
    count = sum(len(call.tiles) for call in calls)
    if any(len(array) != count for array in found.values()):
        raise ValueError("not one result for each tile")  # one film's would become another's
    start = 0
    for call in calls:
        end = start + len(call.tiles)
        call.part = {name: array[start:end] for name, array in found.items()}
        call.woken.set()
        start = end
