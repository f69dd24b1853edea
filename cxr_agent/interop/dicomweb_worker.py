"""The process that speaks to a DICOMweb server: ``python -m cxr_agent.interop.dicomweb_worker``.

It reads one request as a line of JSON from standard input and writes lines of JSON to standard
output, each with ``failed`` (a code, or nothing). ``what`` in the request says what is wanted:

``priors``
    Films in the folder that the request names; one line with ``passed`` (counts by code) and
    ``cut``.
``films``
    Films that the request names, in that folder; one line.
``studies``
    Radiographic studies of a search: a line for each, and one with ``cut`` at the end
    (:mod:`cxr_agent.interop.dicomweb_studies`).
``store``
    Files that the request names, to be stored: a line for each, with ``failed`` for that one
    (:mod:`cxr_agent.interop.dicomweb_store`).
``list``
    What a search finds: a line for each film, for each that is passed over and for each study that
    cannot be listed (:mod:`cxr_agent.interop.dicomweb_listing`), and one with ``cut`` at the end.

When the input ends, because whoever asked has ended, it removes the folder. Its messages go
nowhere, because the libraries quote what they ask for.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from cxr_agent.errors import RemoteCode
from cxr_agent.imaging.patient_key import PatientKey
from cxr_agent.imaging.worker_limits import limit_process
from cxr_agent.interop.dicomweb_http import ServerFailure
from cxr_agent.interop.dicomweb_limits import EXTRA_BYTES, MAX_FILM_BYTES
from cxr_agent.interop.dicomweb_listing import Query, fetch, listed
from cxr_agent.interop.dicomweb_search import Wanted, searched
from cxr_agent.interop.dicomweb_store import stored
from cxr_agent.interop.dicomweb_studies import radiographic
from cxr_agent.study import View


def main() -> int:
    """Answer one request."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is for the program; the folder is for us
    request = json.loads(sys.stdin.readline())
    os.umask(0o077)
    limit_process(memory_bytes=EXTRA_BYTES, file_bytes=2 * MAX_FILM_BYTES)
    with suppress(BrokenPipeError):
        try:
            for answer in _ANSWERS[request["what"]](request):
                _say(answer)
        except ServerFailure as failure:
            _say({"failed": failure.code})
        except MemoryError:
            _say({"failed": RemoteCode.BAD_ANSWER})
        sys.stdin.read()
    if "folder" in request:
        shutil.rmtree(request["folder"], ignore_errors=True)
    return 0


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


def _priors(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    search = searched(
        request["url"],
        _login(request),
        request["token"],
        Wanted(
            PatientKey(request["patient_id"], request["issuer"]),
            request["until"],
            frozenset(request["studies"]),
            frozenset(map(View, request["views"])) - {View.UNKNOWN},
        ),
        Path(request["folder"]),
    )
    yield {"failed": "", "passed": search.passed, "cut": search.cut}


def _films(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    login, token = _login(request), request["token"]
    fetch(request["url"], login, token, request["films"], Path(request["folder"]))
    yield {"failed": ""}


def _list(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    query = Query(request["filters"], request["offset"], request["limit"])
    for told in listed(request["url"], _login(request), request["token"], query):
        yield {"failed": "", **told}


def _studies(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for told in radiographic(
        request["url"], _login(request), request["token"], request["since"], request["limit"]
    ):
        yield {"failed": "", **told}


def _store(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    paths = [Path(path) for path in request["files"]]
    for code in stored(request["url"], _login(request), request["token"], paths):
        yield {"failed": code}


def _login(request: dict[str, Any]) -> tuple[str, str] | None:
    login = request["login"]
    return None if login is None else (login[0], login[1])


_ANSWERS: Final[dict[str, Callable[[dict[str, Any]], Iterator[dict[str, Any]]]]] = {
    "priors": _priors,
    "films": _films,
    "list": _list,
    "studies": _studies,
    "store": _store,
}


if __name__ == "__main__":
    sys.exit(main())
