"""What a batch was made by: versions, devices, options, one entry per session."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from cxr_agent.batch.layout import MANIFEST
from cxr_agent.batch.ledger import Ledger
from cxr_agent.batch.progress import Progress
from cxr_agent.output import write_whole

MANIFEST_VERSION: Final = 1
_SESSIONS: Final = "sessions"


def write_manifest(
    ledger: Ledger,
    *,
    facts: Mapping[str, Mapping[str, Any]],
    runner: Mapping[str, Any],
    progress: Progress,
    stopped: str,
) -> None:
    """Add this session and write the file.

    Parameters
    ----------
    facts
        What the user asked for; tools, versions of libraries, weights.
    runner
        Who read.

    Raises
    ------
    OutputError
        ``output_not_writable``, and as the ledger.
    """
    session = {
        "ended": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seconds": round(progress.seconds, 1),
        "studies": progress.here,
        "lost_attempts": progress.lost,
        "stopped": stopped or None,
        "runner": dict(runner),
        "machine": {"cores": os.cpu_count(), "system": platform.system()},
    }
    sessions = ledger.about(_SESSIONS) or []
    if progress.here or progress.lost:  # to look at what is there is no session
        sessions.append(session)
        ledger.keep_about(_SESSIONS, sessions)
    manifest = {
        "manifest_version": MANIFEST_VERSION,
        "notice": "Research use only; not a diagnosis. Nobody has verified these results.",
        **facts,
        "studies": {state.value: count for state, count in ledger.counts().items()},
        _SESSIONS: sessions,
    }
    data = json.dumps(manifest, indent=2, ensure_ascii=False).encode()
    write_whole(ledger.folder / MANIFEST, data)
