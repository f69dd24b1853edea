"""Mutated messages to the MCP server, over the standard streams of the real program."""

from __future__ import annotations

import json
import os
import random
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.cli.program import MODULE, ROOT, environment
from tests.imaging.films import dicom

from .engine import HANGS_AFTER_S, Campaign, Trouble
from .mutators import by_value, mutated

_NAME: Final = "MCP messages"
_STARTS_S: Final = 90.0
_AT_ONCE: Final = 25


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "tools/call",
        "params": {"name": name, "arguments": arguments},
    }


_HELLO: Final = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "fuzz", "version": "0"},
    },
}
SEEDS: Final = tuple(
    json.dumps(one).encode()
    for one in (
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 2, "method": "resources/list", "params": {}},
        {
            "jsonrpc": "2.0",
            "id": 3,
            "method": "resources/read",
            "params": {"uri": "cxr-agent://study-1/drawn/ab"},
        },
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}},
        _call("open_study", films=["film.dcm"]),
        _call("open_study", films=["none.dcm"], priors=[]),
        _call("explain", study="study-1", sentence="s1"),
        _call("cardiothoracic_ratio", study="study-1", film="img-1"),
    )
)


def fuzz_messages(cases: int, seed: int = 0) -> Campaign:
    """Send so many messages; between them a right one has to be answered."""
    found = Campaign()
    if not cases:
        return found
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name, _server(Path(name)) as server:
        for first in range(0, cases, _AT_ONCE):
            sent = [
                _message(seed * 10_000_000 + number)
                for number in range(first, min(cases, first + _AT_ONCE))
            ]
            began = time.monotonic()
            trouble = server.take(sent, first)
            took = (time.monotonic() - began) / len(sent)
            found.cases[_NAME] += len(sent)
            found.taken[_NAME] += len(sent)
            found.slowest[_NAME] = max(found.slowest.get(_NAME, 0.0), took)
            if trouble:
                found.troubles.append(Trouble(_NAME, trouble, seed, b"\n".join(sent)))
                break
    found.seconds = time.monotonic() - started
    return found


def _message(seed: int) -> bytes:
    dice = random.Random(seed)
    made = mutated(dice.choice(SEEDS), dice, (by_value, by_value, by_value))
    return made.replace(b"\n", b" ").replace(b"\r", b" ")


class _Server:
    """The real program, serving."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self._process = process
        self._errors = errors
        self._rest = b""

    def take(self, messages: list[bytes], number: int) -> str:
        """Send messages and a ping; what went wrong, or an empty text."""
        ping = {"jsonrpc": "2.0", "id": f"ping-{number}", "method": "ping"}
        try:
            self._send(b"\n".join([*messages, json.dumps(ping).encode()]) + b"\n")
        except BrokenPipeError:
            return "the server ended"
        if not self._answered(f"ping-{number}", HANGS_AFTER_S * len(messages)):
            return "the server ended" if self._process.poll() is not None else "hang"
        return self._told()

    def start(self) -> None:
        self._send(json.dumps(_HELLO).encode() + b"\n")
        if not self._answered(0, _STARTS_S):
            raise RuntimeError(f"no server: {self._errors.read_text()[-500:]}")
        self._send(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')

    def _send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def _told(self) -> str:
        faults = ("Traceback (most", "internal_error", "fault of the program")
        text = self._errors.read_text(errors="replace")
        return next((f"standard error: {fault}" for fault in faults if fault in text), "")

    def _answered(self, name: str | int, seconds: float) -> bool:
        assert self._process.stdout is not None
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while (left := end - time.monotonic()) > 0:
                if not ready.select(left):
                    return False
                more = os.read(self._process.stdout.fileno(), 1 << 16)
                if not more:
                    return False
                *lines, self._rest = (self._rest + more).split(b"\n")
                if b"internal_error" in more:
                    return False
                if any(json.loads(line).get("id") == name for line in lines if line.strip()):
                    return True
        return False


@contextmanager
def _server(folder: Path) -> Iterator[_Server]:
    (folder / "films").mkdir()
    (folder / "films" / "film.dcm").write_bytes(dicom())
    errors = folder / "errors.txt"
    with errors.open("wb") as told:
        process = subprocess.Popen(
            [sys.executable, *MODULE, "serve", "mcp", "--films", str(folder / "films")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
            env=environment(folder / "traces", PYTHONPATH=str(ROOT)),
            cwd=folder,
        )
    server = _Server(process, errors)
    try:
        server.start()
        yield server
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()
