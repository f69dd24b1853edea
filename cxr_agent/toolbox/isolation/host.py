"""Who runs isolated tools: one warm process for each, and the servers that the user allows."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cxr_agent.errors import ToolError
from cxr_agent.evidence import Observation
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import Abstain, ToolResult, ToolSpec
from cxr_agent.toolbox.isolation.call import write_call
from cxr_agent.toolbox.isolation.endpoint import post, remote_allowed
from cxr_agent.toolbox.isolation.message import BadMessage, Part, PlaneReader
from cxr_agent.toolbox.isolation.places import CodePlace, Endpoint, Isolation
from cxr_agent.toolbox.isolation.process import DiedBeforeTheCall, ToolProcess
from cxr_agent.toolbox.isolation.reply import CONTRACT, most_bytes, read_reply
from cxr_agent.toolbox.limits import call_within, check_memory

_TRIES: Final = 2
_Key = tuple[CodePlace | None, Isolation | None]


class ToolHost:
    """Runs isolated tools; safe to share between threads, one call of a tool at a time.

    A process is started with the first call of its tool and kept for the next. One that crashes,
    hangs or takes too much costs its call only.

    Parameters
    ----------
    allow_remote
        Whether films may be sent to a tool that names an address; without it, as
        ``CXR_AGENT_REMOTE_TOOLS`` says, and ``1`` is yes.
    """

    def __init__(self, *, allow_remote: bool | None = None) -> None:
        self.allow_remote = remote_allowed() if allow_remote is None else allow_remote
        self._guard = threading.Lock()
        self._turns: defaultdict[_Key, threading.Lock] = defaultdict(threading.Lock)
        self._processes: dict[_Key, ToolProcess] = {}

    def run(
        self, spec: ToolSpec, keywords: Mapping[str, Any], film: Image
    ) -> tuple[ToolResult, tuple[Observation, ...]]:
        """What an isolated tool answers.

        Raises
        ------
        Abstain
            When it does; ``remote_not_allowed`` when the film would have to be sent.
        ToolError
            ``tool_not_started``, ``tool_timeout``, ``tool_memory``, ``tool_exited``,
            ``tool_crashed``, ``tool_contract``, ``remote_unreachable``, ``remote_refused``, and
            what the tool raises.
        """
        place = spec.isolation
        if isinstance(place, Endpoint) and not self.allow_remote:
            raise Abstain(spec.subject, "remote_not_allowed")
        parts, unpacked = write_call(spec, keywords)
        most = most_bytes(spec, film.shape)
        try:
            if isinstance(place, Endpoint):
                head, body = self._posted(spec, place, parts, most)
            else:
                head, body = self._asked(spec, parts, unpacked, most)
            return read_reply(spec, film.shape, head, PlaneReader(body))
        except BadMessage as error:
            raise ToolError(CONTRACT, f"{spec.name} answered {error}") from error

    def close(self) -> None:
        """End the processes. The next :meth:`run` would start another."""
        with self._guard:
            processes = list(self._processes.values())
            self._processes.clear()
        for process in processes:
            process.end()

    def pid_of(self, spec: ToolSpec) -> int | None:
        """Process number of a tool's worker, if one is running."""
        process = self._processes.get(_key(spec))
        return process.process.pid if process is not None and process.usable else None

    @staticmethod
    def _posted(
        spec: ToolSpec, place: Endpoint, parts: Sequence[Part], most: int
    ) -> tuple[dict[str, Any], memoryview]:
        # Looking a name up cannot be interrupted: the wait for it can.
        seconds = spec.time_limit_s
        return call_within(seconds, spec.name, lambda: post(spec.name, place, parts, seconds, most))

    def _asked(
        self, spec: ToolSpec, parts: Sequence[Part], unpacked: int, most: int
    ) -> tuple[dict[str, Any], memoryview]:
        check_memory(spec.name, spec.memory_mib)
        with self._guard:
            turn = self._turns[_key(spec)]
        with turn:
            for _ in range(_TRIES):
                process = self._ready(spec)
                try:
                    return process.ask(parts, unpacked, spec.time_limit_s, most)
                except DiedBeforeTheCall:
                    continue
                finally:
                    if not process.usable:
                        self._discard(spec)
        raise ToolError("tool_crashed", f"the process of {spec.name} ended before it was asked")

    def _ready(self, spec: ToolSpec) -> ToolProcess:
        known = self._processes.get(_key(spec))
        if known is not None and known.usable:
            return known
        self._discard(spec)
        process = ToolProcess(spec)
        with self._guard:
            self._processes[_key(spec)] = process
        return process

    def _discard(self, spec: ToolSpec) -> None:
        with self._guard:
            process = self._processes.pop(_key(spec), None)
        if process is not None:
            process.end()


def _key(spec: ToolSpec) -> _Key:
    """A contract cannot be hashed; what a process is made from can."""
    return spec.code_place, spec.isolation
