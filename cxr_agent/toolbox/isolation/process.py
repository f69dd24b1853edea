"""A tool's worker process, from the side that asks it: watched, and ended when it is in the way."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import ToolError
from cxr_agent.toolbox.contract import ToolSpec
from cxr_agent.toolbox.isolation.message import (
    PREFIX,
    BadMessage,
    Part,
    read_head,
    read_prefix,
)
from cxr_agent.toolbox.isolation.places import OwnEnvironment, OwnProcess
from cxr_agent.toolbox.isolation.worker import BEGUN

START_S: Final = 60.0
"""For an interpreter and all that a tool imports to load, on a machine that is busy."""
_START: Final = Path(__file__).with_name("start.py")
_ALWAYS_PASSED: Final = (
    *("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SYSTEMROOT"),
    *("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"),
)
_TICK_S: Final = 0.05
"""How often a worker's memory is looked at while it works."""
_WATCH_SLACK_BYTES: Final = 128 << 20
"""Beyond the worker's own limit, which it meets first where the system has it."""
_PIPE_BYTES: Final = 1 << 20
_F_SETPIPE_SZ: Final = 1031
"""Linux only."""
_SILENT_S: Final = 1.0
"""For a process to be gone whose pipes are closed."""


class DiedBeforeTheCall(Exception):  # noqa: N818 - no fault of the tool's
    """The worker was gone before it had the whole call: another may be asked."""


