"""Which program this is, and on which libraries it runs."""

from __future__ import annotations

from functools import cache
from importlib import metadata


def program_version() -> str:
    """Version of the installed package."""
    try:
        return library_version("cxr-agent")
    except metadata.PackageNotFoundError:
        return "0+unknown"


@cache
def library_version(name: str) -> str:
    """Version of an installed distribution, looked up once.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        When there is none.
    """
    return metadata.version(name)
