"""Which program this is."""

from __future__ import annotations

from importlib import metadata


def program_version() -> str:
    """Version of the installed package."""
    try:
        return metadata.version("cxr-agent")
    except metadata.PackageNotFoundError:
        return "0+unknown"
