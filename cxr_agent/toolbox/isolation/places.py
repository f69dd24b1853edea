"""Where a tool may ask to be run, and how another process finds it there."""

from __future__ import annotations

import hashlib
import inspect
import ipaddress
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class OwnProcess:
    """A process of its own with this interpreter and what is installed for it.

    ``passes`` names variables of the environment that it gets besides the few that every program
    needs: keys of others do not reach it.
    """

    passes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """As the trace and listings have it."""
        return {"kind": "process"}

    def __str__(self) -> str:
        return "a process of its own"


@dataclass(frozen=True, slots=True)
class OwnEnvironment:
    """A process of its own with the interpreter of another environment.

    That needs Python 3.11, NumPy and pydantic, in any versions that this program's contract runs
    with, and what the tool imports; ``cxr_agent`` comes from here.
    """

    python: str
    """Its interpreter; ``~`` and variables, as in ``$MY_TOOL/bin/python``, are filled in."""
    requires: tuple[str, ...] = ()
    """What pip has to install there besides, to be told to whoever lacks it."""
    passes: tuple[str, ...] = ()
    """As of :class:`OwnProcess`."""

    @property
    def interpreter(self) -> Path:
        # Not resolved: an environment's interpreter is a link, and is known by where the link lies.
        return Path(os.path.expandvars(self.python)).expanduser().absolute()

    @property
    def enabled_by(self) -> tuple[str, ...]:
        """The commands that make it; empty where it is there."""
        place = self.interpreter
        if place.is_file():
            return ()
        return f"python -m venv {place.parent.parent}", self.filled_by

    @property
    def filled_by(self) -> str:
        """The command that installs in it what it needs."""
        needs = " ".join(("numpy", "pydantic", *self.requires))
        return f"{self.interpreter} -m pip install {needs}"

    def record(self) -> dict[str, Any]:
        """As the trace and listings have it."""
        return {"kind": "environment", "python": self.python, "requires": list(self.requires)}

    def __str__(self) -> str:
        return f"an environment of its own, {self.python}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Another program, over HTTP: the film leaves this one, so only where the user allows it."""

    url: str
    """https, or http to this machine itself; no login in it."""
    token_variable: str = ""
    """The variable of the environment that holds the bearer token, where one is needed."""

    def __post_init__(self) -> None:
        fault = _fault_of(self.url)
        if fault:
            raise ValueError(fault)

    def record(self) -> dict[str, Any]:
        """As the trace and listings have it."""
        return {"kind": "endpoint", "url": self.url}

    def __str__(self) -> str:
        return f"a server, {self.url}; the film is sent there, where that is allowed"


Isolation = OwnProcess | OwnEnvironment | Endpoint


@dataclass(frozen=True, slots=True)
class CodePlace:
    """Where the code of a tool is, for another process to load."""

    module: str
    name: str
    file: str
    sha256: str
    """Of the file, when it was loaded here."""


def code_place_of(function: Callable[..., Any]) -> CodePlace:
    """Where a function stands.

    Raises
    ------
    ValueError
        When no other process could find it: it was typed in, or made within another function.
    """
    source = getattr(sys.modules.get(function.__module__), "__file__", None)
    if source is None or "<" in function.__qualname__ or inspect.getsourcefile(function) != source:
        raise ValueError("it must stand in a file, and not within a function")
    path = Path(source).absolute()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return CodePlace(function.__module__, function.__qualname__, os.fspath(path), digest)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _fault_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError:
        return "its address is none"
    if not parts.hostname or parts.username is not None or not url.isascii() or " " in url:
        return "its address is none, or has a login in it"
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname)):
        return ""
    return "its address must be https, or http to this machine"
