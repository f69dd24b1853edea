"""The process that speaks to a DICOMweb server: ``python -m cxr_agent.interop.dicomweb_worker``.

It reads one request as a line of JSON from standard input, leaves films in the folder that it names
and writes one line to standard output: ``failed`` (a code, or nothing), ``passed`` (counts by code)
and ``cut``. When the input ends, because whoever asked has ended, it removes the folder. Its
messages go nowhere, because the libraries quote what they ask for.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from cxr_agent.errors import RemoteCode
from cxr_agent.imaging.patient_key import PatientKey
from cxr_agent.imaging.worker_limits import limit_process
from cxr_agent.interop.dicomweb_http import ServerFailure
from cxr_agent.interop.dicomweb_limits import EXTRA_BYTES, MAX_FILM_BYTES
from cxr_agent.interop.dicomweb_search import Wanted, searched
from cxr_agent.study import View


def main() -> int:
    """Answer one request."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is for the program; the folder is for us
    request = json.loads(sys.stdin.readline())
    os.umask(0o077)
    limit_process(memory_bytes=EXTRA_BYTES, file_bytes=2 * MAX_FILM_BYTES)
    try:
        answer = _answer(request)
    except ServerFailure as failure:
        answer = {"failed": failure.code}
    except MemoryError:
        answer = {"failed": RemoteCode.BAD_ANSWER}
    with suppress(BrokenPipeError):
        print(json.dumps(answer), flush=True)
        sys.stdin.read()
    shutil.rmtree(request["folder"], ignore_errors=True)
    return 0


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    login = request["login"]
    search = searched(
        request["url"],
        None if login is None else (login[0], login[1]),
        request["token"],
        Wanted(
            PatientKey(request["patient_id"], request["issuer"]),
            request["until"],
            frozenset(request["studies"]),
            frozenset(map(View, request["views"])) - {View.UNKNOWN},
        ),
        Path(request["folder"]),
    )
    return {"failed": "", "passed": search.passed, "cut": search.cut}


if __name__ == "__main__":
    sys.exit(main())
