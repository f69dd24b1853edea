"""Where runs are, and the names inside the folder of one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

LINES: Final = "trace.jsonl"
"""The events, one a line."""
HEAD: Final = "head"
"""Which line was the last when the run ended; a run that was cut off has none, or an older one."""
ARTIFACTS: Final = "artifacts"
"""Folder of files named by their SHA-256."""
OVERLAYS: Final = "overlays"
"""Folder of pictures that were drawn on request; they can be drawn again."""
LAST: Final = "last"
"""Stands for the newest run wherever a run is named."""


def default_traces() -> Path:
    """``CXR_AGENT_TRACES``, else ``traces`` in the working folder."""
    return Path(os.environ.get("CXR_AGENT_TRACES") or "traces")
