"""Wheels of this program and of the examples, and clean environments to install them in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.guarding.loopback_only import OFF

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "plugins"
_SOURCES = (
    *("cxr_agent", "tools", "kb", "prompts"),
    *("pyproject.toml", "README.md", "LICENSE"),
)
_OFFLINE = '''"""Refuses connections that leave this machine; Python imports it at its start."""

import ipaddress
import socket

_connect = socket.socket.connect


def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        try:
            here = ipaddress.ip_address(address[0]).is_loopback
        except ValueError:
            here = address[0] == "localhost"
        if not here:
            raise OSError(f"the test allows no connection to {address[0]}")
    return _connect(self, address)


socket.socket.connect = connect
'''


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Environment:
    """One virtual environment and the folder that commands run in."""

    root: Path
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        return self.root / "bin" / "python"

    def run(self, *command: str, timeout: float = 120, **more: str) -> Ran:
        """Run a command of the environment; variables may be added by name."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self._variables(), **more},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def program(self, *arguments: str, **more: str) -> Ran:
        """Run ``cxr-agent``, which has to be the one that is installed there."""
        return self.run(str(self.root / "bin" / "cxr-agent"), *arguments, **more)

    def pip(self, *arguments: str, **more: str) -> None:
        """Run pip there; the versions are those of constraints.txt."""
        # The one thing in the tests that needs more than this machine: wheels from the index.
        constrained = {"PIP_CONSTRAINT": str(ROOT / "constraints.txt"), OFF: "pip", **more}
        done = self.run(
            str(self.python), "-m", "pip", "--quiet", *arguments, timeout=500, **constrained
        )
        assert done.status == 0, done.err

    def _variables(self) -> dict[str, str]:
        """Ours, without settings of whoever runs the tests, and without our own package."""
        left_out = ("CXR_AGENT", "PYTHON", "VIRTUAL_ENV", "OPENAI", "LITELLM")
        kept = {n: v for n, v in os.environ.items() if not n.startswith(left_out)}
        path = f"{self.root / 'bin'}{os.pathsep}{kept['PATH']}"
        home = str(self.folder / "home")
        return {**kept, "PATH": path, "HOME": home, "COLUMNS": "100", **self.variables}


def made(root: Path, folder: Path, *, on_top_of: Environment | None = None) -> Environment:
    """A new environment; its programs reach this machine alone.

    Parameters
    ----------
    on_top_of
        Another one, whose libraries it sees beside its own.
    """
    (folder / "home").mkdir(parents=True, exist_ok=True)
    bare = ["--without-pip"] if on_top_of else []
    subprocess.run([sys.executable, "-m", "venv", *bare, str(root)], check=True)
    environment = Environment(root, folder)
    site = libraries(environment)
    if on_top_of is not None:
        (site / "base.pth").write_text(f"{libraries(on_top_of)}\n")
        # Its programs run with the interpreter of this environment, as pip writes them.
        program = root / "bin" / "cxr-agent"
        text = (on_top_of.root / "bin" / "cxr-agent").read_text()
        program.write_text(text.replace(str(on_top_of.python), str(environment.python)))
        program.chmod(0o755)
        (site / "sitecustomize.py").write_text(_OFFLINE)
    return environment


def libraries(environment: Environment) -> Path:
    """Its site-packages."""
    (site,) = (environment.root / "lib").glob("python*/site-packages")
    return site


def wheel_of(source: Path, folder: Path, into: Path) -> Path:
    """The wheel of a project, built from a copy."""
    copy = folder / source.name
    if source == ROOT:
        copy.mkdir()
        for name in _SOURCES:
            taken = source / name
            if taken.is_dir():
                shutil.copytree(
                    taken, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy(taken, copy / name)
    else:
        ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
        shutil.copytree(source, copy, ignore=ignored)
    before = set(into.glob("*.whl"))
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(into))
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(copy)], check=True)
    (made_now,) = set(into.glob("*.whl")) - before
    return made_now
