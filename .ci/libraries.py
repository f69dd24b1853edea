"""What constraints.txt, requirements.lock and an environment say of the libraries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
LOCK = ROOT / "requirements.lock"
OURS = "cxr-agent"
_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!_-]*)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Locked:
    """One library of the lock."""

    name: str
    version: str
    sha256: tuple[str, ...]
    """Of each file that may be installed."""


def normal(name: str) -> str:
    """A name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def lines(text: str) -> Iterator[str]:
    """Requirements, one a line, without comments; a line that ends with ``\\`` goes on."""
    for line in text.replace("\\\n", " ").splitlines():
        bare = line.partition("#")[0].strip()
        if bare:
            yield bare


def constraints(text: str) -> dict[str, str]:
    """Version by name; raises ValueError for a line that is more or less than a pinned version."""
    found = {}
    for line in lines(text):
        match = _PINNED.fullmatch(line)
        if match is None:
            raise ValueError(f"constraints.txt: {line!r} pins no version")
        name = normal(match[1])
        if name in found:
            raise ValueError(f"constraints.txt: {name} stands there twice")
        found[name] = match[2]
    return found


def lock(text: str) -> dict[str, Locked]:
    """The lock by name; raises ValueError for a line without a pinned version or without hashes."""
    found = {}
    for line in lines(text):
        first, *rest = line.split()
        match, hashes = _PINNED.fullmatch(first), [_HASH.fullmatch(one) for one in rest]
        if match is None or not hashes or None in hashes:
            raise ValueError(f"requirements.lock: {first!r} is not pinned with hashes alone")
        name = normal(match[1])
        if name in found:
            raise ValueError(f"requirements.lock: {name} stands there twice")
        found[name] = Locked(name, match[2], tuple(one[1] for one in hashes if one))
    return found


def installed(places: Iterable[str] | None = None) -> dict[str, metadata.Distribution]:
    """What is installed in this environment, or in folders, but pip and ourselves."""
    found = metadata.distributions(path=list(places)) if places else metadata.distributions()
    named = {normal(one.name): one for one in found}
    return {name: one for name, one in named.items() if name not in {"pip", OURS}}


def public(version: str) -> str:
    """A version without what is local to a build, as ``+cpu``."""
    return version.partition("+")[0]
