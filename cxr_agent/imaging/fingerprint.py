"""What is kept of an identifier: enough to tell that two are the same, not what they are."""

from __future__ import annotations

import hashlib


def fingerprint(identifier: str) -> str:
    """SHA-256 of an identifier in hexadecimal; empty for an empty one."""
    return hashlib.sha256(identifier.encode("utf-8")).hexdigest() if identifier else ""
