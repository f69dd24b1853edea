"""A process that has imported what most commands need, and forks the program for each command.

    python -m tests.cli.warm SOCKET [MODULE ...]

It serves :func:`tests.cli.program.run_program`: an interpreter that imports all of this costs more
than a second of processor time, a fork some milliseconds. What is forked is the program as
``python -m cxr_agent.cli.main`` starts it: its own arguments, environment, folder and streams, and
the interpreter's own end. Nothing has been run in the process that is forked, only imported; what
is not imported here (torch, litellm, pydicom) is imported by the commands that need it, as ever.
onnxruntime cannot be: a thread that it starts when it is imported is waited for when a fork ends.

Each request is one line of JSON on a Unix socket, with the three streams as file descriptors; the
answers are the number of the process and then its status, as :mod:`subprocess` has it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
from typing import Any

MODULES = (
    *("cxr_agent.cli.main", "cxr_agent.reading.agent", "cxr_agent.reading.run"),
    *("cxr_agent.replaying", "cxr_agent.report.render", "cxr_agent.trace"),
    *(
        "cxr_agent.toolbox.comparing",
        "cxr_agent.toolbox.measuring",
        "cxr_agent.batch.listing.listing",
    ),
    *("langgraph.graph", "PIL.PngImagePlugin", "scipy.ndimage", "rich.console", "jinja2"),
)
MOST = 1 << 20
"""Bytes of a request."""


def child(request: dict[str, Any]) -> None:
    """Become the program; returns never.

    Raises
    ------
    SystemExit
        As the program ends.
    """
    os.environ.clear()
    os.environ.update(request["environment"])
    if request["folder"] is not None:
        os.chdir(request["folder"])
    sys.path[0] = os.getcwd()  # noqa: PTH109
    sys.argv[1:] = request["arguments"]
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        number = ("stdin", "stdout", "stderr").index(name)
        errors = "backslashreplace" if name == "stderr" else "surrogateescape"
        setattr(sys, name, os.fdopen(number, mode, errors=errors, closefd=False))
    del sys.modules["cxr_agent.cli.main"]  # it becomes __main__, as with -m
    runpy.run_module("cxr_agent.cli.main", run_name="__main__", alter_sys=True)
    sys.exit(0)


def keep(connection: socket.socket, request: dict[str, Any], streams: list[int]) -> bool:
    """Fork the program, tell its number and then its status; whether this is the program."""
    number = os.fork()
    if number == 0:
        connection.close()
        for place, stream in enumerate(streams):
            os.dup2(stream, place)
            os.close(stream)
        return True
    for stream in streams:
        os.close(stream)
    with contextlib.suppress(OSError):  # whoever asked may be gone
        connection.sendall(f"{number}\n".encode())
        status = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
        connection.sendall(f"{status}\n".encode())
    os._exit(0)


def main() -> None:
    """Serve until whoever started this closes the other end."""
    number, *heavy = sys.argv[1:]
    for name in (*MODULES, *heavy):
        importlib.import_module(name)
    assert threading.active_count() == 1  # a fork takes along none but the one that forks
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those who keep are not waited for
    with socket.socket(fileno=int(number)) as server:
        while True:
            data, streams, _, _ = socket.recv_fds(server, MOST, 4)
            if not data:
                return
            connection = socket.socket(fileno=streams.pop())
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                server.close()
                request = json.loads(data)
                if keep(connection, request, streams):
                    break
            for one in (*streams, connection.detach()):
                os.close(one)
    child(request)


if __name__ == "__main__":
    main()