class ToolProcess:
    """One worker and its two pipes; raises ToolError ``tool_not_started`` where there is none.

    Parameters
    ----------
    spec
        A tool whose isolation is a process.
    start_s
        Seconds that it may take to start.
    """

    def __init__(self, spec: ToolSpec, start_s: float = START_S) -> None:
        self._spec = spec
        self._owner = os.getpid()
        self._between_calls = False
        try:
            self.process = subprocess.Popen(
                _command(spec),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                env=_environment(spec),
                start_new_session=True,  # Ctrl-C is for the program, which then ends the worker
            )
        except OSError:
            raise _not_started(spec, "its interpreter cannot be run") from None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._calls, self._replies = self.process.stdin.fileno(), self.process.stdout.fileno()
        self.end = weakref.finalize(self, _end, self.process, self._owner)
        os.set_blocking(self._calls, False)
        os.set_blocking(self._replies, False)
        _widen(self._calls)
        _widen(self._replies)
        try:
            self._greet(time.monotonic() + start_s)
        except BaseException:
            self.end()
            raise
        self._at_rest = _private_bytes(self.process.pid)
        self._between_calls = True

    @property
    def usable(self) -> bool:
        """Whether it can be asked; after a fork it belongs to the parent process."""
        mine = self._owner == os.getpid()
        return self._between_calls and mine and self.process.poll() is None

    def ask(
        self, parts: Sequence[Part], unpacked_bytes: int, seconds: float, most: int
    ) -> tuple[dict[str, Any], memoryview]:
        """Have the tool called; the head and the planes of its reply.

        Parameters
        ----------
        parts, unpacked_bytes
            The call, and what its planes take.
        most
            Bytes that the planes of the reply may take.

        Raises
        ------
        DiedBeforeTheCall
            When it did not get the call.
        ToolError
            ``tool_timeout``, ``tool_memory``, ``tool_exited``, ``tool_crashed``.
        BadMessage
            When what came is no message.
        """
        self._between_calls = False
        deadline = time.monotonic() + seconds
        sent = sum(map(len, parts))
        allowed = unpacked_bytes + sent + (self._spec.memory_mib << 20) + _WATCH_SLACK_BYTES
        memory = None if self._at_rest is None else self._at_rest + allowed
        try:
            for part in parts:
                self._write(memoryview(part), deadline)
            begun = self._read(len(BEGUN), deadline)
        except _Ended:
            raise DiedBeforeTheCall from None
        if begun != BEGUN:
            raise BadMessage("no word that it began")
        try:
            head, body = self._message(deadline, most, memory)
        except _Ended:
            raise self._cause_of_death() from None
        self._between_calls = True
        return head, body

    def _greet(self, deadline: float) -> None:
        spec = self._spec
        try:
            hello, _ = self._message(deadline, 0, None)
        except ToolError:
            raise _not_started(spec, "it took too long") from None
        except (_Ended, BadMessage):
            raise _not_started(spec, "it ended, or did not speak as it should") from None
        if hello != {"ready": [spec.name, spec.version]}:
            why = hello.get("refused")
            told = why if isinstance(why, str) and why.isidentifier() else "another tool"
            raise _not_started(spec, told[:80])

    def _message(
        self, deadline: float, most: int, memory: int | None
    ) -> tuple[dict[str, Any], memoryview]:
        text, body = read_prefix(self._read(PREFIX.size, deadline, memory), most)
        head = read_head(self._read(text, deadline, memory))
        return head, memoryview(self._read(body, deadline, memory))

    def _read(self, size: int, deadline: float, memory: int | None = None) -> bytearray:
        data = bytearray(size)
        rest = memoryview(data)
        with _watch(self._replies, selectors.EVENT_READ) as selector:
            while rest:
                self._wait(selector, deadline, memory)
                try:
                    count = os.readv(self._replies, [rest])
                except BlockingIOError:
                    continue
                if not count:
                    raise _Ended
                rest = rest[count:]
        return data

    def _write(self, rest: memoryview, deadline: float) -> None:
        with _watch(self._calls, selectors.EVENT_WRITE) as selector:
            while rest:
                self._wait(selector, deadline, None)
                try:
                    rest = rest[os.write(self._calls, rest) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError:
                    raise _Ended from None

    def _wait(self, selector: selectors.BaseSelector, deadline: float, memory: int | None) -> None:
        """Until the pipe can be used; a child of the tool's may hold it open after its end."""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                limit = self._spec.time_limit_s
                raise ToolError("tool_timeout", f"{self._spec.name} did not finish in {limit:g} s")
            if selector.select(min(left, _TICK_S)):
                return
            if self.process.poll() is not None and not selector.select(0):
                raise _Ended
            if memory is not None and (_private_bytes(self.process.pid) or 0) > memory:
                raise ToolError("tool_memory", f"{self._spec.name} took more than it said")

    def _cause_of_death(self) -> ToolError:
        name = self._spec.name
        try:
            status = self.process.wait(_SILENT_S)
        except subprocess.TimeoutExpired:
            return ToolError("tool_crashed", f"{name} closed its pipes")
        if status >= 0:
            return ToolError("tool_exited", f"{name} ended its process with status {status}")
        if -status == getattr(signal, "SIGXCPU", 0):
            return ToolError("tool_timeout", f"{name} took too much of the processor")
        return ToolError("tool_crashed", f"{name} was ended by signal {-status}")


class _Ended(Exception):  # noqa: N818 - caught in this module
    """The process, or its end of a pipe, is gone."""


def _command(spec: ToolSpec) -> list[str]:
    code, place = spec.code_place, spec.isolation
    assert code is not None
    wanted: dict[str, Any] = {
        "module": code.module,
        "name": code.name,
        "file": code.file,
        "sha256": code.sha256,
        "path": None,
    }
    python = sys.executable
    if isinstance(place, OwnEnvironment):
        python = os.fspath(place.interpreter)
    else:
        wanted["path"] = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 ("" is here)
    return [python, "-P", "-s", os.fspath(_START), json.dumps(wanted)]


def _environment(spec: ToolSpec) -> dict[str, str]:
    """Little is inherited: the environment may hold keys."""
    place = spec.isolation
    named = place.passes if isinstance(place, OwnProcess | OwnEnvironment) else ()
    passed = {name: os.environ[name] for name in (*_ALWAYS_PASSED, *named) if name in os.environ}
    own = {"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1", "ORT_DISABLE_TELEMETRY": "1"}
    return {**own, **passed}


def _not_started(spec: ToolSpec, why: str) -> ToolError:
    place, hint = spec.isolation, ""
    if isinstance(place, OwnEnvironment):
        hint = f"What it needs: {' && '.join(place.enabled_by or (place.filled_by,))}"
    message = f"the process of {spec.name} did not start: {why}"
    return ToolError("tool_not_started", message, hint=hint)


def _watch(descriptor: int, event: int) -> selectors.BaseSelector:
    selector = selectors.DefaultSelector()
    selector.register(descriptor, event)
    return selector


def _widen(descriptor: int) -> None:
    """A film in pieces of 64 KiB costs a switch between processes for each."""
    try:
        import fcntl

        fcntl.fcntl(descriptor, _F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, OSError):
        pass


def _private_bytes(pid: int) -> int | None:
    """Resident memory that is no file's; None where it cannot be told."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        kib = [int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
    except (OSError, ValueError, IndexError):
        return None
    return sum(kib) << 10 if kib else None


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """Kill it with what it started, and reap it; in a fork of ours, only close the pipes."""
    if owner == os.getpid():
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (AttributeError, ProcessLookupError, PermissionError):
            process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    if owner != os.getpid():
        process.returncode = 0  # not our child: nothing to wait for
