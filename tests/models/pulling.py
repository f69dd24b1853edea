"""What tests of pulling share: an upgrade, and how a pull of it is started and looked at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.errors import ModelError
from cxr_agent.models import manifest, pull
from cxr_agent.models.catalogue import Upgrade

BIG = bytes(range(256)) * 1200
"""300 kB: more than one read."""
SMALL = b'{"size": 3}'
WRONG = "0" * 64


def upgrade(source: str, **changes: Any) -> Upgrade:
    entry = {
        "id": "one",
        "family": "cxas",
        "name": "A model",
        "source": source,
        "files": ["big.bin", "part/small.json"],
        "licence": "MIT",
        "licence_url": "https://example.org/licence",
        "purpose": "tests",
        "citation": "nobody",
    }
    return Upgrade.model_validate(entry | changes)


def failure(one: Upgrade, from_folder: Path | None = None) -> ModelError:
    with pytest.raises(ModelError) as caught:
        pull.pull(one, from_folder=from_folder)
    return caught.value


def installed(root: Path) -> dict[str, bytes]:
    """What stands in the model's place; nothing but its files and the manifest."""
    place = root / "one"
    found = {path for path in place.rglob("*") if path.is_file()} - {place / manifest.MANIFEST}
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in sorted(found)}


WHOLE = {"big.bin": BIG, "part/small.json": SMALL}


PULLING = """
import json, sys
from cxr_agent.models.catalogue import Upgrade
from cxr_agent.models.pull import pull
entry = json.loads(sys.argv[1])
pull(Upgrade.model_validate(entry), progress=lambda name, done, total: print(done, flush=True))
"""


def process(one: Upgrade, **more: str) -> subprocess.Popen[bytes]:
    """A pull in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", PULLING, one.model_dump_json()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **more},
    )
