"""A watch in a process of its own, to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from cxr_agent.interop.dicomweb_archive import DicomwebArchive
from cxr_agent.watching import Watch, WatchOptions
from cxr_agent.watching.ledger import Ledger
from cxr_agent.watching.sources import ServerSource

from .fake import FakeReader

KILLS_ALLOWED = 1000
"""On a slow machine one study may be met by kill after kill."""


def main() -> None:
    """``python -m tests.watching.killed OUT URL SECONDS``; the login is in the environment."""
    out, url, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    server = DicomwebArchive.at(url)
    source = ServerSource(server, days=100_000)
    with Ledger(out, source.identity) as ledger:
        options = WatchOptions(every_s=0.1, settled_s=0.1, retry_s=0.1, ends=KILLS_ALLOWED)
        print("watching", flush=True)
        Watch(ledger, source, FakeReader(seconds), server, options).run()


if __name__ == "__main__":
    main()
