"""The example packages as they lie here: none has to be installed for its own tests."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.guarding import loopback_only  # noqa: F401 - it holds for every test

for project in Path(__file__).parent.glob("*/pyproject.toml"):
    sys.path.insert(0, str(project.parent))
