"""The process that speaks to a DICOMweb server: ``python -m cxr_agent.interop.dicomweb_worker``.

It reads one request as JSON from standard input, leaves films in the folder that it names and
writes one answer to standard output: ``failed`` (a code, or nothing), ``passed`` (counts by code)
and ``cut``. Its messages go nowhere, because the libraries quote what they ask for.
"""

from __future__ import annotations

import json
import os
import sys
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
    request = json.load(sys.stdin)
    os.umask(0o077)
    limit_process(memory_bytes=EXTRA_BYTES, file_bytes=2 * MAX_FILM_BYTES)
    try:
        answer = _answer(request)
    except ServerFailure as failure:
        answer = {"failed": failure.code}
    except MemoryError:
        answer = {"failed": RemoteCode.BAD_ANSWER}
    json.dump(answer, sys.stdout)
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
