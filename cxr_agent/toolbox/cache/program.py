"""Which program, definitions and libraries give a result: hashed once in a process."""

from __future__ import annotations

import hashlib
import inspect
import platform
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).resolve().parents[2]
"""The package."""
_PARTS: Final = (
    "compare",
    "evidence.py",
    "imaging",
    "kb",
    "knowledge",
    "measure",
    "models",
    "study.py",
    "toolbox",
)
"""What a built-in tool can call, besides its own file; all else comes after tools."""
_READ: Final = frozenset((".py", ".toml", ".txt"))
"""Weights have their own hashes, in the key of the tools that run them."""
_LIBRARIES: Final = ("numpy", "scipy", "onnxruntime", "pillow", "pydantic", "torch", "monai")
"""What computes; one that is not here counts as well, as some tools do without it."""


@cache
def program_identity() -> str:
    """SHA-256 over the code and ``kb/`` files behind the tools, and the libraries' versions."""
    digest = hashlib.sha256()
    for path in _files():
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(_ROOT).as_posix()} {content}\n".encode())
    for name in _LIBRARIES:
        digest.update(f"{name} {_version(name)}\n".encode())
    digest.update(f"{platform.python_version()} {platform.machine()}\n".encode())
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for part in _PARTS:
        path = _ROOT / part
        found = path.rglob("*") if path.is_dir() else [path]
        # A link to a folder, as ``kb`` is in a checkout, is followed at the top alone.
        yield from sorted(one for one in found if one.suffix in _READ and one.is_file())


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@cache
def code_identity(function: Callable[..., Any]) -> str | None:
    """SHA-256 over the file that a tool is written in.

    None where that file does not tell what it does: it was typed in, or made by another function
    and so depends on what that was given.
    """
    if not inspect.isfunction(function) or function.__closure__ or "<" in function.__qualname__:
        return None
    source = getattr(sys.modules.get(function.__module__), "__file__", None)
    if source is None or inspect.getsourcefile(function) != source:
        return None
    try:
        return hashlib.sha256(Path(source).read_bytes()).hexdigest()
    except OSError:
        return None


@cache
def environment_identity(interpreter: Path) -> str:
    """SHA-256 over what is installed for another interpreter, by name and version.

    Looked at once: a process that is kept warm has what was there when it began.

    Raises
    ------
    OSError
        When that is no virtual environment, whose packages cannot be told without running it.
    """
    root = interpreter.parent.parent
    digest = hashlib.sha256((root / "pyvenv.cfg").read_bytes())
    names = sorted(
        one.name
        for pattern in ("lib*/python*/site-packages", "Lib/site-packages")
        for folder in root.glob(pattern)
        for one in folder.iterdir()
        if one.suffix in (".dist-info", ".egg-info", ".pth")
    )
    digest.update("\n".join(names).encode())
    return digest.hexdigest()
