"""Names inside the folder of a run."""

from __future__ import annotations

from typing import Final

LINES: Final = "trace.jsonl"
"""The events, one a line."""
ARTIFACTS: Final = "artifacts"
"""Folder of files named by their SHA-256."""
LAST: Final = "last"
"""Stands for the newest run wherever a run is named."""
