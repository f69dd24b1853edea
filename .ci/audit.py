"""Whether the libraries are those that were looked at: pinned, hashed, installed, not known as bad.

The first part asks nobody and always runs. The second looks vulnerabilities up with pip-audit
where a service that knows them can be reached; where none can, it says so in as many words:
nothing was looked up then. ``--offline`` leaves it out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from libraries import CONSTRAINTS, LOCK, ROOT, Locked, constraints, installed, lock, public
from packaging.version import Version
from sbom import differences

BAD = ROOT / ".ci" / "known_bad.toml"
AUDITOR = "pip-audit==2.10.1"
_SECONDS = 5.0
_NOT_LOOKED_UP = (
    "audit: NO vulnerability service can be reached from here (pypi.org and osv.dev were tried), "
    "so nobody was asked what is known of these libraries"
)


def disagreements(pinned: Mapping[str, str], locked: Mapping[str, Locked]) -> Iterator[str]:
    """Where the lock is not what constraints.txt asks for."""
    for name in sorted(pinned.keys() | locked.keys()):
        if name not in locked:
            yield f"{name} is pinned, but not locked: run .ci/lock"
        elif name not in pinned:
            yield f"{name} is locked, but not pinned: run .ci/lock"
        elif pinned[name] != locked[name].version:
            yield f"{name}: {pinned[name]} pinned, {locked[name].version} locked: run .ci/lock"


def strangers(here: Mapping[str, str], locked: Mapping[str, Locked]) -> Iterator[str]:
    """Where an environment is not what the lock gives; versions by name."""
    for name in sorted(here.keys() | locked.keys()):
        if name not in here:
            yield f"{name} is locked, but not installed"
        elif name not in locked:
            yield f"{name} {here[name]} is installed, but not locked: pin it in constraints.txt"
        elif public(here[name]) != locked[name].version:
            yield f"{name}: {here[name]} installed, {locked[name].version} locked"


def bad_ones(locked: Mapping[str, Locked], known: list[dict[str, Any]]) -> Iterator[str]:
    """What of the lock is known as bad."""
    for one in known:
        found = locked.get(one["name"])
        if found is None:
            continue
        below = "below" in one and Version(found.version) < Version(one["below"])
        if below or found.version in one.get("only", ()):
            yield f"{found.name} {found.version}: {one['reason']} (since {one['since']})"


def offline() -> list[str]:
    """All that is wrong by what lies here."""
    pinned, locked = constraints(CONSTRAINTS.read_text()), lock(LOCK.read_text())
    versions = {name: one.version for name, one in installed().items()}
    known = tomllib.loads(BAD.read_text())["bad"]
    return [
        *disagreements(pinned, locked),
        *strangers(versions, locked),
        *bad_ones(locked, known),
        *differences(),
    ]


def service() -> str | None:
    """The first vulnerability service that answers, by pip-audit's name."""
    asked: dict[str, tuple[str, bytes | None]] = {
        "pypi": ("https://pypi.org/pypi/jinja2/3.1.5/json", None),
        "osv": (
            "https://api.osv.dev/v1/query",
            b'{"version": "3.1.5", "package": {"name": "jinja2", "ecosystem": "PyPI"}}',
        ),
    }
    for name, (address, body) in asked.items():
        try:
            with urllib.request.urlopen(address, body, timeout=_SECONDS) as answer:
                said = json.load(answer)
        except (OSError, ValueError):
            continue
        # A release that is known to be vulnerable: who has nothing to say of it knows nothing.
        if said.get("vulnerabilities") or said.get("vulns"):
            return name
    return None


def looked_up(by: str) -> int:
    """pip-audit's exit status; what it could not look up fails, too."""
    with tempfile.TemporaryDirectory() as name:
        venv.create(name, with_pip=True)
        python = Path(name) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", AUDITOR], check=True)
        options = ["--require-hashes", "--disable-pip", "--strict", "--progress-spinner", "off"]
        command = [python, "-m", "pip_audit", "-s", by, *options, "-r", str(LOCK)]
        return subprocess.run(command, check=False).returncode


def main(*options: str) -> int:
    wrong = offline()
    for one in wrong:
        print(f"audit: {one}", file=sys.stderr)
    if wrong:
        return 1
    print("audit: all libraries are pinned, hashed, installed as locked, and not known as bad")
    if "--offline" in options:
        return 0
    by = service()
    if by is None:
        print(_NOT_LOOKED_UP, file=sys.stderr)
        return 0
    return looked_up(by)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
