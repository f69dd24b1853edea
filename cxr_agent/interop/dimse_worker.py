"""The process that speaks DIMSE: ``python -m cxr_agent.interop.dimse_worker``.

It reads one request as a line of JSON from standard input and writes lines of JSON to standard
output, each with ``failed`` (a code, or nothing). ``what`` in the request says what is wanted:

``send``
    Files, to an application entity: a line for each, with ``failed`` for that one.
``receive``
    Listen, and store what comes: a line with ``port``, then one with ``got`` for each object, where
    the request asks for those. It ends when the input does.

Its messages go nowhere, because the library quotes what it gets.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from cxr_agent.errors import StoreCode
from cxr_agent.imaging.worker_limits import limit_process
from cxr_agent.interop.dimse_limits import EXTRA_BYTES
from cxr_agent.interop.dimse_receive import Receiver, Reception
from cxr_agent.interop.dimse_send import Peer, sent

_lock = threading.Lock()


def main() -> int:
    """Answer one request."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is for the program, which then ends this one
    request = json.loads(sys.stdin.readline())
    logging.disable(logging.CRITICAL)
    os.umask(0o077)
    limit_process(memory_bytes=EXTRA_BYTES, file_bytes=request["file_bytes"])
    with suppress(BrokenPipeError):
        if request["what"] == "send":
            _send(request)
        else:
            _receive(request)
    sys.stdout.flush()
    os._exit(0)  # threads of the library may hang on a peer


def _say(answer: dict[str, Any]) -> None:
    with _lock:
        print(json.dumps(answer), flush=True)


def _send(request: dict[str, Any]) -> None:
    peer = Peer(request["host"], request["port"], request["called"], request["calling"])
    for code in sent(peer, [Path(path) for path in request["files"]]):
        _say({"failed": code})


def _receive(request: dict[str, Any]) -> None:
    told = request["told"]

    def tell(what: str) -> None:
        with suppress(BrokenPipeError):
            if told:
                _say({"failed": "", "got": what})

    reception = Reception(
        Path(request["folder"]),
        request["title"],
        request["host"],
        request["port"],
        tuple(request["callers"]),
        request["max_bytes"],
        request["max_files"],
        request["max_associations"],
    )
    receiver = Receiver(reception, tell)
    try:
        port = receiver.start()
    except (OSError, ValueError):
        _say({"failed": StoreCode.UNREACHABLE})
        return
    _say({"failed": "", "port": port})
    sys.stdin.read()
    receiver.close()


if __name__ == "__main__":
    sys.exit(main())
