"""Prompts as files: ``prompts/<id>.md``, whose first line names its version."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from cxr_agent.errors import ConfigError

_HEAD = re.compile(r"<!-- version (\d+) -->\n")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt."""

    id: str
    """``plan/1``: name and version."""
    text: str
    sha256: str
    """Of the whole file."""


@lru_cache(maxsize=8)
def load_prompt(name: str) -> Prompt:
    """Read a prompt.

    Raises
    ------
    ConfigError
        ``bad_prompt`` when the file is missing or names no version.
    """
    try:
        data = files("cxr_agent.prompts").joinpath(f"{name}.md").read_bytes()
        head = _HEAD.match(data.decode())
    except (OSError, UnicodeDecodeError):
        head = None
    if head is None:
        raise ConfigError("bad_prompt", f"prompts/{name}.md is missing or names no version")
    return Prompt(
        id=f"{name}/{head.group(1)}",
        text=data.decode()[head.end() :].strip(),
        sha256=hashlib.sha256(data).hexdigest(),
    )
